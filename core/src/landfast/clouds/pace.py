"""Pace: ask a server that is asked too often for fewer things at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf
from typing import TypeVar

from landfast.clouds.s3_codes import THROTTLED
from landfast.errors import Unavailable

T = TypeVar("T")

# GCS says it of some limits by 403, which is `Unavailable` of these alone.
_STATUSES = frozenset({403, 429, 503})


def is_throttled(error: Unavailable) -> bool:
    """Tell whether a server means that it is asked too often, and not that something broke."""
    # S3 says it in a reply of 200, or of 500, too.
    return error.details.get("status") in _STATUSES or error.details.get("code") in THROTTLED


class Pace:
    """How many requests run at once: as many as there are threads, until the server asks for fewer.

    Then half of those that ran, and one more after each round that it answers: additive increase, multiplicative
    decrease, as TCP does it (RFC 5681, section 3.1).  What was on its way when the number was halved does not halve it
    again.  A request that waits to be asked again does not count as running.

    Example:
        >>> Pace().run(lambda: "answer")
        'answer'
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._limit = inf
        self._running = 0
        self._begun = 0
        # The newest request that had begun when the limit was halved.
        self._halved_at = 0

    @property
    def limit(self) -> float:
        """How many requests may run at once; infinite while the server has not asked for fewer."""
        return self._limit

    def run(self, call: Callable[[], T]) -> T:
        """Return what a call returns, after waiting for its turn."""
        number = self._begin()
        is_refused = False
        try:
            return call()
        except Unavailable as error:
            is_refused = is_throttled(error)
            raise
        finally:
            self._end(number, is_refused=is_refused)

    def _begin(self) -> int:
        with self._changed:
            while self._running >= self._limit:
                self._changed.wait()
            self._running += 1
            self._begun += 1
            return self._begun

    def _end(self, number: int, *, is_refused: bool) -> None:
        with self._changed:
            if not is_refused:
                self._limit += 1 / self._limit
            elif number > self._halved_at:
                self._limit = max(1.0, min(self._running, self._limit) / 2)
                self._halved_at = self._begun
            self._running -= 1
            self._changed.notify_all()
