"""Tried: who hears of each request that a store sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

# Called with the provider's name of the operation, at each try, by any thread.
Tried = Callable[[str], None]


def untold(operation: str) -> None:
    """Tell nobody."""


@runtime_checkable
class CountedStore(Protocol):
    """A store that tells of its requests."""

    on_request: Tried
