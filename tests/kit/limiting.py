"""LimitingStore: never more than so many requests at once."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

from kit.wrapper import Wrapper
from landfast.model.location import Location
from landfast.stores.base import (
    ChecksumKind,
    Kind,
    ListRequest,
    ObjectInfo,
    Page,
    Pin,
    Reader,
    Store,
    Versioning,
)


class LimitingStore(Wrapper):
    """Let at most `limit` requests run at once in this process; an open body counts until it is closed.

    Args:
        inner: The store that does the work.
        limit: At least 1.
    """

    def __init__(self, inner: Store, limit: int) -> None:
        super().__init__(inner)
        self.limit = limit
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._slots = threading.BoundedSemaphore(self.limit)

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        if self._pid != os.getpid():  # slots taken by threads that the fork left behind
            self._reset()
        with self._slots:
            yield

    def versioning(self, location: Location) -> Versioning:
        """Wait for a slot and pass on."""
        with self._slot():
            return self.inner.versioning(location)

    def locate(self, location: Location) -> Kind:
        """Wait for a slot and pass on."""
        with self._slot():
            return self.inner.locate(location)

    def list_page(self, request: ListRequest) -> Page:
        """Wait for a slot and pass on."""
        with self._slot():
            return self.inner.list_page(request)

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Wait for a slot and pass on."""
        with self._slot():
            return self.inner.stat(location, version_id=version_id, checksum=checksum)

    @contextlib.contextmanager
    def open(self, pin: Pin, *, start: int = 0) -> Iterator[Reader]:
        """Wait for a slot, and keep it until the body is closed."""
        with self._slot(), self.inner.open(pin, start=start) as reader:
            yield reader

    def __reduce__(self) -> tuple[Any, ...]:
        return LimitingStore, (self.inner, self.limit)
