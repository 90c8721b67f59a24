"""What editing has to do: aliases, tags, metadata, time to live, deletion."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.model.version import ChangeKind
from landfast.registry.registry import Registry
from landfast.registry.values import VersionEdit
from landfast.testing.registry.drafts import NAME, RUN, begin, draft, log, summary

_FUTURE = timedelta(days=1)


class AliasSuite:
    """Moving aliases by hand."""

    def test_promote_moves_an_alias_and_tells_from_where(self, registry: Registry) -> None:
        begin(registry)
        log(registry, "a")
        log(registry, "b")
        version, first = registry.promote(NAME.at(0), "prod", run=RUN)
        assert version.aliases == ("prod",)
        assert first is not None
        assert (first.kind, first.alias, first.previous) == (ChangeKind.ALIAS, "prod", None)
        assert first.run == RUN
        moved, second = registry.promote(NAME, "prod")
        assert moved.aliases == ("latest", "prod")
        assert second is not None
        assert (second.version, second.previous) == (NAME.at(1), NAME.at(0))
        assert registry.get(NAME.at(0)).aliases == ()

    def test_promoting_to_where_it_is_changes_nothing(self, registry: Registry) -> None:
        log(registry, "a", aliases=("prod",))
        version, change = registry.promote(replace(NAME, alias="prod"), "prod")
        assert (version.index, change) == (0, None)
        assert registry.head() == 2

    def test_latest_moved_by_hand_outlives_scans_under_way(self, registry: Registry) -> None:
        log(registry, "a")
        log(registry, "b")
        under_way = draft(registry, "c")
        _, change = registry.promote(NAME.at(0), "latest")
        assert change is not None
        assert (change.kind, change.version) == (ChangeKind.RETURNED, NAME.at(0))
        assert not registry.log(under_way).changed
        assert registry.get(NAME).index == 0
        assert log(registry, "d").changed

    def test_an_alias_is_removed_but_never_latest(self, registry: Registry) -> None:
        log(registry, "a", aliases=("prod",))
        registry.remove_alias(NAME, "prod")
        assert registry.get(NAME).aliases == ("latest",)
        with pytest.raises(NotFound, match="an alias 'prod', found 'latest'"):
            registry.remove_alias(NAME, "prod")
        with pytest.raises(InvalidInput):
            registry.remove_alias(NAME, "latest")

    def test_an_alias_is_never_a_version_number(self, registry: Registry) -> None:
        log(registry, "a")
        with pytest.raises(InvalidInput):
            registry.promote(NAME, "v0")

    def test_aliases_belong_to_one_partition(self, registry: Registry) -> None:
        may = replace(NAME, partition="may")
        log(registry, "a", aliases=("prod",))
        log(registry, "a", name=may)
        with pytest.raises(NotFound):
            registry.get(replace(may, alias="prod"))


class UpdateSuite:
    """Editing a version."""

    def test_only_what_is_given_changes(self, registry: Registry) -> None:
        log(registry, "a", metadata={"a": 1}, description="d", tags=("t",), ttl_seconds=60)
        before = registry.get(NAME)
        assert registry.update(NAME, VersionEdit()) == before
        after = registry.update(
            NAME,
            VersionEdit(metadata={"b": 2}, add_tags=("u", "u"), remove_tags=("t", "absent")),
        )
        assert (after.metadata, after.tags) == ({"b": 2}, ("u",))
        assert replace(after, metadata={"a": 1}, tags=("t",)) == before
        assert registry.update(NAME, VersionEdit(description="")).description == ""
        assert registry.get(NAME).metadata == {"b": 2}

    def test_a_time_to_live_is_set_and_lifted(self, registry: Registry) -> None:
        log(registry, "a")
        log(registry, "b")
        assert registry.update(NAME.at(0), VersionEdit(ttl_seconds=60)).ttl_seconds == 60
        soon = registry.get(NAME.at(0)).created_at + timedelta(seconds=60)
        assert [v.index for v in registry.expire(soon)] == [0]
        assert registry.update(NAME.at(0), VersionEdit(ttl_seconds=None)).ttl_seconds is None
        assert registry.expire(soon) == []

    def test_editing_needs_a_live_version(self, registry: Registry) -> None:
        log(registry, "a")
        registry.delete(NAME, delete_aliases=True)
        with pytest.raises(NotFound):
            registry.update(NAME.at(0), VersionEdit(description="x"))


class DeleteSuite:
    """Deleting softly."""

    def test_an_aliased_version_is_kept_and_its_aliases_named(self, registry: Registry) -> None:
        log(registry, "a", aliases=("prod",))
        with pytest.raises(Conflict, match="found latest, prod"):
            registry.delete(NAME.at(0))
        assert registry.get(NAME).deleted_at is None

    def test_latest_falls_back_to_the_highest_live_version(self, registry: Registry) -> None:
        for content in "abc":
            log(registry, content)
        registry.delete(NAME.at(1))
        deleted = registry.delete(NAME.at(2), delete_aliases=True)
        assert deleted.deleted_at is not None
        assert deleted.aliases == ()
        assert registry.get(NAME).index == 0
        change = list(registry.changes())[-1]
        assert (change.kind, change.version, change.previous) == (
            ChangeKind.DELETED,
            NAME.at(0),
            NAME.at(2),
        )

    def test_without_a_live_version_there_is_no_latest(self, registry: Registry) -> None:
        log(registry, "a", aliases=("prod",))
        registry.delete(NAME, delete_aliases=True)
        with pytest.raises(NotFound, match="an alias 'latest', found no alias at all"):
            registry.get(NAME)
        assert registry.head() == 2
        assert list(registry.partitions(NAME)) == []
        with pytest.raises(NotFound, match="was deleted at"):
            registry.delete(NAME.at(0))

    def test_latest_is_taken_again_after_all_were_deleted(self, registry: Registry) -> None:
        stale = draft(registry, "stale")
        log(registry, "a")
        registry.delete(NAME, delete_aliases=True)
        outcome = registry.log(stale)
        assert (outcome.version.index, outcome.changed) == (1, True)


class ExpirySuite:
    """Time to live."""

    def test_expired_versions_go_unless_an_alias_names_them(self, registry: Registry) -> None:
        log(registry, "old", ttl_seconds=60)
        log(registry, "kept", ttl_seconds=60, aliases=("prod",))
        log(registry, "forever")
        log(registry, "latest", ttl_seconds=60)
        later = registry.get(NAME).created_at + timedelta(seconds=60)
        assert [v.index for v in registry.expire(later)] == [0]
        assert registry.get(NAME.at(0)).deleted_at is None  # a dry run, unless told
        assert [v.index for v in registry.expire(later, dry_run=False)] == [0]
        assert registry.expire(later, dry_run=False) == []
        assert [v.index for v in registry.versions(NAME)] == [3, 2, 1]
        assert log(registry, "old").version.index == 4

    def test_a_deleted_version_comes_back(self, registry: Registry) -> None:
        version = log(registry, "a").version
        registry.delete(version.name, delete_aliases=True)
        assert registry.undelete(version.name).aliases == ("latest",)
        assert registry.undelete(version.name).deleted_at is None
        registry.delete(version.name, delete_aliases=True)
        again = log(registry, "a").version
        with pytest.raises(Conflict, match=str(again.name)):
            registry.undelete(version.name)
        registry.delete(again.name, delete_aliases=True)
        registry.condemn([version.blob], older_than=datetime.now(UTC) + _FUTURE)
        with pytest.raises(NotFound, match="garbage-collected"):
            registry.undelete(version.name)

    def test_nothing_expires_before_its_time(self, registry: Registry) -> None:
        first = log(registry, "a", ttl_seconds=60).version
        log(registry, "b")
        moment = first.created_at + timedelta(seconds=60)
        assert registry.expire(moment - timedelta(microseconds=1), dry_run=False) == []
        assert registry.expire(dry_run=False) == []
        assert [v.id for v in registry.expire(moment, dry_run=False)] == [first.id]

    def test_expiry_needs_a_time_zone(self, registry: Registry) -> None:
        with pytest.raises(InvalidInput):
            registry.expire(datetime(2026, 5, 3))  # noqa: DTZ001 - the point of the test

    def test_expired_content_that_returns_is_found_by_digest(self, registry: Registry) -> None:
        log(registry, "a", ttl_seconds=60)
        log(registry, "b")
        registry.expire(datetime.now(UTC) + _FUTURE, dry_run=False)
        log(registry, "a")
        assert registry.get(replace(NAME, digest=summary("a").digest), deleted=True).index == 2
