"""Requests of a store: what its provider calls them, and who hears of each that is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

# Called with the provider's name of the operation, at each try, by any thread.
Tried = Callable[[str], None]


def untold(operation: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """What a provider calls the requests of a store.

    Args:
        list: Of a page of current objects.
        stat: Of one object's description.
        read: Of one object's bytes, or a range of them.
    """

    list: str = "list"
    stat: str = "stat"
    read: str = "read"


@runtime_checkable
class CountedStore(Protocol):
    """A store that tells of its requests."""

    on_request: Tried
