"""What blob rows have to do: nothing that is needed, or about to be, is ever given away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from landfast.errors import InvalidInput, NotFound
from landfast.model.source import Source
from landfast.model.version import VersionRecord
from landfast.registry.registry import Registry
from landfast.registry.values import BlobNeeded
from landfast.testing.registry.drafts import NAME, draft, drafts, hexadecimal, log

ORPHAN = hexadecimal("orphan")


def soon() -> datetime:
    """Return a moment after everything that happened."""
    return datetime.now(UTC) + timedelta(minutes=5)


class GarbageSuite:
    """Garbage collection, as the registry sees it.

    The registry should be opened with a short lease: a writer that meets a blob which is being
    deleted waits that long.
    """

    def test_a_blob_in_use_is_no_garbage(self, registry: Registry) -> None:
        log(registry, "a")
        log(registry, "a", pins="q")
        assert list(registry.garbage(older_than=soon())) == []

    def test_a_blob_that_nobody_names_is(self, registry: Registry) -> None:
        assert registry.record_blobs({ORPHAN: 5}) == set()
        (row,) = registry.garbage(older_than=soon())
        assert (row.sha256, row.size, row.condemned_at) == (ORPHAN, 5, None)
        assert list(registry.garbage(older_than=row.recorded_at)) == []

    def test_recording_again_renews_the_grace_period(self, registry: Registry) -> None:
        registry.record_blobs({ORPHAN: 5})
        (row,) = registry.garbage(older_than=soon())
        cut = row.recorded_at + timedelta(microseconds=1)
        assert [r.sha256 for r in registry.garbage(older_than=cut)] == [ORPHAN]
        assert registry.record_blobs({ORPHAN: 5}) == set()
        assert list(registry.garbage(older_than=cut)) == []
        assert registry.condemn([ORPHAN], older_than=cut) == []

    def test_a_deleted_version_keeps_its_blobs_for_the_grace_period(
        self, registry: Registry
    ) -> None:
        log(registry, "a")
        log(registry, "a", pins="q")
        blobs = {pins.blob for pins in registry.pin_sets(registry.get(NAME).id)}
        deleted = registry.delete(NAME, delete_aliases=True)
        assert deleted.deleted_at is not None
        assert list(registry.garbage(older_than=deleted.deleted_at)) == []
        after = deleted.deleted_at + timedelta(microseconds=1)
        assert {row.sha256 for row in registry.garbage(older_than=after)} == blobs

    def test_only_garbage_is_condemned(self, registry: Registry) -> None:
        version = log(registry, "a").version
        registry.record_blobs({ORPHAN: 5})
        wanted = [version.blob, ORPHAN, hexadecimal("unknown")]
        assert registry.condemn(wanted, older_than=soon()) == [ORPHAN]
        (row,) = registry.garbage(older_than=soon())
        assert row.condemned_at is not None
        assert registry.condemn([], older_than=soon()) == []

    def test_a_blob_that_is_named_meanwhile_is_not_condemned(self, registry: Registry) -> None:
        request = draft(registry, "a")
        (row,) = registry.garbage(older_than=soon())
        registry.log(request)
        assert registry.condemn([row.sha256], older_than=soon()) == []

    def test_a_condemned_blob_cannot_be_logged_until_it_is_uploaded_again(
        self, registry: Registry
    ) -> None:
        request = draft(registry, "a")
        assert request.blob is not None
        assert registry.condemn([request.blob], older_than=soon()) == [request.blob]
        with pytest.raises(BlobNeeded):
            registry.log(request)
        assert registry.record_blobs({request.blob: 100}) == {request.blob}
        assert registry.record_blobs({request.blob: 100}) == set()
        assert registry.log(request).created

    def test_a_forgotten_blob_cannot_be_logged(self, registry: Registry) -> None:
        request = draft(registry, "a")
        assert request.blob is not None
        registry.condemn([request.blob], older_than=soon())
        registry.forget_blobs([request.blob])
        assert registry.known_blobs([request.blob]) == {}
        with pytest.raises(BlobNeeded):
            registry.log(request)
        with pytest.raises(BlobNeeded):
            registry.log(replace(request, blob=None))

    def test_what_was_saved_from_collection_is_not_forgotten(self, registry: Registry) -> None:
        registry.record_blobs({ORPHAN: 5})
        registry.condemn([ORPHAN], older_than=soon())
        assert registry.record_blobs({ORPHAN: 5}) == {ORPHAN}
        registry.forget_blobs([ORPHAN])
        assert registry.known_blobs([ORPHAN]) == {ORPHAN: 5}

    def test_of_many_blobs_the_condemned_are_told(self, registry: Registry) -> None:
        many = {hexadecimal(str(number)): number for number in range(2500)}
        condemned = sorted(many)[::500]
        assert registry.record_blobs(dict.fromkeys(condemned, 7)) == set()
        assert registry.condemn(condemned, older_than=soon()) == condemned
        assert registry.record_blobs(many) == set(condemned)
        assert registry.known_blobs(list(many)) == many
        assert registry.record_blobs(many) == set()
        assert registry.record_blobs({}) == set()

    def test_known_blobs_of_many(self, registry: Registry) -> None:
        registry.record_blobs({ORPHAN: 5})
        many = [hexadecimal(str(number)) for number in range(3000)]
        assert registry.known_blobs([*many, ORPHAN]) == {ORPHAN: 5}

    def test_a_lost_manifest_is_replaced_by_another_of_the_same_content(
        self, registry: Registry
    ) -> None:
        first = draft(registry, "a", pins="1")
        version = registry.log(first).version
        assert first.blob is not None
        second = draft(registry, "a", pins="2")
        registry.log(second)
        mended = registry.mend_manifest(version.id, [first.blob], second)
        assert mended.blob == second.blob
        assert mended.summary == second.summary
        assert [pins.blob for pins in registry.pin_sets(version.id)] == [second.blob]
        assert registry.log(first).version.index == version.index
        assert len(registry.pin_sets(version.id)) == 2

    def test_a_lost_manifest_is_replaced_by_one_that_is_there(self, registry: Registry) -> None:
        request = draft(registry, "a")
        version = registry.log(request).version
        other = hexadecimal("another blob with the same pins")
        with pytest.raises(BlobNeeded):
            registry.mend_manifest(version.id, [version.blob], replace(request, blob=other))
        registry.record_blobs({other: 1})
        named = replace(request, blob=other)
        assert registry.mend_manifest(version.id, [version.blob], named).blob == other
        assert [pins.blob for pins in registry.pin_sets(version.id)] == [other]

    def test_manifests_of_live_versions_are_needed(self, registry: Registry) -> None:
        requests = [draft(registry, "a", pins=pins) for pins in ("1", "2")]
        requests += drafts(registry, map(str, range(450)))
        for request in requests:
            registry.log(request)
        gone = draft(registry, "gone")
        registry.delete(registry.log(gone).version.name, delete_aliases=True)
        needed = list(registry.needed_manifests())
        assert [need.blob for need in needed] == sorted(str(each.blob) for each in requests)
        assert {need.size for need in needed} == {100}
        assert not any(need.holds_files for need in needed)

    def test_what_a_delta_stands_on_stays_as_long_as_the_delta(self, registry: Registry) -> None:
        full = log(registry, "a").version
        between = _delta(registry, "b", full.blob)
        top = _delta(registry, "c", full.blob, between.blob)
        for version in (full, between):
            registry.delete(version.name, delete_aliases=True)
        assert list(registry.garbage(older_than=soon())) == []
        assert registry.condemn([full.blob, between.blob], older_than=soon()) == []
        deleted = registry.delete(top.name, delete_aliases=True).deleted_at
        assert deleted is not None
        # It can still be restored, and what it stands on with it.
        assert list(registry.garbage(older_than=deleted)) == []
        every = sorted([full.blob, between.blob, top.blob])
        assert [row.sha256 for row in registry.garbage(older_than=soon())] == every

    def test_nothing_is_logged_on_what_was_collected(self, registry: Registry) -> None:
        full = log(registry, "a").version
        registry.delete(full.name, delete_aliases=True)
        assert registry.condemn([full.blob], older_than=soon()) == [full.blob]
        with pytest.raises(BlobNeeded):
            _delta(registry, "b", full.blob)
        registry.record_blobs({full.blob: 100})
        assert _delta(registry, "b", full.blob).summary.digest != full.summary.digest

    def test_a_delta_is_not_undeleted_without_what_it_stands_on(self, registry: Registry) -> None:
        full = log(registry, "a").version
        top = _delta(registry, "b", full.blob)
        for version in (full, top):
            registry.delete(version.name, delete_aliases=True)
        assert registry.condemn([full.blob], older_than=soon()) == [full.blob]
        with pytest.raises(NotFound, match="garbage-collected"):
            registry.undelete(top.name)

    def test_what_a_collected_delta_stood_on_is_forgotten_with_it(self, registry: Registry) -> None:
        full = log(registry, "a").version
        top = _delta(registry, "b", full.blob)
        assert registry.manifest_bases([top.blob, full.blob]) == {top.blob: [full.blob]}
        registry.delete(top.name, delete_aliases=True)
        assert registry.condemn([top.blob, full.blob], older_than=soon()) == [top.blob]
        registry.forget_blobs([top.blob, full.blob])
        assert registry.manifest_bases([top.blob]) == {}
        assert registry.known_blobs([full.blob]) == {full.blob: 100}

    def test_what_deltas_of_live_versions_stand_on_is_needed(self, registry: Registry) -> None:
        full = log(registry, "a", sources=(Source(uri="blob:sha256"),)).version
        top = _delta(registry, "b", full.blob)
        registry.delete(full.name, delete_aliases=True)
        needed = {need.blob: need for need in registry.needed_manifests()}
        assert needed.keys() == {top.blob, full.blob}
        assert needed[full.blob].version == top.name.bare().at(top.index)
        # Its files are not: the delta may have taken them away.
        assert not needed[full.blob].holds_files

    def test_garbage_is_listed_whole(self, registry: Registry) -> None:
        blobs = sorted(hexadecimal(str(number)) for number in range(450))
        registry.record_blobs(dict.fromkeys(blobs, 1))
        assert [row.sha256 for row in registry.garbage(older_than=soon())] == blobs
        assert registry.condemn(blobs, older_than=soon()) == blobs
        registry.forget_blobs(blobs)
        assert list(registry.garbage(older_than=soon())) == []

    def test_a_blob_has_the_name_of_its_sha256(self, registry: Registry) -> None:
        with pytest.raises(InvalidInput):
            registry.record_blobs({"sha256:" + ORPHAN: 1})


def _delta(registry: Registry, content: str, *bases: str) -> VersionRecord:
    return log(registry, content, bases=bases).version
