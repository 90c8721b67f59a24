"""StatCost: what describing one object will take, where that may read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from landfast.model.location import Location
from landfast.stores.base import ChecksumKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StatCost:
    """What `stat` would take.

    Args:
        size: Of the object, in bytes, if the server tells.
        reads: Whether the object would be read to its end.
    """

    size: int | None
    reads: bool


@runtime_checkable
class CostlyStat(Protocol):
    """A store whose `stat` may read an object, to hash it."""

    @property
    def has_stat_cost(self) -> bool:
        """Whether it is such a store; a wrapper speaks of what it is around."""
        ...

    def stat_cost(self, location: Location, checksum: ChecksumKind) -> StatCost:
        """Tell what `stat` would take, by asking without reading."""
        ...
