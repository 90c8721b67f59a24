"""HoldRule: what of a collection is to be held, and for how long, as `snapshots.yaml` says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from landfast.errors import InvalidInput
from landfast.model.names import ArtifactName
from landfast.model.storage.holds import hold_kind, holder_of

_DATE = re.compile(r"(?<![0-9])(\d{4})-?(\d{2})-?(\d{2})(?![0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRule:
    """A rule for the versions to hold: each is held while the rule matches it.

    Args:
        name: An alias such as ``vision/mnist:prod``: the version it points to is held. With `partitions`, a collection.
        partitions: Maximum age: hold `latest` of each partition that is not older. The date in the key gives the age
            of a partition; without a date, the creation time of its `latest` does.
        kind: Same as in `Client.hold`.
        reason: Same as in `Client.hold`.
        partial: Same as in `Client.hold`.
        own_store: Same as in `Client.hold`.

    Example:
        >>> HoldRule(name="vision/mnist:prod").holder
        'alias:prod'
        >>> HoldRule(name="vision/days", partitions=timedelta(days=30)).holder
        'rule:vision/days newer than 30d'
    """

    name: str
    partitions: timedelta | None = None
    kind: str | None = None
    reason: str = ""
    partial: bool = False
    own_store: bool = False

    def __post_init__(self) -> None:
        hold_kind(self.kind)
        parsed = ArtifactName.parse(self.name)
        if self.partitions is None and parsed.alias is None:
            raise InvalidInput(
                f"the hold of {self.name} says no alias",
                subject=self.name,
                expected="a name with an alias, such as mnist:prod, or partitions: 30d",
                hint="To hold one version: landfast hold NAME:vN.",
            )
        if self.partitions is not None and (parsed.alias or parsed.picks_version):
            raise InvalidInput(
                f"the hold of {self.name} says an alias, and partitions:",
                subject=self.name,
                expected="a name of a collection",
            )

    @property
    def holder(self) -> str:
        """Name of the holder that the rule uses."""
        alias = ArtifactName.parse(self.name).alias
        if alias is not None:
            return holder_of(alias)
        assert self.partitions is not None
        return f"rule:{self.name} newer than {self.partitions / timedelta(days=1):g}d"

    def takes(self, partition: str, created_at: datetime, now: datetime) -> bool:
        """Return whether the partition is not older than the rule allows."""
        assert self.partitions is not None
        day = date_in(partition)
        at = created_at if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
        # A day is not over before its last hour: the one that began so long ago is in.
        return at >= now - self.partitions - (timedelta(days=1) if day else timedelta(0))

    def to_dict(self) -> Mapping[str, Any]:
        """Return a JSON-able description."""
        days = None if self.partitions is None else self.partitions / timedelta(days=1)
        return {
            "name": self.name,
            "holder": self.holder,
            "partition_days": days,
            "kind": self.kind,
            "reason": self.reason,
            "partial": self.partial,
            "own_store": self.own_store,
        }


def date_in(key: str) -> date | None:
    """Return the first date in a partition key, if there is one.

    Example:
        >>> date_in("dt=2026-05-03/hour=7"), date_in("20260503"), date_in("eu")
        (datetime.date(2026, 5, 3), datetime.date(2026, 5, 3), None)
    """
    for found in _DATE.finditer(key):
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            continue
    return None
