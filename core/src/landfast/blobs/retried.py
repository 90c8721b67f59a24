"""Ask again what may work later: blob stores own their retries, one request at a time.

Not by stamina: with structlog installed it writes every retry to standard output.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from landfast.errors import Unavailable

T = TypeVar("T")

ATTEMPTS = 6
FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 30.0


def retried(send: Callable[[], T]) -> T:
    """Return what `send` returns, trying again on `Unavailable` with growing waits."""
    tried = 1
    while True:
        try:
            return send()
        except Unavailable as error:
            if tried >= ATTEMPTS:
                raise
            wait_s = wait_before_next(tried, error)
        time.sleep(wait_s)
        tried += 1


def wait_before_next(tried: int, error: Unavailable) -> float:
    """Return the seconds to wait after `tried` tries: what the server asks for, at least a random part of a ceiling."""
    ceiling = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (tried - 1))
    jittered = ceiling * random.uniform(0.5, 1)  # noqa: S311 - not a secret
    asked = error.details.get("retry_after")
    if isinstance(asked, int | float) and asked > jittered:
        return min(float(asked), LONGEST_WAIT_S)
    return jittered
