"""A Python that begins at once does what one does that begins from nothing."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

SAYS = """
import os, sys, atexit
atexit.register(print, "at the end")
print(sys.argv, os.environ["WORD"], os.getcwd(), sys.stdin.read())
print("to stderr", file=sys.stderr)
sys.exit(7)
"""


def test_it_has_arguments_environment_folder_and_streams(python: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*python, "-c", SAYS, "one", "two words"],
        env={**os.environ, "WORD": "é"},
        cwd=tmp_path,
        input="typed",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    assert done.stdout == f"['-c', 'one', 'two words'] é {tmp_path} typed\nat the end\n"
    assert done.stderr == "to stderr\n"


def test_it_ends_as_the_code_does(python: list[str]) -> None:
    def run(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*python, "-c", code], capture_output=True, text=True, check=False)

    assert run("pass").returncode == 0
    failed = run("1 / 0")
    assert failed.returncode == 1
    assert failed.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert run("import os; os.kill(os.getpid(), 9)").returncode == -signal.SIGKILL
    said = run("import sys; sys.exit('a reason')")
    assert (said.returncode, said.stderr) == (1, "a reason\n")


def test_it_ends_with_who_began_it(python: list[str]) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with subprocess.Popen([*python, "-c", code], stdout=subprocess.PIPE, text=True) as begun:
        assert begun.stdout is not None
        watched = os.pidfd_open(int(begun.stdout.readline()))
        begun.kill()
        assert select.select([watched], [], [], 60)[0]
        os.close(watched)


def test_each_begins_anew(python: list[str]) -> None:
    code = "import landfast, os; os.environ['X'] = '1'; assert not hasattr(landfast, 'x'); landfast.x = 1"
    for _ in range(2):
        assert subprocess.run([*python, "-c", code], check=False).returncode == 0
    with pytest.raises(KeyError):
        os.environ["X"]
