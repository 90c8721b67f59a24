"""`landfast watch --exec`: an argument list, the version in the environment, tried again, stopped cleanly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import landfast
import pytest
from click.testing import CliRunner, Result
from landfast.cli import main
from landfast.follow import delivery

PYTHON = sys.executable
WRITE = (
    "import os, pathlib; pathlib.Path('seen').open('a').write(os.environ['LANDFAST_NAME'] + '\\n')"
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    monkeypatch.setattr(delivery, "backoff", lambda attempt: 0.0)


@pytest.fixture
def url(tmp_path, monkeypatch) -> str:
    url = f"sqlite:///{tmp_path}/registry.db"
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    return url


@pytest.fixture
def put(tmp_path, url):
    (tmp_path / "d").mkdir()

    def put(content: str, name: str = "vision/mnist", **given: object) -> landfast.ArtifactVersion:
        (tmp_path / "d/a").write_text(content)
        draft = landfast.Artifact(name.partition("/")[2], "dataset", **given)
        draft.add_dir(tmp_path / "d")
        return landfast.Client(project=name.partition("/")[0]).log_artifact(draft)

    return put


def watch(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["watch", *arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def seen() -> list[str]:
    return Path("seen").read_text().split() if Path("seen").exists() else []


def test_each_change_runs_the_command_once(put) -> None:
    line = ("vision/mnist", "--once", "--exec", PYTHON, "-c", WRITE)
    put("a")
    watch(*line)
    assert seen() == []  # who watches hears of what happens from then on
    put("b")
    put("c")
    put("c")
    put("x", "vision/other")
    watch(*line)
    watch(*line)
    assert seen() == ["default/vision/mnist:v1", "default/vision/mnist:v2"]


def test_the_environment_tells_the_version_and_no_run_of_elsewhere(put, monkeypatch) -> None:
    version = put("a", partition="2026/05")
    outer = landfast.RunKey(system="airflow", deployment="d", run_id="1", node="watcher")
    monkeypatch.setenv("LANDFAST_RUN", outer.encode())
    monkeypatch.setenv("LANDFAST_PREVIOUS", "of another")
    monkeypatch.delenv("LANDFAST_TEST_COMPLETE", raising=False)
    show = "import os, json; print(json.dumps(dict(os.environ)), file=open('env', 'w'))"
    watch("mnist", "--project", "vision", "--from", "start", "--once", "--exec", PYTHON, "-c", show)
    found = json.loads(Path("env").read_text())
    registry = landfast.Client().registry_info.id
    assert {name: value for name, value in found.items() if name.startswith("LANDFAST_")} == {
        "LANDFAST_NAME": "default/vision/mnist~2026%2F05:v0",
        "LANDFAST_URI": "landfast://default/vision/mnist?version=v0&partition=2026%2F05",
        "LANDFAST_ENTITY": "default",
        "LANDFAST_PROJECT": "vision",
        "LANDFAST_COLLECTION": "mnist",
        "LANDFAST_PARTITION": "2026/05",
        "LANDFAST_VERSION": "v0",
        "LANDFAST_DIGEST": version.digest,
        "LANDFAST_TYPE": "dataset",
        "LANDFAST_ALIAS": "latest",
        "LANDFAST_PREVIOUS": "",
        "LANDFAST_CHANGE_ID": f"{registry}:1",
        "LANDFAST_CHANGE_KIND": "created",
        "LANDFAST_CHANGE_POSITION": "1",
        "LANDFAST_CHANGE_AT": found["LANDFAST_CHANGE_AT"],
        "LANDFAST_REGISTRY_URL": os.environ["LANDFAST_REGISTRY_URL"],
        "LANDFAST_RUN": found["LANDFAST_RUN"],
    }
    key = landfast.RunKey.decode(found["LANDFAST_RUN"])
    assert (key.system, key.run_id) == ("watch", "1")
    systems = {run.key.system for run in landfast.Client().runs()}
    assert "watch" not in systems  # the command neither logged nor used anything


def test_what_the_command_logs_and_uses_is_one_run_and_its_end_is_known(put) -> None:
    put("a")
    job = (
        "import landfast, os, pathlib\n"
        "run = landfast.init(job_type='train')\n"
        "run.use_artifact(os.environ['LANDFAST_NAME'])\n"
        "if not pathlib.Path('tried').exists(): pathlib.Path('tried').touch(); raise SystemExit(7)\n"
    )
    result = watch("vision/mnist", "--from", "start", "--once", "--exec", PYTHON, "-c", job)
    assert "exit code 7; " in result.stderr
    runs = landfast.Client(project="vision").runs()
    (record,) = (run for run in runs if run.key.system == "watch")
    assert (record.status, record.project, record.key.system) == ("finished", "vision", "watch")
    assert len(landfast.Client().edges([record.key])) == 1


def test_a_command_that_fails_is_tried_again_then_said_and_begun_with_again(put) -> None:
    put("a")
    fails = (PYTHON, "-c", "open('seen', 'a').write('x '); raise SystemExit(3)")
    line = ("vision/mnist", "--consumer", "c", "--retries", "2", "--once")
    result = watch(*line, "--from", "start", "--exec", *fails, code=3)
    assert len(seen()) == 3
    assert "tried 3 times" in result.stderr
    assert "exit code 3" in result.stderr
    put("b")
    result = watch(*line, "--skip-failed", "--json", "--exec", *fails)
    told = [json.loads(text) for text in result.stdout.splitlines()]
    assert [(one["position"], one["delivered"]) for one in told] == [(1, False), (2, False)]
    watch(*line, "--exec", PYTHON, "-c", WRITE)
    assert len(seen()) == 9


def test_aliases_are_watched_instead(put) -> None:
    client = landfast.Client(project="vision")
    put("a")
    put("b")
    client.promote("mnist:v0", "prod")
    line = ("--from", "start", "--once", "--json", "--exec", "true")
    told = [json.loads(t) for t in watch("vision/mnist:prod", *line).stdout.splitlines()]
    assert [(one["alias"], one["version"]) for one in told] == [("prod", "default/vision/mnist:v0")]
    told = watch("vision/mnist", "--alias", "*", *line).stdout.splitlines()
    assert len(told) == 3


def test_a_changed_verdict_runs_the_command_once_and_the_content_does_not(put, tmp_path) -> None:
    client = landfast.Client(project="vision")
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a").write_text("a")
    client.log("points", f"file://{tmp_path}/there", aliases=["prod"])
    names = [f"LANDFAST_{name}" for name in ("NAME", "VERDICT", "PREVIOUS_VERDICT", "CHANGE_KIND")]
    show = f"import os; print(*map(os.environ.get, {names}), file=open('seen', 'a'))"
    line = ("vision/points", "--on", "verdict", "--once", "--exec", PYTHON, "-c", show)
    watch(*line)
    client.verify_aliases("points", aliases=["prod"])
    assert seen() == []  # intact, as it was
    (tmp_path / "there/a").unlink()
    for _ in range(2):  # the second look finds what the first found
        client.verify_aliases("points", aliases=["prod"])
    (tmp_path / "there/b").write_text("b")
    client.log("points", f"file://{tmp_path}/there")  # content is not what is watched
    watch(*line)
    watch(*line)
    assert seen() == ["default/vision/points:v0", "gone", "intact", "verdict"]


def test_no_shell_reads_what_the_version_is_called(put) -> None:
    put("a", partition="$(touch hacked); `touch hacked`")
    watch(
        "vision/*",
        "--from",
        "start",
        "--once",
        "--exec",
        f"'{PYTHON}' -c \"{WRITE}\" ; touch hacked",
    )
    assert len(seen()) == 1
    assert not Path("hacked").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--exec", "true", "x", "--once"], "--once stands behind the command"),
        (["--exec"], "needs a command"),
        (["--exec", "--once"], "needs a command"),
        (["--exec", "no-such-program-here"], "no program"),
        (["--exec", "'"], "quotation"),
        (["--once"], "--exec COMMAND or --webhook"),
        (["--webhook", "https://h/", "--exec", "true"], "--exec COMMAND or --webhook"),
        (["--from", "yesterday", "--exec", "true"], "yesterday"),
    ],
)
def test_a_wrong_call_says_what_to_write(url, words, says) -> None:
    assert says in watch("mnist", *words, code=2).stderr


def test_options_may_stand_behind_a_command_that_is_one_argument(put) -> None:
    put("a")
    for words in (["true", "--once"], [f"{PYTHON} -c 'pass'", "--once"]):
        watch("vision/mnist", "--exec", *words)
    watch("vision/mnist", "--once", "--exec", "--", PYTHON, "-c", "pass", "--once")


def test_a_program_that_cannot_be_run_any_more_fails_as_a_shell_says(put, tmp_path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/nowhere/interpreter\n")
    program.chmod(0o755)
    put("a")
    line = ("vision/mnist", "--from", "start", "--once", "--retries", "0", "--exec")
    assert "does not start" in watch(*line, str(program), code=127).stderr
    ended = watch(*line, PYTHON, "-c", "import os; os.kill(os.getpid(), 9)", code=137)
    assert "SIGKILL" in ended.stderr


def test_no_registry_is_said(url) -> None:
    assert "registry" in watch("mnist", "--once", "--exec", "true", code=10).stderr


def started(*words: str) -> subprocess.Popen[str]:
    line = [PYTHON, "-m", "landfast", "watch", "vision/mnist", *words]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_asked_to_stop_it_ends_cleanly_and_what_was_cut_off_is_told_again(put) -> None:
    put("a")
    hangs = "import time; print('here', flush=True); time.sleep(600)"
    words = ("--consumer", "c", "--from", "start", "--exec", PYTHON, "-c", hangs)
    for number in (signal.SIGTERM, signal.SIGINT):
        process = started(*words)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, ""), err
    assert (
        "delivered" in watch("vision/mnist", "--consumer", "c", "--once", "--exec", "true").stdout
    )


def test_asked_to_stop_while_it_waits_it_ends_at_once(put) -> None:
    put("a")
    words = (
        "--interval",
        "600",
        "--from",
        "start",
        "--exec",
        PYTHON,
        "-c",
        "print('done', flush=True)",
    )
    process = started(*words)
    assert process.stdout is not None
    while "delivered" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, ""), err


def test_a_webhook_is_sent_again_until_it_is_taken(put, http_script, monkeypatch) -> None:
    monkeypatch.setenv("LANDFAST_WEBHOOK_SECRET", "s3cret")
    hook = http_script.put("/T0P/hook", statuses=(500, 429))
    put("a")
    put("b")
    line = ("vision/mnist", "--from", "start", "--once", "--webhook", hook)
    result = watch(*line)
    ids = [request.headers["webhook-id"].rpartition(":")[2] for request in http_script.requests]
    assert ids == ["1", "1", "1", "2"]
    assert "answered 500" in result.stderr
    assert not any(word in result.output for word in ("s3cret", "T0P"))
    http_script.change("/T0P/hook", statuses=(500,) * 10)
    put("c")
    refused = watch("vision/mnist", "--once", "--retries", "1", "--webhook", hook, code=15)
    assert "tried 2 times" in refused.stderr
    http_script.change("/T0P/hook", statuses=())
    watch("vision/mnist", "--once", "--webhook", hook)
    assert http_script.requests[-1].headers["webhook-id"].endswith(":3")
