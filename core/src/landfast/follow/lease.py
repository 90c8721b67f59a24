"""Lease: the right to follow in a consumer's name, renewed in the background for as long as it is held."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from landfast.errors import Conflict, LandfastError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from landfast.registry.registry import Registry
    from landfast.registry.values import Stream

LEASE = timedelta(seconds=30)
"""How long who follows may be silent before somebody else goes on in its place: after a kill, so long."""


class Lease:
    """Holds a consumer from `take` on, until it is left.

    Args:
        registry: Where the consumer is remembered.
        consumer: Its name.
        length: How long it lasts without being renewed.
    """

    def __init__(self, registry: Registry, consumer: str, length: timedelta = LEASE) -> None:
        self._registry = registry
        self._consumer = consumer
        self._length = length
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._left = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> None:
        """Become the holder; `Conflict` if somebody else is."""
        self._registry.consumers.take(self._consumer, self._holder, self._length)
        self._thread = threading.Thread(target=self._renew, name="landfast-lease", daemon=True)
        self._thread.start()

    def remember(self, told: Mapping[Stream, int]) -> None:
        """Set the consumer's positions; `Conflict` if somebody else has taken over."""
        self._registry.consumers.remember(self._consumer, self._holder, self._length, told)

    def _renew(self) -> None:
        while not self._left.wait(self._length.total_seconds() / 3):
            # A registry that does not answer may do so the next time; who took over is met when a position is set.
            with contextlib.suppress(LandfastError):
                self._registry.consumers.renew(self._consumer, self._holder, self._length)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        if self._thread is None:
            return
        self._thread.join()
        with contextlib.suppress(LandfastError):  # it ends by itself
            self._registry.consumers.release(self._consumer, self._holder)


def until(error: Conflict) -> str:
    """Return when the lease that was met ends, for a message."""
    return f"{error.details['until']:%H:%M:%S} UTC"
