"""A driver of a system that leaves a process behind, in a session of its own, deaf to everything but SIGKILL."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from conformance.drivers.serve import serve

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(3600)
"""


def leave(told: str) -> None:
    """Leave a process behind, and write its pid."""
    stray = subprocess.Popen(
        [sys.executable, "-c", DEAF], stdout=subprocess.PIPE, start_new_session=True
    )
    assert stray.stdout is not None
    stray.stdout.readline()
    Path(told).with_suffix(".new").write_text(str(stray.pid))
    Path(told).with_suffix(".new").rename(told)


def leave_and_wait(told: str) -> None:
    """Leave one, and do not come to an end."""
    leave(told)
    time.sleep(3600)


def work(seconds: float) -> str:
    """Use so much of a CPU, which takes longer on a machine that is busy."""
    while time.process_time() < seconds:
        pass
    return "done"


if __name__ == "__main__":
    serve(leave=leave, leave_and_wait=leave_and_wait, work=work)
