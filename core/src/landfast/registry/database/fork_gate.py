"""Let a process fork while it uses SQLite: the child must not inherit an open connection.

SQLite keeps the locks of a process in the process's memory, one entry a file.  A child that inherits
it believes that it holds what its parent holds: it waits for itself, or reads what is being replaced.
See "Do not open an SQLite database connection, then fork" in https://sqlite.org/howtocorrupt.html.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

_PATIENCE_S = 10.0


class _Gate:
    """Counts the transactions under way, and keeps new ones out while the process forks."""

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Begin with nobody inside."""
        self.changed = threading.Condition()
        self.under_way = 0
        self.forks = 0


_gate = _Gate()
_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def close_before_fork(engine: Engine) -> None:
    """Have the idle connections of the engine closed whenever the process forks."""
    _engines.add(engine)


@contextmanager
def not_while_forking() -> Iterator[None]:
    """Hold a transaction in here: a fork waits for its end, and it waits for the end of a fork."""
    gate = _gate
    with gate.changed:
        gate.changed.wait_for(lambda: gate.forks == 0)
        gate.under_way += 1
    try:
        yield
    finally:
        with gate.changed:
            gate.under_way -= 1
            gate.changed.notify_all()


def _before() -> None:
    with _gate.changed:
        _gate.forks += 1
        # Nobody has a reason to take longer; but a fork that never comes would be worse.
        _gate.changed.wait_for(lambda: _gate.under_way == 0, timeout=_PATIENCE_S)
    for engine in list(_engines):
        engine.dispose()


def _after_in_parent() -> None:
    with _gate.changed:
        _gate.forks -= 1
        _gate.changed.notify_all()


def _after_in_child() -> None:
    # The lock may have been held by a thread that does not exist here.
    _gate.open()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
