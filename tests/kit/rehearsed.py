"""Processes that begin warm: forks of one that has done the same work before.

    with rehearsed(work, first) as stage:     # `work(first)` to its end
        stage.run(second, 7)                  # `work(second, 7)` in a fork of it

What a process does only once (import, compile its SQL, read a service's model) costs more than most work that
is killed in its middle.  The forks share no connection: what has been rehearsed has closed all it opened.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from kit.forks import context, fork


class Stage:
    """A process that waits for what it should do next, each time in a fork of itself."""

    def __init__(self, talk: Connection, patience_s: float) -> None:
        self._talk = talk
        self._patience_s = patience_s

    def run(self, *arguments: Any) -> int:
        """Do the work in a fork of its own and return its exit code, negative the signal that ended it.

        Raises:
            TimeoutError: If it does not end; it is killed.
        """
        self._talk.send((dict(os.environ), arguments))
        return self.ended()

    def ended(self) -> int:
        """Wait for the end of what was begun."""
        if not self._talk.poll(self._patience_s):
            raise TimeoutError(f"no end after {self._patience_s} s")
        code: int = self._talk.recv()
        return code


@contextmanager
def rehearsed(
    work: Callable[..., object], *arguments: Any, patience_s: float = 300
) -> Iterator[Stage]:
    """Do the work once, to its end, in a process of its own, and keep that process to be forked.

    Args:
        work: Imported by name; it must leave no thread and no connection behind.
        arguments: Of the first time.
        patience_s: How long one run may take, in seconds.
    """
    here, there = context.Pipe()
    process = fork(_serve, there, work, *arguments)
    process.start()
    there.close()
    assert process.pid is not None
    stage = Stage(here, patience_s)
    try:
        assert stage.ended() == 0, "the rehearsal failed"
        yield stage
    finally:
        here.close()  # the process reads the end of its orders, and ends
        process.join(5)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()


def _serve(talk: Connection, work: Callable[..., object], *first: Any) -> None:
    os.setpgid(0, 0)  # a group with its forks, to be ended together
    work(*first)
    alive = [thread.name for thread in threading.enumerate()]
    assert len(alive) == 1, f"a fork would lack the threads {alive}"
    talk.send(0)
    while True:
        try:
            environment, arguments = talk.recv()
        except EOFError:
            return
        child = os.fork()
        if child == 0:
            _do(environment, work, *arguments)
        talk.send(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _do(environment: dict[str, str], work: Callable[..., object], *arguments: Any) -> None:
    """Work, and end without what the process that was forked has to do at its own end."""
    try:
        os.environ.clear()
        os.environ.update(environment)
        work(*arguments)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)
