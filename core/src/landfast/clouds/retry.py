"""RetryPolicy: ask again what may work later, with growing waits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from landfast.errors import Unavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and how long after each other.

    Not by stamina: with structlog installed it writes every retry to standard output.

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

    def run(self, call: Callable[[], T], *, sleep: Callable[[float], None] | None = None) -> T:
        """Return what a call returns; call again on `Unavailable`."""
        tried = 1
        while True:
            try:
                return call()
            except Unavailable as error:
                if tried >= self.attempts or error.details.get("is_lasting"):
                    raise
                wait_s = self.wait_s(tried, error)
            (sleep or time.sleep)(wait_s)
            tried += 1
