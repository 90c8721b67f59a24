"""Failpoints count what touches the world, and kill before it happens."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, urllib.request
from sqlalchemy import create_engine, text
from kit.failpoints import arm

url, kill_at = sys.argv[1], int(sys.argv[2]) or None
points = arm(kill_at)
open("a", "w").close()
os.replace("a", "b")
os.link("b", "c")
urllib.request.urlopen(url).read()
with create_engine("sqlite:///x.db").begin() as connection:
    connection.execute(text("CREATE TABLE t (i INT)"))
print(points.summary)
"""


def run(folder: Path, url: str, kill_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, url, str(kill_at)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_moment_is_counted(tmp_path, http_script):
    done = run(tmp_path, http_script.put("/x", b"body"), 0)
    assert done.stdout == "6: 1 answer, 1 commit, 2 rename, 1 request, 1 statement\n"


@pytest.mark.parametrize(
    ("kill_at", "files", "requests"),
    [
        (1, {"a"}, 0),
        (2, {"b"}, 0),
        (3, {"b", "c"}, 0),
        (4, {"b", "c"}, 1),
        (5, {"b", "c", "x.db"}, 1),
    ],
)
def test_the_process_dies_before_the_moment(tmp_path, http_script, kill_at, files, requests):
    done = run(tmp_path, http_script.put("/x", b"body"), kill_at)
    assert done.returncode == -signal.SIGKILL
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == files
    assert len(http_script.methods("/x")) <= requests
