"""Consumers: the verbs of who follows the change feed and the stream of run events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from landfast.model.lineage import RunEvent
from landfast.model.run import RunKey
from landfast.registry.consumers import positions, run_events
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.values import ConsumerRecord, Stream


class Consumers:
    """Remembers who follows, and how far each has come.

    Args:
        database: Of the registry.
    """

    def __init__(self, database: LazyDatabase) -> None:
        self._database = database

    def take(self, name: str, holder: str, lease: timedelta) -> None:
        """Become the one who follows in a consumer's name, until the lease is over or `release`.

        Raises:
            Conflict: If somebody else is; `details["until"]` is when the lease ends, if it is not renewed.
        """
        self._database.write(lambda tx: positions.take(tx, name, holder, lease))

    def renew(self, name: str, holder: str, lease: timedelta) -> None:
        """Hold on for another lease; `Conflict` if somebody else has taken over."""
        self._database.write(lambda tx: positions.renew(tx, name, holder, lease))

    def release(self, name: str, holder: str) -> None:
        """Let others follow at once."""
        self._database.write(lambda tx: positions.release(tx, name, holder))

    def remember(
        self, name: str, holder: str, lease: timedelta, told: Mapping[Stream, int]
    ) -> None:
        """Set how far the consumer has come, forwards or back; `Conflict` if somebody else has taken over."""
        self._database.write(lambda tx: positions.remember(tx, name, holder, lease, told))

    def reach(self, name: str, told: Mapping[Stream, int]) -> None:
        """Set how far a consumer that nobody holds has come, never backwards; `Conflict` if somebody holds it."""
        self._database.write(lambda tx: positions.reach(tx, name, told))

    def positions(self, name: str) -> dict[Stream, int]:
        """Return how far a consumer has come in each stream that it follows."""
        return self._database.read(lambda tx: positions.positions(tx, name))

    def records(self) -> list[ConsumerRecord]:
        """Return every consumer with its position in each stream that it follows, by name."""
        return self._database.read(positions.records)

    def heads(self) -> dict[Stream, int]:
        """Return the newest position of each stream, all that happened until now included."""
        self.give_positions()
        return self._database.read(positions.heads)

    def positions_at(self, moment: datetime) -> dict[Stream, int]:
        """Return the positions after which each stream has all that happened at a moment or later."""
        self.give_positions()
        return self._database.read(lambda tx: positions.positions_at(tx, moment))

    def give_positions(self) -> None:
        """Give positions to all run events that have none yet; nothing is written if there are none."""
        while self._database.read(run_events.is_waiting):
            self._database.write(run_events.give_positions)

    def run_events(self, *, after: int = 0, limit: int | None = None) -> Iterator[RunEvent]:
        """Yield run events that have a position, above `after`, ascending."""
        return self._database.stream(
            lambda tx, position, size: run_events.page(tx, after=position, size=size),
            lambda event: event.position,
            start=after,
            limit=limit,
        )

    def events_of_run(
        self, key: RunKey, *, until: int | None = None, since: datetime | None = None
    ) -> list[RunEvent]:
        """Return the events of one run, in order: up to a position, or all that there are, from a moment on."""
        return self._database.read(lambda tx: run_events.of_run(tx, key, until=until, since=since))
