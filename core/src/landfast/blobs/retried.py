"""Ask again what may work later: blob stores own their retries, one request at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from landfast.errors import Unavailable

T = TypeVar("T")

ATTEMPTS = 6
TIMEOUT_S = 120.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0


def retried(send: Callable[[], T]) -> T:
    """Return what `send` returns, trying again on `Unavailable` with growing waits."""
    import stamina

    attempts = stamina.retry_context(
        on=Unavailable,
        attempts=ATTEMPTS,
        timeout=TIMEOUT_S,
        wait_initial=FIRST_WAIT_S,
        wait_max=LONGEST_WAIT_S,
        wait_jitter=FIRST_WAIT_S,
    )
    for attempt in attempts:
        with attempt:
            return send()
    raise AssertionError("stamina raises the last error")
