"""A server process is awaited, stopped with its whole group, and explained when it fails."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kit.servers.process import (
    ServerFailed,
    answers,
    clean_environment,
    free_port,
    running,
    running_logs,
)

LISTEN = """
import socket, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Tell whether a process has ended; one that waits for init to reap it has."""
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" in status.read_text()


def eventually(condition, timeout_s: float = 60) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(condition())


def test_a_process_answers_inside_its_block_and_leaves_no_child_behind(tmp_path):
    port = free_port()
    command = [sys.executable, "-c", LISTEN, str(port)]
    with running(command, name="listen", folder=tmp_path, ready=lambda: answers(port)) as process:
        grandchild = int(process.log.read_text())
        assert not gone(process.pid)
        assert not gone(grandchild)
        assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
        (log,) = [text for name, text in running_logs().items() if name.startswith("listen, ")]
        assert log == str(grandchild)
    assert not any(name.startswith("listen, ") for name in running_logs())
    assert not answers(port)
    assert eventually(lambda: gone(process.pid))
    assert eventually(lambda: gone(grandchild))


def test_a_process_that_ends_at_once_is_an_error_with_its_log(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('no such configuration')"]
    with (
        pytest.raises(ServerFailed, match=r"(?s)ended with code 1 .*no such configuration"),
        running(command, name="broken", folder=tmp_path, ready=lambda: False),
    ):
        pytest.fail("a dead process was taken for a running one")


def test_a_process_that_never_answers_is_an_error_and_is_stopped(tmp_path):
    command = [
        *(sys.executable, "-c"),
        "import os, time; print(os.getpid(), flush=True); time.sleep(600)",
    ]
    with (
        pytest.raises(ServerFailed, match=r"not ready after 1 s"),
        running(command, name="mute", folder=tmp_path, ready=lambda: False, timeout_s=1),
    ):
        pytest.fail("a mute process was taken for a ready one")
    assert gone(int((tmp_path / "mute.log").read_text()))


def test_a_process_that_ignores_the_signal_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("kit.servers.process.GRACE_S", 0.2)
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    log = tmp_path / "deaf.log"
    with running(
        [sys.executable, "-c", script], name="deaf", folder=tmp_path, ready=log.read_text
    ) as process:
        pass
    assert gone(process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_a_killed_test_run_takes_its_servers_along(tmp_path):
    script = f"""
import sys, time
from pathlib import Path
from kit.servers.process import running
command = [sys.executable, "-c", "import time; time.sleep(600)"]
with running(command, name="orphan", folder=Path({str(tmp_path)!r}), ready=lambda: True) as process:
    print(process.pid, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as run:
        pid = int(run.stdout.readline())
        assert not gone(pid)
        run.send_signal(signal.SIGKILL)
    assert eventually(lambda: gone(pid))


def test_servers_inherit_no_credentials(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "leak")
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", "leak")
    assert "leak" not in clean_environment(tmp_path).values()
    assert clean_environment(tmp_path, {"HOME": "/elsewhere"})["HOME"] == "/elsewhere"
