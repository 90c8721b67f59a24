"""The demo runs to its end, and a second process re-derives everything that it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.forks import command

LANDFAST = [sys.executable, "-m", "landfast"]


def first_json(stream: Any) -> dict[str, Any]:
    """Read the one JSON value that the demo prints before it waits."""
    text = ""
    for line in stream:
        text += line
        if line.startswith("}"):
            return json.loads(text)
    pytest.fail(f"the demo ended without its claims: {text}")


@pytest.fixture
def told(tmp_path: Path) -> Iterator[dict[str, Any]]:
    line = [*LANDFAST, "demo", "--json", "--serve", "--root", str(tmp_path / "demo")]
    demo = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, start_new_session=True)
    with demo:
        try:
            yield first_json(demo.stdout)
        finally:
            demo.send_signal(signal.SIGINT)


def holds(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return all(
            len(found) == value if key == "__len__" else holds(found[key], value)
            for key, value in expected.items()
        )
    return found == expected


def test_a_second_process_re_derives_every_claim(told):
    assert len(told["claims"]) >= 9
    for claim in told["claims"]:
        answer = command(
            [*claim["command"], "--json"], os.environ | told["environment"], Path.cwd()
        )
        assert answer.stderr == "", claim["text"]
        assert holds(json.loads(answer.stdout), claim["expect"]), (claim, answer.stdout)


def test_the_story_names_a_command_at_each_step(tmp_path):
    done = subprocess.run(
        [*LANDFAST, "demo", "--root", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        check=True,
    )
    steps = done.stdout.split("\n\n")
    numbered = [step for step in steps if step.strip()[:1].isdigit()]
    assert len(numbered) == 9
    assert all("landfast " in step for step in numbered[:3])
    assert "byte for byte" in done.stdout


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine").write_text("x")
    done = subprocess.run(
        [*LANDFAST, "demo", "--root", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 11
    assert "is not empty" in done.stderr
    assert "Traceback" not in done.stderr
