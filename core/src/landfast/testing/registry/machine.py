"""RegistryMachine: whatever is done to a registry, in whatever order, it answers like a few dicts."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from landfast.errors import Conflict, NotFound
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey
from landfast.registry.registry import Registry
from landfast.registry.values import BlobNeeded, RunStart, VersionEdit
from landfast.testing.registry.drafts import draft, summary
from landfast.testing.registry.model import Model, Partition

_KEYS = st.sampled_from(["", "may"])
_CONTENTS = st.sampled_from("abc")
_ALIASES = st.sampled_from(["best", "prod"])
_CONSUMERS = st.sampled_from(["airflow", "prefect"])
_RUNS = st.sampled_from([None, "1", "2"])
_INDEX = st.integers(0, 4)

_entities = itertools.count()


class RegistryMachine(RuleBasedStateMachine):
    """One entity of a registry; each example has its own, and nobody else writes meanwhile.

    Example:
        Run it over a registry of yours::

            run_state_machine_as_test(lambda: RegistryMachine(registry))
    """

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.registry, self.model = registry, Model()
        entity = f"entity-{next(_entities)}"
        self.name = ArtifactName(entity=entity, project="p", collection="c")
        self.start = registry.head()
        self.held: list[int] = []
        for run in ("1", "2"):
            registry.begin_run(RunStart(key=self._key(run), entity=entity, project="p"))

    def key_of(self, run: str | None) -> RunKey | None:
        return None if run is None else self._key(run)

    def _key(self, run: str) -> RunKey:
        return RunKey(system="test", deployment=str(self.name.entity), run_id=run)

    def named(self, key: str, index: int | None = None, alias: str | None = None) -> ArtifactName:
        return replace(self.name, partition=key, index=index, alias=alias)

    def partition(self, key: str) -> Any:
        return self.model.partitions.get(key, Partition())

    @rule()
    def begin_a_scan(self) -> None:
        self.held.append(self.registry.ticket())

    @rule(
        key=_KEYS,
        content=_CONTENTS,
        pins=st.sampled_from("pq"),
        aliases=st.lists(_ALIASES, max_size=2, unique=True),
        move_latest=st.booleans(),
        ttl_seconds=st.sampled_from([None, 60]),
        run=_RUNS,
        late=st.booleans(),
    )
    def log(self, key: str, content: str, pins: str, run: str | None, **given: Any) -> None:
        late = given.pop("late") and self.held
        given["ticket"] = self.held.pop(0) if late else self.registry.ticket()
        given["aliases"] = tuple(given["aliases"])
        request = draft(
            self.registry,
            content,
            pins=pins,
            name=self.named(key),
            run=self.key_of(run),
            metadata={"pins": pins},
            **given,
        )
        bare = replace(request, blob=None)
        if self.model.needs_blob(key, content, pins):
            with pytest.raises(BlobNeeded):
                self.registry.log(bare)
            outcome = self.registry.log(request)
        else:
            outcome = self.registry.log(bare)
        now = outcome.version.created_at
        index, created, changed = self.model.log(key, content, pins=pins, run=run, now=now, **given)
        assert outcome.version.name == self.named(key, index)
        assert (outcome.created, outcome.changed) == (created, changed)
        assert outcome.observation.moved_latest == changed
        assert (outcome.change is not None) == changed

    @rule(key=_KEYS, index=_INDEX, alias=st.sampled_from(["best", "prod", "latest"]))
    def promote(self, key: str, index: int, alias: str) -> None:
        if index not in self.partition(key).live_indices():
            with pytest.raises(NotFound):
                self.registry.promote(self.named(key, index), alias)
            return
        version, change = self.registry.promote(self.named(key, index), alias)
        # Whatever ticket it took, it is between these two.
        moved = self.model.promote(key, index, alias, self.registry.ticket())
        assert (change is not None) == moved
        assert version.aliases == self.partition(key).names_of(index)

    @rule(key=_KEYS, alias=_ALIASES)
    def remove_alias(self, key: str, alias: str) -> None:
        if alias not in self.partition(key).aliases:
            with pytest.raises(NotFound):
                self.registry.remove_alias(self.named(key), alias)
            return
        self.registry.remove_alias(self.named(key), alias)
        del self.model.partitions[key].aliases[alias]

    @rule(key=_KEYS, index=_INDEX, delete_aliases=st.booleans())
    def delete(self, key: str, index: int, delete_aliases: bool) -> None:
        name = self.named(key, index)
        if index not in self.partition(key).live_indices():
            with pytest.raises(NotFound):
                self.registry.delete(name, delete_aliases=delete_aliases)
        elif self.partition(key).names_of(index) and not delete_aliases:
            with pytest.raises(Conflict):
                self.registry.delete(name)
        else:
            self.registry.delete(name, delete_aliases=delete_aliases)
            self.model.delete(key, index)

    @rule(key=_KEYS, index=_INDEX, ttl_seconds=st.sampled_from([None, 60]))
    def update(self, key: str, index: int, ttl_seconds: int | None) -> None:
        if index in self.partition(key).live_indices():
            self.registry.update(self.named(key, index), VersionEdit(ttl_seconds=ttl_seconds))
            self.model.partitions[key].versions[index].ttl_seconds = ttl_seconds

    @rule(ahead=st.sampled_from([timedelta(0), timedelta(days=1)]))
    def expire(self, ahead: timedelta) -> None:
        now = datetime.now(UTC) + ahead
        names = [self.named(key, index) for key, index in self.model.expire(now)]
        gone = self.registry.expire(now, dry_run=False)
        mine = [version.name for version in gone if version.name.entity == self.name.entity]
        assert sorted(map(str, mine)) == sorted(map(str, names))

    @rule(key=_KEYS, consumer=_CONSUMERS, run=_RUNS, marks=st.booleans())
    def announce(self, key: str, consumer: str, run: str | None, marks: bool) -> None:
        expected = self.model.pending(key, consumer, run)
        change = self.registry.pending_announcement(self.named(key), consumer, run=self.key_of(run))
        found = None if change is None else change.position - self.start - 1
        assert found == expected
        if change is not None and expected is not None and marks:
            self.registry.mark_announced(consumer, change)
            self.model.mark(consumer, expected)

    @precondition(lambda self: self.model.changes)
    @rule(consumer=_CONSUMERS, data=st.data())
    def announce_an_old_one(self, consumer: str, data: st.DataObject) -> None:
        changes = list(self.registry.changes(after=self.start))
        number = data.draw(st.integers(0, len(changes) - 1))
        if changes[number].alias == "latest":
            self.registry.mark_announced(consumer, changes[number])
            self.model.mark(consumer, number)

    @precondition(lambda self: self.model.snapshots)
    @rule(data=st.data())
    def look_back(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.snapshots)))
        (change,) = self.registry.changes(after=self.start + number, limit=1)
        for key, aliases in self.model.snapshots[number].items():
            for alias in ("best", "prod", "latest"):
                name = self.named(key, alias=alias)
                if alias in aliases:
                    assert self.registry.as_of(name, change.at).index == aliases[alias]
                else:
                    with pytest.raises(NotFound):
                        self.registry.as_of(name, change.at)

    @invariant()
    def the_feed_is_the_same(self) -> None:
        found = list(self.registry.changes(after=self.start))
        positions = [change.position - self.start for change in found]
        assert positions == list(range(1, len(found) + 1))
        assert self.registry.head() == self.start + len(found)
        assert [
            (c.kind.value, c.alias, c.version.partition, c.version.index, c.run) for c in found
        ] == [(c.kind, c.alias, c.key, c.index, self.key_of(c.run)) for c in self.model.changes]
        previous = [None if c.previous is None else c.previous.index for c in found]
        assert previous == [c.previous for c in self.model.changes]

    @invariant()
    def the_versions_are_the_same(self) -> None:
        for key, partition in self.model.partitions.items():
            found = list(self.registry.versions(self.named(key), deleted=True))[::-1]
            assert [version.index for version in found] == list(range(len(partition.versions)))
            for version, expected in zip(found, partition.versions, strict=True):
                assert version.summary.digest == summary(expected.content).digest
                assert (version.deleted_at is not None) == expected.deleted
                assert version.aliases == partition.names_of(version.index)
                assert version.ttl_seconds == expected.ttl_seconds
            live = [v.index for v in self.registry.versions(self.named(key))]
            assert live == partition.live_indices()[::-1]

    @invariant()
    def the_pins_are_the_same(self) -> None:
        for key, partition in self.model.partitions.items():
            for index in partition.live_indices():
                version = self.registry.get(self.named(key, index))
                found = [pins.pin_digest for pins in self.registry.pin_sets(version.id)]
                content, pins = partition.versions[index].content, partition.versions[index].pins
                assert found == [summary(content, p).pin_digest for p in reversed(pins)]
