"""The differences of two manifests as an index: what `diff` says, by folder and by page."""

import hashlib
from collections import Counter
from operator import attrgetter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landfast.manifests import schema
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import Checksum
from landfast.model.diff import DiffKind
from landfast.model.manifest import ManifestEntry
from landfast.query.diff import diff
from landfast.query.diff_index import DiffIndex

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
