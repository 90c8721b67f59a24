"""`landfast run exec`: a command of any kind as one run, which all that it calls joins."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import landfast
import pytest
from click.testing import CliRunner
from kit import forks
from landfast.cli import main


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    monkeypatch.setenv("LANDFAST_PROJECT", "weather")
    return url


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "landfast", *words]


def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = forks.command(["run", "exec", *words], dict(os.environ), Path.cwd())
    assert done.returncode == code, done.stderr
    return done


def runs() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(printed("run", "ls", "--json"))
    return found


def printed(*words: str) -> str:
    return CliRunner().invoke(main, words, catch_exceptions=False).stdout


def test_every_command_in_a_script_is_of_one_run_with_its_link(python: list[str]) -> None:
    Path("data.txt").write_text("1")
    cli = shlex.join([*python, "-c", "from landfast.cli import main; main()"])
    script = f"{cli} put data.txt -n raw && {cli} get raw --root out && {cli} put out -n copy"
    run("--job-type", "release", "--link", "https://ci.example/7", "--", "sh", "-c", script)
    (record,) = runs()
    assert (record["system"], record["name"], record["job_type"]) == ("shell", "sh", "release")
    assert (record["status"], record["link"]) == ("finished", "https://ci.example/7")
    edges = printed("lineage", "copy").splitlines()[2:]
    assert [line.split()[1:] for line in edges] == [
        ["logged", "default/weather/raw:v0", "https://ci.example/7"],
        ["used", "default/weather/raw:v0", "https://ci.example/7"],
        ["logged", "default/weather/copy:v0", "https://ci.example/7"],
    ]
    graph = landfast.Client().lineage("copy")
    assert {edge.link for edge in graph.edges} == {"https://ci.example/7"}
    assert {edge["link"] for edge in graph.to_dict()["edges"]} == {"https://ci.example/7"}


def test_a_run_without_a_page_elsewhere_is_led_to_among_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("data.txt").write_text("1")
    run("--", *command("put", "data.txt", "-n", "raw"))
    assert "http" not in printed("lineage", "raw")
    monkeypatch.setenv("LANDFAST_UI_URL", "https://landfast.example/")
    said = printed("lineage", "raw").splitlines()[-1]
    assert said.endswith(f"  https://landfast.example/-/run/{runs()[0]['id']}")


def test_the_exit_code_is_the_commands_and_its_failure_the_runs() -> None:
    run("--", "sh", "-c", "exit 3", code=3)
    run("sh", "-c", "kill -9 $$", code=137)
    assert [record["status"] for record in runs()] == ["failed", "failed"]


def test_the_same_id_is_the_same_run() -> None:
    run("--id", "release-v3", "sh", "-c", "exit 1", code=1)
    run("--id", "release-v3", "true")
    (record,) = runs()
    assert (record["key"], record["status"]) == ("shell/release-v3", "finished")


def test_inside_a_run_the_command_joins_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with landfast.init(project="weather", name="outer") as outer:
        monkeypatch.setenv("LANDFAST_RUN", outer.env()["LANDFAST_RUN"])
        run("sh", "-c", "exit 4", code=4)
        assert [record["status"] for record in runs()] == ["running"]
    assert [(record["name"], record["status"]) for record in runs()] == [("outer", "finished")]


def test_a_program_that_is_not_there_begins_no_run() -> None:
    said = run("no-such-program", code=2).stderr
    assert said.startswith("landfast: there is no program 'no-such-program'.")
    assert not printed("run", "ls")


def test_what_ends_us_ends_the_command() -> None:
    script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    words = command("run", "exec", "sh", "-c", script)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 9
    assert [record["status"] for record in runs()] == ["failed"]


def test_what_ends_us_at_once_ends_the_command() -> None:
    script = "trap 'exit 9' TERM; kill -TERM $PPID; while :; do sleep 0.05; done"
    run("sh", "-c", script, code=9)
    assert [record["status"] for record in runs()] == ["failed"]
