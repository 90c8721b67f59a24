"""Failpoints: kill this process, without a warning, at the n-th moment at which it touches the world.

    points = arm(kill_at=7)        # in a process of its own: it cannot be undone
    work()                         # ends by SIGKILL at the seventh moment
    print(points.summary)          # only reached if there are fewer than seven

A moment is an HTTP request (about to be sent, and sent but not yet answered), an SQL statement or commit, and
a rename or a link of a file; each about to happen.  What the process did before has happened.
"""

from __future__ import annotations

import http.client
import os
import signal
import sys
import threading
from collections import Counter
from typing import Any

REQUEST, ANSWER, STATEMENT, COMMIT, RENAME = "request", "answer", "statement", "commit", "rename"

_RENAMES = {"os.rename", "os.link"}  # `os.replace` announces itself as a rename
_armed: Failpoints | None = None


class Failpoints:
    """Counts moments and kills at one of them.

    Args:
        kill_at: Which, from 1; None counts only.
    """

    def __init__(self, kill_at: int | None) -> None:
        self.begin(kill_at)

    def begin(self, kill_at: int | None) -> None:
        """Count from nothing again, in this process."""
        self.passed: list[str] = []
        self.process = os.getpid()
        self._kill_at = kill_at
        self._lock = threading.Lock()

    def reach(self, kind: str) -> None:
        """Note a moment; at the chosen one nothing returns."""
        with self._lock:
            self.passed.append(kind)
            if len(self.passed) == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    @property
    def summary(self) -> str:
        """How many moments of each kind there were, such as ``31: 4 request, 27 statement``."""
        kinds = sorted(Counter(self.passed).items())
        return f"{len(self.passed)}: " + ", ".join(f"{count} {kind}" for kind, count in kinds)


def arm(kill_at: int | None = None) -> Failpoints:
    """Watch this process from now on, and kill it at its `kill_at`-th moment.

    A fork of a process that is watched may be armed anew, before it begins.

    Raises:
        RuntimeError: If it is watched already.
    """
    global _armed  # noqa: PLW0603 - hooks belong to the process, so does what they report to
    if _armed is not None and _armed.process != os.getpid():
        _armed.begin(kill_at)
        return _armed
    if _armed is not None:
        raise RuntimeError("this process has failpoints already")
    _armed = Failpoints(kill_at)
    _watch_http(_armed)
    _watch_sql(_armed)
    _watch_renames(_armed)
    return _armed


def _watch_http(points: Failpoints) -> None:
    # urllib3, and with it boto3, google-cloud-storage and our own store, end up in http.client.
    connection = http.client.HTTPConnection
    send, receive = connection.putrequest, connection.getresponse

    def putrequest(self: http.client.HTTPConnection, *args: Any, **more: Any) -> None:
        points.reach(REQUEST)
        send(self, *args, **more)

    def getresponse(self: http.client.HTTPConnection) -> http.client.HTTPResponse:
        points.reach(ANSWER)
        return receive(self)

    connection.putrequest = putrequest  # type: ignore[method-assign]
    connection.getresponse = getresponse  # type: ignore[method-assign]


def _watch_sql(points: Failpoints) -> None:
    from sqlalchemy import Engine, event

    event.listen(Engine, "before_cursor_execute", lambda *_: points.reach(STATEMENT))
    event.listen(Engine, "commit", lambda *_: points.reach(COMMIT))


def _watch_renames(points: Failpoints) -> None:
    def hear(name: str, _: tuple[Any, ...]) -> None:
        if name in _RENAMES:
            points.reach(RENAME)

    sys.addaudithook(hear)
