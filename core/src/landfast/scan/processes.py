"""Processes: list ranges of a folder beside this interpreter, which one lock keeps to one core.

A child is a fresh interpreter that imports neither the user's main module nor anything of this process: it is handed a
job by its standard input, credentials of the store included, and asks for ranges over sockets, one for each of its
streams.  What it finds it writes into files.  It ends with its sockets, so none outlives this process.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from landfast.errors import LandfastError, Unavailable
from landfast.manifests.base import Manifest
from landfast.scan.lister import Job, list_ranges, nothing_before
from landfast.scan.listing import Previous
from landfast.scan.parts import Part
from landfast.scan.ranges import Grant, Offer, Ranges, SharedRanges, Stopped

_BEGIN = (
    "import pickle, sys\n"
    "sys.path[:] = pickle.load(sys.stdin.buffer)\n"
    "from landfast.scan.processes import main\n"
    "main()\n"
)


class Processes:
    """Children that list ranges, each by so many streams.

    Raises:
        PicklingError: If the store cannot be sent; or whatever else pickling raises.
    """

    def __init__(self, job: Job, ranges: SharedRanges, *, count: int, streams: int) -> None:
        self._ranges = ranges
        self._previous = job.previous
        self._children: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        # What the manifest before is they ask for where they need it, as history is deep.
        sent = pickle.dumps(replace(job, previous=nothing_before))
        # A machine that begins no more of them goes on with those that it has.
        with contextlib.suppress(OSError):
            for _ in range(count):
                self._begin(sent, streams)

    def _begin(self, job: bytes, streams: int) -> None:
        pairs = [socket.socketpair() for _ in range(streams)]
        theirs = [there.fileno() for _, there in pairs]
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _BEGIN], stdin=subprocess.PIPE, pass_fds=theirs
        )
        self._children.append(child)
        for here, there in pairs:
            there.close()
            thread = threading.Thread(
                target=_serve,
                args=(Connection(here.detach()), self._ranges, self._previous),
                daemon=True,
            )
            thread.start()
            self._threads.append(thread)
        assert child.stdin is not None
        # That it died its sockets tell.
        with contextlib.suppress(BrokenPipeError), child.stdin as stdin:
            stdin.write(pickle.dumps(sys.path) + pickle.dumps(theirs) + job)

    def end(self) -> None:
        """End them: what they had found is in files."""
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait()
        for thread in self._threads:
            thread.join()


def _serve(asked: Connection, ranges: SharedRanges, previous: Previous) -> None:
    """Answer one stream of a child, until it has nothing more to do."""
    is_done = False
    with asked:
        while not is_done:
            try:
                method, arguments = asked.recv()
            except (EOFError, OSError):
                ranges.fail(_died())
                return
            call = previous if method == "previous" else getattr(ranges, method)
            answer, error = _answer(call, arguments)
            is_done = method == "fail" or isinstance(error, Stopped)
            is_done = is_done or (method == "offer" and answer is None)
            try:
                asked.send((answer, error))
            except OSError:
                ranges.fail(_died())
                return


def _answer(
    method: Callable[..., Any], arguments: Sequence[Any]
) -> tuple[Any, BaseException | None]:
    try:
        return method(*arguments), None
    except (Stopped, LandfastError) as error:
        return None, error


def _died() -> Unavailable:
    return Unavailable(
        "a process that listed a part of the folder died",
        hint="It may have run out of memory; workers=1 lists in this process alone.",
    )


class _Asked(Ranges):
    """The ranges of the parent."""

    def __init__(self, parent: Connection) -> None:
        self._parent = parent

    def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            self._parent.send((method, arguments))
            answer, error = self._parent.recv()
        except (EOFError, OSError):
            raise Stopped from None
        if error is not None:
            raise error
        return answer

    def previous(self) -> Manifest | None:
        """Return the manifest before, which is a file on this machine."""
        found: Manifest | None = self._ask("previous")
        return found

    def offer(self) -> Offer | None:
        found: Offer | None = self._ask("offer")
        return found

    def answer(self, offer: Offer, found: str | None) -> Grant | None:
        granted: Grant | None = self._ask("answer", offer, found)
        return granted

    def commit(self, number: int, keys: Sequence[str], rows: int) -> str | None:
        upto: str | None = self._ask("commit", number, keys, rows)
        return upto

    def count(self, entries: int) -> None:
        self._ask("count", entries)

    def finish(self, number: int, rows: int, part: Part | None) -> None:
        self._ask("finish", number, rows, part)

    def fail(self, error: BaseException) -> None:
        with contextlib.suppress(Stopped):
            self._ask("fail", error)


def _prepare(job: Job) -> None:
    """Do what takes long once, before anybody waits for a range that this child was given."""
    import pyarrow.compute  # noqa: F401

    _ = job.store.endpoint  # which makes the client


def main() -> None:
    """List what the parent has, in this child."""
    # Of an interrupt the parent is told too, and tells.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sent = sys.stdin.buffer
    sockets, job = pickle.load(sent), pickle.load(sent)  # noqa: S301 - from the parent
    _prepare(job)
    threads = []
    for number in sockets:
        asked = _Asked(Connection(number))
        mine = replace(job, previous=asked.previous)
        threads.append(threading.Thread(target=list_ranges, args=(mine, asked), daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)
