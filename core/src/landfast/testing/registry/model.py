"""The registry as a few dicts: what the state machine compares the real one with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

LATEST = "latest"


@dataclass(kw_only=True)
class Version:
    content: str
    created_at: datetime
    ttl_seconds: int | None
    pins: list[str]
    deleted: bool = False

    @property
    def expires_at(self) -> datetime | None:
        if self.ttl_seconds is None:
            return None
        return self.created_at + timedelta(seconds=self.ttl_seconds)


@dataclass(kw_only=True)
class Change:
    kind: str
    alias: str
    key: str
    index: int
    previous: int | None
    run: str | None


@dataclass
class Partition:
    versions: list[Version] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)
    latest_ticket: int = 0

    def live(self, content: str) -> int | None:
        for index, version in enumerate(self.versions):
            if version.content == content and not version.deleted:
                return index
        return None

    def names_of(self, index: int) -> tuple[str, ...]:
        return tuple(sorted(alias for alias, named in self.aliases.items() if named == index))

    def live_indices(self) -> list[int]:
        return [i for i, version in enumerate(self.versions) if not version.deleted]


@dataclass
class Model:
    """What a registry of one entity should hold."""

    partitions: dict[str, Partition] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    told: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    snapshots: dict[int, dict[str, dict[str, int]]] = field(default_factory=dict)

    def needs_blob(self, key: str, content: str, pins: str) -> bool:
        partition = self.partitions.get(key, Partition())
        known = partition.live(content)
        return known is None or pins not in partition.versions[known].pins

    def log(
        self,
        key: str,
        content: str,
        *,
        pins: str,
        aliases: tuple[str, ...],
        ticket: int,
        move_latest: bool,
        ttl_seconds: int | None,
        run: str | None,
        now: datetime,
    ) -> tuple[int, bool, bool]:
        """Return index, created, changed."""
        partition = self.partitions.setdefault(key, Partition())
        index = partition.live(content)
        created = index is None
        if index is None:
            index = len(partition.versions)
            partition.versions.append(
                Version(content=content, created_at=now, ttl_seconds=ttl_seconds, pins=[pins])
            )
        else:
            seen = partition.versions[index].pins
            partition.versions[index].pins = [p for p in seen if p != pins] + [pins]
        changed = False
        if LATEST not in partition.aliases or (move_latest and ticket >= partition.latest_ticket):
            changed = self._move(key, LATEST, index, "created" if created else "returned", run)
            if changed:
                partition.latest_ticket = ticket
        for alias in aliases:
            self._move(key, alias, index, "alias", run)
        self._snap()
        return index, created, changed

    def promote(self, key: str, index: int, alias: str, ticket: int) -> bool:
        moved = self._move(key, alias, index, "returned" if alias == LATEST else "alias", None)
        if moved and alias == LATEST:
            self.partitions[key].latest_ticket = ticket
        self._snap()
        return moved

    def delete(self, key: str, index: int) -> None:
        partition = self.partitions[key]
        partition.versions[index].deleted = True
        names = partition.names_of(index)
        for alias in names:
            if alias != LATEST:
                del partition.aliases[alias]
        if LATEST in names:
            live = partition.live_indices()
            if live:
                self._move(key, LATEST, live[-1], "deleted", None)
            else:
                del partition.aliases[LATEST]
        self._snap()

    def expire(self, now: datetime) -> list[tuple[str, int]]:
        gone = []
        for key, partition in self.partitions.items():
            for index, version in enumerate(partition.versions):
                due = version.expires_at is not None and version.expires_at <= now
                if due and not version.deleted and index not in partition.aliases.values():
                    version.deleted = True
                    gone.append((key, index))
        return gone

    def pending(self, key: str, consumer: str, run: str | None) -> int | None:
        """Return the number, from 0, of the change to announce."""
        partition = self.partitions.get(key, Partition())
        if LATEST not in partition.aliases:
            return None
        latest = partition.aliases[LATEST]
        told_at, told = self.told.get((consumer, key), (-1, ""))
        of_latest = [
            (number, change)
            for number, change in enumerate(self.changes)
            if change.key == key and change.alias == LATEST
        ]
        for number, change in reversed(of_latest):
            own = run is not None and change.run == run
            if own and change.index == latest and number > told_at:
                return number
        return None if partition.versions[latest].content == told else of_latest[-1][0]

    def mark(self, consumer: str, number: int) -> None:
        change = self.changes[number]
        content = self.partitions[change.key].versions[change.index].content
        if number > self.told.get((consumer, change.key), (-1, ""))[0]:
            self.told[consumer, change.key] = (number, content)

    def _move(self, key: str, alias: str, index: int, kind: str, run: str | None) -> bool:
        aliases = self.partitions[key].aliases
        previous = aliases.get(alias)
        if previous == index:
            return False
        aliases[alias] = index
        self.changes.append(
            Change(kind=kind, alias=alias, key=key, index=index, previous=previous, run=run)
        )
        return True

    def _snap(self) -> None:
        if self.changes:
            self.snapshots.setdefault(
                len(self.changes) - 1, {k: dict(p.aliases) for k, p in self.partitions.items()}
            )
