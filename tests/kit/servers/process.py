"""Run a server as a process group of its own: wait until it answers, stop it, leave nothing."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
GRACE_S = 10.0
"""Seconds that a process has between the request to end and SIGKILL."""

# Below Linux's ephemeral range, so that no outgoing connection takes a port before its server does.
_PORTS = range(12_000, 32_000)
_FOREIGN = (
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "GCLOUD_",
    "CLOUDSDK_",
    "LANDFAST_",
    "PG",
    "CEPH_",
    "MOTO_",
)
_TESTS = Path(__file__).parents[2]
WITH_KIT = {"PYTHONPATH": f"{_TESTS}{os.pathsep}{_TESTS.parent}"}
"""The variable by which another Python finds this kit, and the tests by their names."""

_PR_SET_PDEATHSIG = 1
_LOGS: dict[Path, str] = {}


class ServerFailed(RuntimeError):
    """A server did not start or did not answer; the message ends with its log."""


class ServerMissing(RuntimeError):
    """A server is not installed; the message names what to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A running server process."""

    pid: int
    log: Path


def free_port() -> int:
    """Find a loopback TCP port that nothing listens on."""
    for _ in range(200):
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise ServerFailed("no free loopback port between 12000 and 32000 in 200 tries")


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Make a temporary folder for one server and remove it afterwards."""
    with tempfile.TemporaryDirectory(
        prefix=f"landfast-{name}-", ignore_cleanup_errors=True
    ) as path:
        yield Path(path)


def clean_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Copy the environment without credentials and settings that would leak into a server."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
    return {**kept, **WITH_KIT, "HOME": str(home), "PYTHONUNBUFFERED": "1", **(extra or {})}


def answers(port: int) -> bool:
    """Tell whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(10)
        return probe.connect_ex((LOOPBACK, port)) == 0


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    name: str,
    folder: Path,
    ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    timeout_s: float = 180,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Iterator[Process]:
    """Run a command in the foreground until the block ends.

    The process leads its own group, dies with the thread that started it (on Linux), and is
    stopped by `stop_signal`, after `GRACE_S` by SIGKILL to the whole group.

    Args:
        command: The program and its arguments.
        name: What to call it in errors and in the name of its log.
        folder: Where its log goes and where it runs.
        ready: Polled until it answers true.
        env: Its environment; this process's, cleaned, by default.
        user: The system user to run as; this process's by default.
        timeout_s: Seconds to wait for `ready`.
        stop_signal: The signal for an orderly end.

    Raises:
        ServerFailed: It ended early or was not ready in time.
    """
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else clean_environment(folder),
            cwd=folder,
            user=user,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - one prctl call, bound beforehand
        )
    _LOGS[log] = name
    try:
        _wait(child, ready, name=name, log=log, timeout_s=timeout_s)
        yield Process(pid=child.pid, log=log)
    finally:
        _stop(child, stop_signal)
        _LOGS.pop(log, None)


def tail(log: Path, lines: int = 30) -> str:
    """Read the end of a log, for an error message."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) or "(empty log)"


def running_logs() -> dict[str, str]:
    """Read the ends of the logs of all servers that run in this process, for a failed test."""
    return {f"{name}, {log}": tail(log) for log, name in list(_LOGS.items())}


def _die_with_parent() -> Callable[[], None] | None:
    try:
        prctl = ctypes.CDLL(None).prctl
    except (AttributeError, OSError):
        return None  # not Linux: the finally clauses have to do
    return lambda: prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL)) and None


def _wait(
    child: subprocess.Popen[bytes],
    ready: Callable[[], bool],
    *,
    name: str,
    log: Path,
    timeout_s: float,
) -> None:
    deadline = time.monotonic() + timeout_s
    while child.poll() is None:
        if ready():
            return
        if time.monotonic() > deadline:
            raise ServerFailed(f"{name} was not ready after {timeout_s:g} s; its log:\n{tail(log)}")
        time.sleep(0.02)
    raise ServerFailed(f"{name} ended with code {child.returncode} at start; its log:\n{tail(log)}")


def _stop(child: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    if child.poll() is None:
        child.send_signal(stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # stragglers of the group, if any
    child.wait()
