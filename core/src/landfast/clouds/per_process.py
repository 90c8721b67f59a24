"""PerProcess: a client of each process's own, made on first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class PerProcess:
    """A client that is made on first use in each process: connections survive neither fork nor pickle."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._state = _State(pid=os.getpid(), lock=threading.Lock())

    def __call__(self) -> Any:
        """Return this process's client."""
        state = self._state
        if state.pid != os.getpid():
            # A new lock too: the old one may have been held when the process forked.
            self._state = state = _State(pid=os.getpid(), lock=threading.Lock())
        if state.client is None:
            with state.lock:
                if state.client is None:
                    state.client = self._make()
        return state.client

    def __reduce__(self) -> tuple[Any, ...]:
        return PerProcess, (self._make,)


@dataclass(slots=True)
class _State:
    pid: int
    lock: threading.Lock
    client: Any = None
