"""The processes of a driver: those of its calls, and those that a system starts and leaves behind.

A mark in the environment finds them: what a system starts inherits it, also in a session of its own, and keeps it
when the process that started it is gone.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

MARK = "CONFORMANCE_DRIVER"
_GRACE_S = 60


def marked(mark: str, *, variable: str = MARK) -> dict[int, int]:
    """Return the processes with a mark, or a longer one, with the ticks of CPU that each has used so far.

    Only Linux tells them; elsewhere none is found.
    """
    wanted = f"\0{variable}={mark}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is somebody else's
            if wanted in b"\0" + (process / "environ").read_bytes():
                fields = (process / "stat").read_bytes().rpartition(b")")[2].split()
                found[int(process.name)] = int(fields[11]) + int(fields[12])
    return found


def end(mark: str, *, but: Container[int] = ()) -> None:
    """End every process with a mark at once, and wait until none is left.

    Raises:
        TimeoutError: If some do not end.
    """
    deadline = time.monotonic() + _GRACE_S
    while left := [pid for pid in marked(mark) if pid not in but]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} do not end")
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
