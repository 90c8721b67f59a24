"""The differences of two manifests as an index: what `diff` says, by folder and by page."""

import hashlib
import itertools
from collections import Counter
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landfast.manifests import schema
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.parquet import SortedParquet
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import Checksum
from landfast.model.diff import DiffKind, ManifestDiff
from landfast.model.manifest import ManifestEntry
from landfast.query import diff_index, renames
from landfast.query.diff import diff
from landfast.query.diff_index import DiffIndex

from tests.core.manifests.test_deltas import chain, edits

paths = st.text("ab/", min_size=1, max_size=6)
# Content, and a version id: the same content at another id is repinned, at another path renamed.
trees = st.dictionaries(paths, st.tuples(st.integers(0, 5), st.integers(0, 1)), max_size=40)


def entry(path: str, content: int, pin: int) -> ManifestEntry:
    token = Checksum("md5", hashlib.md5(b"%d" % content).hexdigest())
    # Without a token nothing tells that a file has moved.
    return ManifestEntry(
        path=path,
        size=content,
        checksum=token if content else None,
        uri=f"s3://bucket/{path}",
        version_id=f"v{pin}",
    )


def write(path: Path, tree: dict[str, tuple[int, int]]) -> ManifestFile:
    with ManifestWriter(path) as writer:
        found = [entry(name, *facts) for name, facts in tree.items()]
        writer.extend(sorted(found, key=attrgetter("sort_key")))
        return ManifestFile(writer.finish().path)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees, trees, st.data())
def test_an_index_says_what_a_diff_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    one: dict[str, tuple[int, int]],
    other: dict[str, tuple[int, int]],
    data: st.DataObject,
) -> None:
    monkeypatch.setattr(schema, "ROWS_PER_GROUP", 5)
    with write(tmp_path / "old", one) as old, write(tmp_path / "new", one | other) as new:
        expected, index = diff(old, new), DiffIndex(old, new)
        rows = list(expected.rows())
        assert index.rows("", 0, 1000, below=True) == rows
        assert len(index) == len(rows)
        assert (index.unchanged, index.unchanged_size) == (
            expected.unchanged,
            expected.unchanged_size,
        )
        counts = {kind: count for kind, count in expected.counts.items() if count}
        counts.pop("unchanged", None)
        assert index.total().counts == counts
        assert index.total().sizes == {kind: expected.sizes[kind] for kind in counts}

        folder = data.draw(st.sampled_from(sorted({"", *parents(row.path for row in rows)})))
        kind = data.draw(st.sampled_from(["", *DiffKind]))
        start, stop = data.draw(st.integers(0, 9)), data.draw(st.integers(0, 20))
        below = [r for r in rows if r.path.startswith(folder) and kind in {"", r.kind}]
        direct = [r for r in below if "/" not in r.path[len(folder) :]]
        assert index.rows(folder, start, stop, kind) == direct[start:stop]
        assert index.count(folder, kind) == len(direct)
        assert index.count(folder, kind, below=True) == len(below)
        names = (r.path[len(folder) :].partition("/") for r in below)
        totals = Counter(f"{folder}{name}/" for name, slash, _ in names if slash)
        assert {t.path: t.count for t in index.subfolders(folder, kind)} == totals
        for row in rows:
            assert index.at(row.path) == row
        assert index.at("c") is None


def parents(found: object) -> list[str]:
    return [path[: n + 1] for path in found for n, char in enumerate(path) if char == "/"]  # type: ignore[attr-defined]


def test_equal_manifests_are_not_read(tmp_path: Path) -> None:
    old, new = (write(tmp_path / name, {"a": (1, 1), "b": (2, 1)}) for name in ("old", "new"))
    for file in (old, new):
        data = bytearray(file.path.read_bytes())
        data[4:100] = bytes(96)
        file.path.write_bytes(data)
    index = DiffIndex(old, new)
    assert (len(index), index.unchanged, index.unchanged_size) == (0, 2, 3)
    assert index.subfolders("") == index.rows("", 0, 10) == []
    assert index.total("nowhere/").count == 0


# -- of chains -------------------------------------------------------------------------------------


def told(found: ManifestDiff) -> dict[str, Any]:
    return found.to_dict() | {"kinds": {kind: list(getattr(found, kind)) for kind in DiffKind}}


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits())
def test_chains_differ_as_what_they_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: list[list[ManifestEntry]]
) -> None:
    monkeypatch.setattr(schema, "ROWS_PER_GROUP", 5)
    manifests = [chain(tmp_path, states[: 1 + n]) for n in range(len(states))]
    memory = [MemoryManifest(state) for state in states]
    for one, other in itertools.product(range(len(states)), repeat=2):
        expected = told(diff(memory[one], memory[other]))
        assert told(diff(manifests[one], manifests[other])) == expected


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(trees, trees)
def test_differences_that_lie_on_disk_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
    one: dict[str, tuple[int, int]],
    other: dict[str, tuple[int, int]],
) -> None:
    old, new = (MemoryManifest(entry(p, *f) for p, f in tree.items()) for tree in (one, other))
    monkeypatch.undo()
    expected = told(diff(old, new))
    for module, name in ((diff_index, "_HELD"), (diff_index, "_AT_ONCE"), (diff_index, "_READ")):
        monkeypatch.setattr(module, name, 3)
    monkeypatch.setattr(renames, "_AT_ONCE", 1)
    found = diff(old, new)
    assert told(found) == expected
    index = DiffIndex(old, new)
    assert index.total().counts == {k: n for k, n in found.counts.items() if n and k != "unchanged"}
    assert sum(each.count for each in index.subfolders("")) == sum("/" in row.path for row in found)


def test_what_neighbours_differ_in_is_told_by_the_delta_alone(tmp_path: Path) -> None:
    rows = [entry(f"d{n % 7}/f{n:03}", n, 0) for n in range(200)]
    rows.sort(key=attrgetter("sort_key"))
    changed = [
        *(replace(row, size=1000) for row in rows[:20]),
        *(replace(row, version_id="v9") for row in rows[20:50]),
        *rows[60:],
        replace(rows[55], path="z/moved"),
    ]
    old = chain(tmp_path, [rows])
    new = chain(tmp_path, [rows, changed])
    expected = told(diff(MemoryManifest(rows), MemoryManifest(changed)))
    with old, new:
        read = []

        def noted(parquet: SortedParquet, *given: Any) -> Any:
            read.append(parquet._path)
            return reader(parquet, *given)

        reader = SortedParquet.read
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SortedParquet, "read", noted)
            patch.setattr(SortedParquet, "read_rows", noted)
            found = diff(old, new)
            assert found.counts == expected["counts"]
            assert found.sizes == expected["sizes"]
            assert set(read) == {new.path}
        assert told(found) == expected


def test_a_sequence_of_differences_reads_what_is_asked_for() -> None:
    rows = [entry(f"{n:03}", n, 0) for n in range(1, 30)]
    found = diff(MemoryManifest([]), MemoryManifest(rows)).added
    assert len(found) == 29
    assert [row.new for row in found] == rows
    assert (found[3].new, found[-1].new) == (rows[3], rows[-1])
    assert [row.new for row in found[5:9]] == rows[5:9]
    assert [row.new for row in found[::-7]] == rows[::-7]
    assert found == tuple(found)
    assert found != tuple(found)[1:]
    with pytest.raises(IndexError):
        found[29]
