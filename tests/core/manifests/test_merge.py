"""Merging: one sorted stream of many, where a path is one row or a named conflict."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.errors import Conflict
from landfast.manifests.batch import EntryBatch, in_batches
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.merge import merge_batches, merge_manifests, overlap
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.testing import strategies

ENTRY = ManifestEntry(
    path="a.txt", size=3, checksum=Checksum("md5", "00"), uri="s3://b/x/a.txt", version_id="v1"
)


def merge_entries(streams: Iterable[Iterable[ManifestEntry]]) -> Iterator[ManifestEntry]:
    """Merge rows, by way of columns."""
    for batch in merge_batches(map(in_batches, streams)):
        yield from batch.rows()


@given(strategies.entry_lists(), st.data())
def test_overlapping_shards_give_each_row_once_in_order(
    entries: list[ManifestEntry], data: st.DataObject
) -> None:
    shards = [
        data.draw(st.lists(st.booleans(), min_size=len(entries), max_size=len(entries)))
        for _ in range(3)
    ]
    streams = [[e for e, there in zip(entries, shard, strict=True) if there] for shard in shards]
    expected = [e for e, *there in zip(entries, *shards, strict=True) if any(there)]
    assert list(merge_entries(streams)) == expected


def test_no_stream_is_no_entry() -> None:
    assert list(merge_entries([])) == []


def test_a_row_that_differs_only_in_its_time_is_the_same_row() -> None:
    later = replace(ENTRY, modified_at=datetime(2026, 5, 3, tzinfo=UTC))
    assert list(merge_entries([[ENTRY], [later]])) == [ENTRY]


def test_two_objects_at_one_path_name_both_uris_and_the_way_out() -> None:
    other = replace(ENTRY, uri="s3://b/y/a.txt")
    with pytest.raises(Conflict) as caught:
        list(merge_entries([[ENTRY], [other]]))
    message = str(caught.value)
    assert "s3://b/x/a.txt" in message
    assert "s3://b/y/a.txt" in message
    assert "name=" in message
    assert caught.value.subject == "a.txt"


@pytest.mark.parametrize(
    "change",
    [{"size": 4}, {"checksum": Checksum("md5", "01")}, {"version_id": "v2"}, {"etag": "e"}],
)
def test_one_object_seen_twice_and_different_is_a_conflict(change: dict[str, object]) -> None:
    with pytest.raises(Conflict, match=r"s3://b/x/a\.txt was seen twice"):
        list(merge_entries([[ENTRY], [replace(ENTRY, **change)]]))


def test_a_conflict_between_the_first_and_the_third_is_found() -> None:
    with pytest.raises(Conflict):
        list(merge_entries([[ENTRY], [ENTRY], [replace(ENTRY, size=9)]]))


def test_merging_is_lazy() -> None:
    def endless():
        number = 0
        while True:
            number += 1
            yield replace(ENTRY, path=f"{number:09}")

    merged = merge_entries([endless(), endless()])
    assert [next(merged).path for _ in range(3)] == ["000000001", "000000002", "000000003"]


@given(strategies.entry_lists(), st.data())
def test_manifests_merge_as_their_streams_do(
    entries: list[ManifestEntry], data: st.DataObject
) -> None:
    cuts = [data.draw(st.integers(0, 3)) for _ in entries]
    if data.draw(st.booleans()):
        cuts.sort()
    shards = [[e for e, cut in zip(entries, cuts, strict=True) if cut == n] for n in range(4)]
    data.draw(st.randoms()).shuffle(shards)
    merged = merge_manifests(map(MemoryManifest, shards))
    assert [row for batch in merged for row in batch.rows()] == entries


def test_manifests_beside_each_other_are_opened_one_after_the_other() -> None:
    opened = []

    class Told(MemoryManifest):
        def batches(self, prefix: str = "") -> Iterator[EntryBatch]:
            opened.append(self.get(next(iter(self._paths))).path)
            return super().batches(prefix)

    shards = [Told([replace(ENTRY, path=path)]) for path in ("c", "a", "b")]
    merged = merge_manifests([*shards, MemoryManifest()])
    assert [opened[-1] for _ in merged] == ["a", "b", "c"]


def test_manifests_overlap_where_their_bounds_do() -> None:
    def of(paths: str) -> MemoryManifest:
        return MemoryManifest(replace(ENTRY, path=path) for path in paths)

    assert overlap(of("ac"), of("bd"))
    assert overlap(of("a"), of("a"))
    assert not overlap(of("ab"), of("cd"))
    assert not overlap(of("cd"), of("ab"))
    assert not overlap(of(""), of("a"))


def test_streams_that_alternate_over_many_batches_are_merged_in_order() -> None:
    rows = [replace(ENTRY, path=f"{n:06}") for n in range(10_000)]
    assert list(merge_entries([rows[::2], rows[1::2], rows[::3]])) == rows
