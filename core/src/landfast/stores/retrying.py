"""RetryingStore: asks again what may work later; the only place that retries.

An error with ``details["is_lasting"]`` is not asked again: that many requests have shown it.

A body that is cut while it is read is not retried here: whoever reads knows how far it came.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from landfast.errors import Unavailable
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
from landfast.stores.wrapper import Wrapper

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and how long after each other.

    Args:
        attempts: Tries at most, the first included.
        first_s: Longest wait after the first try, in seconds; it doubles from try to try.
        most_s: Longest wait of all, in seconds; also what a server's Retry-After is cut to.

    Example:
        >>> [RetryPolicy(first_s=1, most_s=3).ceiling_s(tried) for tried in (1, 2, 3)]
        [1.0, 2.0, 3]
    """

    attempts: int = 6
    first_s: float = 0.25
    most_s: float = 30.0

    def ceiling_s(self, tried: int) -> float:
        """Return the longest wait after this many tries."""
        return min(self.most_s, self.first_s * 2.0 ** (tried - 1))

    def wait_s(self, tried: int, error: Unavailable) -> float:
        """Return how long to wait now: what the server asks for, else a random part of the ceiling."""
        asked = error.details.get("retry_after")
        jittered = self.ceiling_s(tried) * random.uniform(0.5, 1)  # noqa: S311 - not a secret
        if isinstance(asked, int | float) and asked >= 0:
            return max(jittered, min(float(asked), self.most_s))
        return jittered


class RetryingStore(Wrapper):
    """Ask again on `Unavailable`, a bounded number of times, waiting `sleep` seconds between."""

    def __init__(
        self,
        inner: Store,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(inner)
        self.policy = policy or RetryPolicy()
        self._sleep = sleep

    def versioning(self, location: Location) -> Versioning:
        """Ask whether overwritten objects are kept."""
        return self._retried(lambda: self.inner.versioning(location))

    def locate(self, location: Location) -> Kind:
        """Tell what a location without final slash is."""
        return self._retried(lambda: self.inner.locate(location))

    def list_page(self, request: ListRequest) -> Page:
        """List one page; rows that come lazily are not asked for again."""
        return self._retried(lambda: self.inner.list_page(request))

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe one object."""
        return self._retried(
            lambda: self.inner.stat(location, version_id=version_id, checksum=checksum)
        )

    @contextlib.contextmanager
    def open(self, pin: Pin, *, start: int = 0) -> Iterator[Reader]:
        """Open the recorded bytes; only the opening is tried again."""
        with contextlib.ExitStack() as stack:
            yield self._retried(lambda: stack.enter_context(self.inner.open(pin, start=start)))

    def _retried(self, call: Callable[[], T]) -> T:
        tried = 1
        while True:
            try:
                return call()
            except Unavailable as error:
                if tried >= self.policy.attempts or error.details.get("is_lasting"):
                    raise
                self._sleep(self.policy.wait_s(tried, error))
                tried += 1
