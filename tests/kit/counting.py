"""CountingStore: counts what is asked of a store, by method."""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import AbstractContextManager

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


class RequestCounts:
    """How often each method was called; shared by many stores and threads.

    Example:
        >>> counts = RequestCounts()
        >>> counts.add("open")
        >>> counts.as_dict()
        {'open': 1}
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, method: str) -> None:
        """Count one call."""
        if self._pid != os.getpid():  # the lock may have been held at the fork
            self._reset()
        with self._lock:
            self._counts[method] += 1

    def as_dict(self) -> dict[str, int]:
        """Return the counts by method, sorted by name."""
        return dict(sorted(self._counts.items()))

    def __getitem__(self, method: str) -> int:
        return self._counts[method]

    def __getstate__(self) -> dict[str, int]:
        return self.as_dict()

    def __setstate__(self, state: dict[str, int]) -> None:
        self._reset()
        self._counts.update(state)


class CountingStore(Wrapper):
    """Count calls of the methods that send a request.

    Args:
        inner: The store that does the work.
        counts: Where to count.
    """

    def __init__(self, inner: Store, counts: RequestCounts | None = None) -> None:
        super().__init__(inner)
        self.counts = counts or RequestCounts()

    def versioning(self, location: Location) -> Versioning:
        """Count and pass on."""
        self.counts.add("versioning")
        return self.inner.versioning(location)

    def locate(self, location: Location) -> Kind:
        """Count and pass on."""
        self.counts.add("locate")
        return self.inner.locate(location)

    def list_page(self, request: ListRequest) -> Page:
        """Count and pass on."""
        self.counts.add("list_page")
        return self.inner.list_page(request)

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Count and pass on."""
        self.counts.add("stat")
        return self.inner.stat(location, version_id=version_id, checksum=checksum)

    def open(self, pin: Pin, *, start: int = 0) -> AbstractContextManager[Reader]:
        """Count and pass on."""
        self.counts.add("open")
        return self.inner.open(pin, start=start)
