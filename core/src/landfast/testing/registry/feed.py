"""What the change feed and announcements have to do."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from landfast.errors import Conflict, InvalidInput
from landfast.model.version import Change
from landfast.registry.registry import Registry
from landfast.registry.values import ChangeFilter
from landfast.testing.registry.drafts import NAME, OTHER_RUN, RUN, begin, log


class FeedSuite:
    """The change feed."""

    def test_positions_have_no_gaps_and_ids_never_repeat(self, registry: Registry) -> None:
        assert (registry.head(), list(registry.changes())) == (0, [])
        for content in "abcab":
            log(registry, content, aliases=(f"alias-{content}",))
        found = list(registry.changes())
        assert [c.position for c in found] == list(range(1, registry.head() + 1))
        assert len({c.id for c in found}) == len(found)
        assert all(c.id.startswith(registry.info.id) for c in found)
        assert all(one.at <= two.at for one, two in pairwise(found))

    def test_a_reader_goes_on_where_it_was(self, registry: Registry) -> None:
        for content in "abc":
            log(registry, content)
        first = list(registry.changes(limit=2))
        assert [c.position for c in first] == [1, 2]
        assert [c.position for c in registry.changes(after=2)] == [3]
        assert list(registry.changes(after=3)) == []

    def test_changes_of_one_partition_one_alias_one_entity(self, registry: Registry) -> None:
        may = replace(NAME, partition="may")
        other = replace(NAME, entity="other")
        for name in (NAME, may, other):
            log(registry, "a", name=name, aliases=("prod",))
        assert [c.position for c in registry.changes(ChangeFilter(name=NAME))] == [1, 2]
        assert [c.position for c in registry.changes(ChangeFilter(name=may))] == [3, 4]
        prod = ChangeFilter(name=replace(may, alias="prod"))
        assert [c.position for c in registry.changes(prod)] == [4]
        assert [c.position for c in registry.changes(ChangeFilter(entity="other"))] == [5, 6]
        whole = ChangeFilter(name=may, partitions=True)
        assert [c.position for c in registry.changes(whole)] == [1, 2, 3, 4]
        whole = ChangeFilter(name=NAME, partitions=True)
        assert [c.position for c in registry.changes(whole, after=3)] == [4]
        for partitions in (False, True):
            not_yet = replace(NAME, collection="not-yet")
            assert list(registry.changes(ChangeFilter(name=not_yet, partitions=partitions))) == []

    def test_a_change_tells_what_a_reader_needs(self, registry: Registry) -> None:
        begin(registry)
        log(registry, "a")
        outcome = log(registry, "b", run=RUN, type="dataset")
        change = list(registry.changes())[-1]
        assert change == outcome.change
        assert (change.version, change.previous) == (NAME.at(1), NAME.at(0))
        assert (change.type, change.digest) == ("dataset", outcome.version.summary.digest)
        assert change.run == RUN


class AnnouncementSuite:
    """What each consumer was told."""

    def test_each_consumer_is_told_once(self, registry: Registry) -> None:
        assert registry.pending_announcement(NAME, "airflow") is None
        log(registry, "a")
        for consumer in ("airflow", "prefect"):
            change = _pending(registry, consumer)
            assert change.version == NAME.at(0)
            registry.mark_announced(consumer, change)
            assert registry.pending_announcement(NAME, consumer) is None

    def test_superseded_changes_are_not_replayed(self, registry: Registry) -> None:
        for content in "abc":
            log(registry, content)
        change = _pending(registry, "x")
        assert change.version == NAME.at(2)
        registry.mark_announced("x", change)
        assert registry.pending_announcement(NAME, "x") is None

    def test_content_that_is_back_where_it_was_is_no_news(self, registry: Registry) -> None:
        log(registry, "a")
        registry.mark_announced("x", _pending(registry, "x"))
        log(registry, "b")
        log(registry, "a")
        assert registry.pending_announcement(NAME, "x") is None
        log(registry, "b")
        assert _pending(registry, "x").position == 4

    def test_a_retry_announces_what_its_earlier_attempt_wrote(self, registry: Registry) -> None:
        begin(registry)
        begin(registry, OTHER_RUN)
        own = log(registry, "a", run=RUN).change
        log(registry, "b", run=OTHER_RUN)
        back = log(registry, "a", run=OTHER_RUN).change
        assert registry.pending_announcement(NAME, "x", run=RUN) == own
        assert registry.pending_announcement(NAME, "x", run=OTHER_RUN) == back
        assert registry.pending_announcement(NAME, "x") == back
        assert own is not None
        registry.mark_announced("x", own)
        assert registry.pending_announcement(NAME, "x", run=RUN) is None

    def test_a_retry_whose_version_is_superseded_announces_the_newest(
        self, registry: Registry
    ) -> None:
        begin(registry)
        log(registry, "a", run=RUN)
        newest = log(registry, "b").change
        assert registry.pending_announcement(NAME, "x", run=RUN) == newest

    def test_a_returned_content_is_announced_by_the_run_that_saw_it(
        self, registry: Registry
    ) -> None:
        begin(registry)
        log(registry, "a")
        registry.mark_announced("x", _pending(registry, "x"))
        log(registry, "b")
        back = log(registry, "a", run=RUN).change
        assert registry.pending_announcement(NAME, "x") is None
        assert registry.pending_announcement(NAME, "x", run=RUN) == back

    def test_marking_never_goes_backwards(self, registry: Registry) -> None:
        first, second = log(registry, "a").change, log(registry, "b").change
        assert first is not None
        assert second is not None
        registry.mark_announced("x", second)
        registry.mark_announced("x", first)
        assert registry.pending_announcement(NAME, "x") is None

    def test_a_consumer_knows_how_far_it_was_told(self, registry: Registry) -> None:
        assert registry.announced_position("x") == 0
        for key in ("", "may", ""):
            log(registry, key + str(registry.head()), name=replace(NAME, partition=key))
        for change in registry.changes(limit=2):
            registry.mark_announced("x", change)
        assert (registry.announced_position("x"), registry.announced_position("y")) == (2, 0)
        of = {key: replace(NAME, partition=key) for key in ("", "may", "june")}
        assert [registry.announced_position("x", name) for name in of.values()] == [1, 2, 0]

    def test_partitions_are_announced_on_their_own(self, registry: Registry) -> None:
        may = replace(NAME, partition="may")
        log(registry, "a")
        log(registry, "a", name=may)
        registry.mark_announced("x", _pending(registry, "x"))
        assert registry.pending_announcement(may, "x") is not None

    def test_nothing_is_pending_without_a_latest(self, registry: Registry) -> None:
        log(registry, "a")
        registry.delete(NAME, delete_aliases=True)
        assert registry.pending_announcement(NAME, "x") is None

    def test_only_changes_of_latest_of_this_registry_are_announced(
        self, registry: Registry
    ) -> None:
        log(registry, "a", aliases=("prod",))
        latest, alias = registry.changes()
        with pytest.raises(Conflict):
            registry.mark_announced("x", replace(latest, id="other:1"))
        with pytest.raises(InvalidInput):
            registry.mark_announced("x", alias)
        with pytest.raises(InvalidInput):
            registry.mark_announced("", latest)


def _pending(registry: Registry, consumer: str) -> Change:
    change = registry.pending_announcement(NAME, consumer)
    assert change is not None
    return change
