"""Ask again what may work later: blob stores own their retries, one request at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from landfast.clouds.retry import RetryPolicy

T = TypeVar("T")

POLICY = RetryPolicy()


def retried(send: Callable[[], T]) -> T:
    """Return what `send` returns, trying again on `Unavailable` with growing waits."""
    return POLICY.run(send)
