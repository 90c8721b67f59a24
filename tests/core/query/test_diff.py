"""Diff: what is different between two manifests."""

import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import Checksum
from landfast.model.diff import ManifestDiff
from landfast.model.folders import FolderTotal
from landfast.model.manifest import ManifestEntry, ManifestSummary
from landfast.query.diff import diff
from landfast.testing import strategies


def entry(path: str, value: str | None = "aa", **changes: object) -> ManifestEntry:
    facts: dict[str, object] = {
        "path": path,
        "size": 3,
        "checksum": None if value is None else Checksum("md5", value),
        "uri": f"s3://b/{path}",
        "version_id": None,
        **changes,
    }
    return ManifestEntry(**facts)  # type: ignore[arg-type]


def diff_of(old: list[ManifestEntry], new: list[ManifestEntry]) -> ManifestDiff:
    return diff(MemoryManifest(old), MemoryManifest(new))


def moves(found: ManifestDiff) -> list[tuple[str, str]]:
    return [(row.old.path, row.new.path) for row in found.renamed if row.old and row.new]


def paths(rows: object) -> list[str]:
    return [row.path for row in rows]  # type: ignore[attr-defined]


def test_equal_manifests_differ_in_nothing_and_are_not_read() -> None:
    class Unread(MemoryManifest):
        def batches(self, prefix: str = "") -> Iterator[EntryBatch]:
            raise AssertionError("it was read")

    rows = [entry("a"), entry("b", "bb")]
    found = diff(Unread(rows), Unread(rows))
    assert found.is_empty
    assert (found.unchanged, found.unchanged_size) == (2, 6)
    assert found.counts["unchanged"] == 2


def test_each_kind_of_difference_is_told_with_both_entries() -> None:
    old = [entry("gone", "11"), entry("kept", "22"), entry("moved/x", "33"), entry("other", "44")]
    new = [entry("came", "55"), entry("kept", "22"), entry("new/x", "33"), entry("other", "66")]
    found = diff_of(old, new)
    assert paths(found.added) == ["came"]
    assert paths(found.removed) == ["gone"]
    assert moves(found) == [("moved/x", "new/x")]
    (modified,) = found.modified
    assert (modified.old, modified.new) == (old[3], new[3])
    assert found.counts == {
        "added": 1,
        "removed": 1,
        "modified": 1,
        "renamed": 1,
        "repinned": 0,
        "unchanged": 1,
    }
    assert not found.is_empty
    assert not found.same_content
    assert paths(found.rows()) == ["came", "gone", "new/x", "other"]


def test_sizes_are_those_of_the_new_entries() -> None:
    found = diff_of([entry("a", "11", size=5)], [entry("a", "22", size=7), entry("b", size=None)])
    assert found.sizes["modified"] == 7
    assert found.sizes["added"] == 0


def test_other_pins_of_equal_content_are_repinned() -> None:
    old = [entry("a", version_id="1"), entry("b", uri="s3://b/b"), entry("c", etag="x")]
    new = [entry("a", version_id="2"), entry("b", uri="s3://elsewhere/b"), entry("c", etag="y")]
    found = diff_of(old, new)
    assert paths(found.repinned) == ["a", "b", "c"]
    assert found.same_content
    assert not found.is_empty
    assert found.old == found.new


def test_mend_11_null_and_no_version_id_are_the_same_pin() -> None:
    old = [entry("a", version_id="null"), entry("b", version_id=None), entry("c", version_id="1")]
    new = [entry("a", version_id=None), entry("b", version_id="null"), entry("c", version_id="2")]
    found = diff_of(old, new)
    assert paths(found.repinned) == ["c"]
    assert found.unchanged == 2


def test_validators_and_unverified_entries_are_never_renamed() -> None:
    for checksum in (Checksum("http-etag", "x"), None):
        found = diff_of([entry("a", checksum=checksum)], [entry("b", checksum=checksum)])
        assert (paths(found.removed), paths(found.added), moves(found)) == (["a"], ["b"], [])


def test_equal_token_of_another_size_is_no_rename() -> None:
    crc = Checksum("crc32c", "00000000")
    found = diff_of([entry("a", checksum=crc, size=1)], [entry("b", checksum=crc, size=2)])
    assert moves(found) == []


def test_ambiguous_renames_keep_file_names_and_then_the_order_of_paths() -> None:
    old = [entry("old/1.txt"), entry("old/2.txt"), entry("old/3.txt"), entry("old/4.txt")]
    new = [entry("new/2.txt"), entry("new/a"), entry("new/b")]
    found = diff_of(old, new)
    assert moves(found) == [
        ("old/2.txt", "new/2.txt"),
        ("old/1.txt", "new/a"),
        ("old/3.txt", "new/b"),
    ]
    assert paths(found.removed) == ["old/4.txt"]


def test_a_copy_is_added() -> None:
    found = diff_of([entry("a")], [entry("a"), entry("b")])
    assert (paths(found.added), moves(found)) == (["b"], [])


def test_swapped_contents_are_modified() -> None:
    found = diff_of([entry("a", "11"), entry("b", "22")], [entry("a", "22"), entry("b", "11")])
    assert paths(found.modified) == ["a", "b"]


def test_the_description_is_json() -> None:
    found = diff_of([entry("a", "11")], [entry("b", "11", version_id="7")])
    told = json.loads(json.dumps(found.to_dict()))
    assert told["counts"]["renamed"] == 1
    (row,) = told["rows"]
    assert (row["kind"], row["path"]) == ("renamed", "b")
    assert row["old"] == {"path": "a", "size": 3, "checksum": "md5:11", "uri": "s3://b/a"}
    assert row["new"]["version_id"] == "7"


names = st.text(alphabet="ab/é\U0001f600", min_size=1, max_size=3)
contents = st.sampled_from(["11", "22", "33", None])
listings = st.dictionaries(names, st.tuples(contents, st.sampled_from(["v1", "v2"])), max_size=8)


@given(old=listings, new=listings)
def test_every_entry_is_accounted_for_once(
    old: dict[str, tuple[str | None, str]], new: dict[str, tuple[str | None, str]]
) -> None:
    before, after = (
        [entry(path, value, version_id=version) for path, (value, version) in rows.items()]
        for rows in (old, new)
    )
    found = diff_of(before, after)
    pairs = [(row.old, row.new) for row in found.rows()]
    news = [b for _, b in pairs if b] + [e for e in after if e in before]
    olds = [a for a, _ in pairs if a] + [e for e in before if e in after]
    assert Counter(news) == Counter(after)
    assert Counter(olds) == Counter(before)
    assert found.unchanged == len(set(before) & set(after))
    for row in found.renamed:
        assert row.old
        assert row.new
        assert (row.old.checksum, row.old.size) == (row.new.checksum, row.new.size)
        assert row.old.path not in new
        assert row.new.path not in old
    left = {(e.old.checksum, e.old.size) for e in found.removed if e.old and e.old.checksum}
    came = {(e.new.checksum, e.new.size) for e in found.added if e.new and e.new.checksum}
    assert not left & came
    assert found.same_content == (MemoryManifest(before).digest == MemoryManifest(after).digest)


@given(rows=listings, seed=st.integers())
def test_pairing_does_not_depend_on_chance(
    rows: dict[str, tuple[str | None, str]], seed: int
) -> None:
    before = [entry(path, value) for path, (value, _) in rows.items()]
    after = [entry("z" + path, value) for path, (value, _) in rows.items()]
    expected = moves(diff_of(before, after))
    random.Random(seed).shuffle(before)
    random.Random(seed).shuffle(after)
    assert moves(diff_of(before, after)) == expected


def test_manifest_files_are_compared(tmp_path: Path) -> None:
    def written(name: str, rows: list[ManifestEntry]) -> Manifest:
        with ManifestWriter(tmp_path / name) as writer:
            writer.extend(rows)
            writer.finish()
        return ManifestFile(tmp_path / name)

    old = written("old", [entry(f"{n:04}", f"{n:02x}") for n in range(300)])
    new = written("new", [entry(f"{n:04}", f"{n:02x}") for n in range(1, 301)])
    found = diff(old, new)
    assert (paths(found.removed), paths(found.added)) == (["0000"], ["0300"])
    assert found.unchanged == 299


@given(strategies.entry_lists(), strategies.entry_lists(), st.data())
def test_columns_differ_as_their_rows_do(
    rows: list[ManifestEntry], others: list[ManifestEntry], data: st.DataObject
) -> None:
    kept = [row for row in rows if data.draw(st.booleans())]
    old = {row.path: row for row in rows}
    new = {row.path: row for row in [*kept, *others]}
    found = diff(MemoryManifest(old.values()), MemoryManifest(new.values()))
    both = sorted(old.keys() & new.keys())
    modified = [path for path in both if old[path].identity != new[path].identity]
    moved = [path for path in both if old[path].pins != new[path].pins]
    repinned = [path for path in moved if path not in modified]
    assert [(row.old, row.new) for row in found.modified] == [(old[p], new[p]) for p in modified]
    assert [(row.old, row.new) for row in found.repinned] == [(old[p], new[p]) for p in repinned]
    went = {row.old for row in (*found.removed, *found.renamed)}
    came = {row.new for row in (*found.added, *found.renamed)}
    assert went == {row for path, row in old.items() if path not in new}
    assert came == {row for path, row in new.items() if path not in old}
    unchanged = [new[path] for path in both if path not in {*modified, *repinned}]
    assert found.unchanged == len(unchanged)
    assert found.unchanged_size == sum(row.size or 0 for row in unchanged)


class Counting(Manifest):
    """A manifest of `count` entries that are made while they are read."""

    def __init__(self, count: int, odd: int) -> None:
        self.count, self.odd = count, odd

    @property
    def summary(self) -> ManifestSummary:
        digest = f"lf1:{self.odd:064}"
        return ManifestSummary(digest=digest, pin_digest=digest, count=self.count, size=0)

    @property
    def bounds(self) -> None:
        return None

    def batches(self, prefix: str = "") -> Iterator[EntryBatch]:
        for start in range(0, self.count, 250):
            numbers = range(start, min(start + 250, self.count))
            yield EntryBatch.from_rows(
                entry(f"{n:08}", "bb" if n == self.odd else "aa") for n in numbers
            )

    def folders(self, prefix: str = "", *, depth: int | None = None) -> Iterator[FolderTotal]:
        return iter(())

    def get(self, path: str) -> ManifestEntry:
        raise NotImplementedError


def test_memory_grows_with_the_differences_and_not_with_the_entries() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            found = diff(Counting(count, 7), Counting(count, 11))
            assert found.counts["modified"] == 2
            assert found.unchanged == count - 2
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(20_000) < peak(1_000) + 50_000
