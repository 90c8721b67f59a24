"""What the drivers of all systems share: a socket to be called at, and a process of its own for every call.

A driver imports its system once and then forks for each call, so that nothing but what is on disk goes from one call
to the next, and a call can be killed like any process.  A call is a line of JSON; the answer is the pid of its process
in a line, then a line of JSON when it is done.  Standard library only: each system has an environment of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import json
import os
import signal
import socketserver
import sys
from collections.abc import Callable, Mapping
from typing import Any

Verb = Callable[..., Any]


class NotSupported(Exception):
    """What was asked is nothing that the system's documentation says it can do."""


def serve(**verbs: Verb) -> None:
    """Answer calls at the socket that the command line names, until this process is ended."""
    with _Server(sys.argv[1], type("Bound", (_Handler,), {"verbs": verbs})) as server:
        server.serve_forever()


BUILT_IN: dict[str, Verb] = {
    "version": importlib.metadata.version,
    # What a version says that it is without; most systems keep no such list.
    "left_out": lambda **_: [],
}


class _Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 64


class _Handler(socketserver.StreamRequestHandler):
    verbs: dict[str, Verb]

    def handle(self) -> None:
        """Do one call, in this forked process: its home, its variables, its output."""
        _end_with_parent()
        call = json.loads(self.rfile.readline())
        self._say(os.getpid())
        os.chdir(call["home"])
        os.environ.update(call["environment"])
        with open(call["output"], "ab") as output:  # noqa: PTH123 - by its number, for whatever prints
            for stream in (1, 2):
                os.dup2(output.fileno(), stream)
        done = _done((BUILT_IN | self.verbs)[call["verb"]], call["arguments"])
        sys.stdout.flush()
        self._say(done)

    def _say(self, what: object) -> None:
        self.wfile.write(json.dumps(what).encode() + b"\n")
        self.wfile.flush()


def _end_with_parent() -> None:
    """Let this process end when the driver does, however that ends (on Linux)."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _done(verb: Verb, arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": verb(**arguments)}
    except NotSupported as reason:
        return {"unsupported": str(reason)}
    except BaseException as error:  # noqa: BLE001 - a system may raise or exit as it likes
        return {"error": type(error).__name__, "message": _whole(error)}


def _whole(error: BaseException) -> str:
    """Say what an error says, and what those say that it was raised from."""
    told: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(told) < 5:
        if (text := str(cause).strip()) and text not in told:
            told.append(text)
        cause = cause.__cause__ or cause.__context__
    return " < ".join(told)
