"""A chain of deltas is the manifest that it makes, for whoever reads it in whatever way."""

import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landfast.errors import Conflict, NotFound
from landfast.manifests import schema, sorted_rows
from landfast.manifests.chains import delta
from landfast.manifests.chains.delta import write_delta
from landfast.manifests.folder import Folder
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.ranking import FileOrder
from landfast.manifests.reader import ManifestFile
from landfast.manifests.table_file import WrittenManifest
from landfast.manifests.writer import ManifestWriter
from landfast.model.manifest import ManifestEntry
from landfast.testing import strategies

from tests.core.manifests.test_files import entry, files_in

# Each example writes files into the same folder, one after the other.
same_folder = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = 10**9


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few rows fill a row group, so that small manifests have many."""
    monkeypatch.setattr(schema, "ROWS_PER_GROUP", 11)
    monkeypatch.setattr(schema, "FOLDERS_PER_GROUP", 3)


def write_full(folder: Path, entries: Sequence[ManifestEntry]) -> ManifestFile:
    with ManifestWriter(folder / "new") as writer:
        writer.extend(sorted(entries, key=lambda each: each.sort_key))
        return named(writer.finish())


def named(written: WrittenManifest) -> ManifestFile:
    """Open a file under the name of its bytes, where what stands on it looks for it."""
    path = written.path.rename(written.path.with_name(written.sha256))
    return ManifestFile(path, sha256=written.sha256)


def chain(folder: Path, states: Sequence[Sequence[ManifestEntry]]) -> ManifestFile:
    """Write the first state as a full file, and each other as a delta on the one before."""
    made = write_full(folder, states[0])
    for state in states[1:]:
        written = write_delta(made, write_full(folder, state), folder / "delta", most=MANY)
        assert written is not None
        made = named(written)
    return made


def check_same(
    manifest: ManifestFile, entries: Sequence[ManifestEntry], probes: Sequence[str] = ()
) -> None:
    """Compare every way to read with that of a manifest in memory."""
    memory = MemoryManifest(entries)
    expected = list(memory.entries())
    assert list(manifest.entries()) == expected
    assert manifest.summary == memory.summary
    manifest.check()
    folders = list(memory.folders())
    assert list(manifest.folders()) == folders
    rows = manifest.rows
    assert len(rows) == len(expected)
    assert [rows.path(row) for row in range(len(rows))] == [each.path for each in expected]
    sizes = [each.size for each in expected]
    for start in some(range(len(expected) + 1)):
        for stop in (start + 1, start + 7, len(expected)):
            assert rows.column("size", start, stop).to_pylist() == sizes[start:stop]
    every_third = range(0, len(rows), 3)
    assert rows.take(every_third)["path"].to_pylist() == [expected[n].path for n in every_third]
    wanted = {*probes, *(each.path for each in expected), *(each.path for each in folders)}
    for path in some(sorted(wanted)):
        assert list(manifest.entries(path)) == list(memory.entries(path))
        assert list(manifest.folders(path)) == list(memory.folders(path))
        assert manifest.neighbours(path) == memory.neighbours(path)
        start, stop = rows.span(path)
        assert [rows.path(row) for row in range(start, stop)] == [
            each.path for each in memory.entries(path)
        ]
        assert found(lambda: manifest.get(path)) == found(lambda: memory.get(path))  # noqa: B023 - called at once
    for total in some(folders):
        check_folder(Folder(manifest, total.path), memory, total.path)
        below = [found(lambda: m.subtree_digest(total.path)) for m in (manifest, memory)]  # noqa: B023
        assert below[0] == below[1]


def some(many: Sequence[Any]) -> list[Any]:
    """Pick both ends and some between."""
    return [*many[:: max(1, len(many) // 6)], *many[-1:]]


def found(look: Callable[[], object]) -> object:
    try:
        return look()
    except NotFound:
        return NotFound


def check_folder(folder: Folder, memory: MemoryManifest, path: str) -> None:
    direct = [e for e in memory.entries(path) if "/" not in e.path[len(path) :]]
    assert folder.file_count == len(direct)
    assert folder.files(0, len(direct)) == direct
    below = list(memory.folders(path, depth=path.count("/") + 1))
    assert folder.subfolders(0, len(below)) == below
    by_size = sorted(direct, key=lambda each: -1 if each.size is None else each.size)
    assert folder.files(0, len(direct), order=FileOrder.SIZE) == by_size


@st.composite
def edits(draw: st.DrawFn) -> list[list[ManifestEntry]]:
    """Draw states of a manifest, each made of the one before by some edits."""
    states = [draw(strategies.entry_lists(max_size=25))]
    for _ in range(draw(st.integers(1, 4))):
        rows = {each.path: each for each in states[-1]}
        for path in draw(st.lists(st.sampled_from(sorted(rows)), max_size=6)) if rows else []:
            rows.pop(path, None)
        # What was there in any state may come back, as it was or otherwise.
        ever = [each for state in states for each in state]
        if ever:
            back = draw(st.lists(st.sampled_from(ever), max_size=4))
            rows |= {each.path: each for each in back}
        for each in draw(st.lists(st.sampled_from(sorted(rows)), max_size=4)) if rows else []:
            change = draw(
                st.sampled_from(
                    [{"size": 7}, {"etag": "e"}, {"version_id": "v"}, {"modified_at": None}]
                )
            )
            rows[each] = replace(rows[each], **change)
        rows |= {each.path: each for each in draw(strategies.entry_lists(max_size=5))}
        states.append(sorted(rows.values(), key=lambda each: each.sort_key))
    return states


@same_folder
@given(edits(), st.lists(strategies.paths, max_size=3))
@pytest.mark.usefixtures("small_groups")
def test_a_chain_reads_as_what_it_makes(
    tmp_path: Path, states: list[list[ManifestEntry]], probes: list[str]
) -> None:
    ever = [each.path for state in states for each in state]
    check_same(chain(tmp_path, states), states[-1], [*probes, *ever])


def numbered(count: int, seed: int) -> list[ManifestEntry]:
    chosen = random.Random(seed)
    return [entry(f"d{n // 40:03}/f{n % 40:02}", chosen.randrange(3)) for n in range(count)]


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda rows: rows, id="nothing"),
        pytest.param(lambda _: [], id="everything gone"),
        pytest.param(lambda rows: rows[20:60], id="ends gone"),
        pytest.param(lambda rows: [*rows, *(entry(f"z/{n}") for n in range(90))], id="many behind"),
        pytest.param(
            lambda rows: [*(entry(f"a/{n:02}") for n in range(90)), *rows], id="many before"
        ),
        pytest.param(
            lambda rows: sorted(
                [*rows, *(entry(f"d000/f1{n:03}") for n in range(90))], key=lambda e: e.sort_key
            ),
            id="many between",
        ),
        pytest.param(lambda rows: [replace(e, size=9) for e in rows], id="all changed"),
    ],
)
def test_an_edit_and_its_way_back_read_as_what_they_make(tmp_path: Path, edit) -> None:
    first = numbered(100, 1)
    second = edit(first)
    check_same(chain(tmp_path, [second, first]), first)
    check_same(chain(tmp_path, [first, second, first, second]), second)


def test_a_delta_tells_what_happened_since_the_file_before(tmp_path: Path) -> None:
    rows = [entry(name, 1) for name in "abcdef"]
    changed = [
        replace(rows[0], size=2),
        replace(rows[1], version_id="other"),
        replace(rows[2], modified_at=None),
        *rows[4:],
        entry("g"),
    ]
    made = chain(tmp_path, [rows, changed, [*changed, rows[3]]])
    kinds = [
        {row["path"]: row["change"] for batch in layer.batches() for row in batch.to_pylist()}
        for layer in made.layers[1:]
    ]
    first = {"a": "modified", "b": "repinned", "c": "touched", "d": "removed", "g": "added"}
    assert kinds == [first, {"d": "added"}]
    (gone,) = [row for b in made.layers[1].batches() for row in b.to_pylist() if row["path"] == "d"]
    assert (gone["uri"], gone["base_row"], gone["in_base"]) == (rows[3].uri, 3, True)


@pytest.mark.parametrize(
    ("name", "said", "expected"),
    [
        ("kinds_of", "touched", "modified"),
        ("kinds_of", "added", "repinned"),
        ("differs", True, "none: the row is that of the base"),
    ],
)
def test_a_check_compares_what_deltas_say_that_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: Any, expected: str
) -> None:
    rows = [entry(letter, 1) for letter in "abcdef"]
    later = [replace(rows[0], size=2), replace(rows[1], version_id="other"), *rows[3:]]
    if expected == "repinned":
        later[0] = rows[0]
    states = [rows, later, [*later[:-1], entry("g")]]
    made = chain(tmp_path, states[:1])
    with monkeypatch.context() as wrong:
        wrong.setattr(delta, name, lambda one, _: pa.repeat(said, len(one)))
        lying = write_delta(made, write_full(tmp_path, states[1]), tmp_path / "delta", most=MANY)
    assert lying is not None
    made = named(lying)
    assert [*made.entries()] == states[1]
    with pytest.raises(Conflict, match=f"at `change` of .* expected {expected}"):
        made.check()
    above = write_delta(made, write_full(tmp_path, states[2]), tmp_path / "delta", most=MANY)
    assert above is not None
    with pytest.raises(Conflict, match=f"at `change` of .* expected {expected}"):
        named(above).check()


def test_the_files_that_a_delta_stands_on_are_fetched_at_once(tmp_path: Path) -> None:
    rows = numbered(50, 1)
    made = chain(tmp_path, [rows, rows[5:], rows[9:]])
    everybody = Barrier(2, timeout=60)

    def fetched(name: str) -> Path:
        everybody.wait()
        return tmp_path / name

    with ManifestFile(made.path, find=fetched) as again:
        assert again.chain == made.chain


def test_more_changes_than_asked_for_are_no_delta(tmp_path: Path) -> None:
    old, new = write_full(tmp_path, numbered(50, 1)), write_full(tmp_path, numbered(50, 2))
    before = files_in(tmp_path)
    assert write_delta(old, new, tmp_path / "delta", most=5) is None
    assert files_in(tmp_path) == before


def test_a_chain_pickles_by_its_paths(tmp_path: Path) -> None:
    rows = numbered(50, 1)
    made = chain(tmp_path, [rows, rows[5:]])
    assert made.get(rows[7].path) == rows[7]
    with pickle.loads(pickle.dumps(made)) as again:
        check_same(again, rows[5:])


def test_a_missing_base_is_not_found(tmp_path: Path) -> None:
    rows = numbered(50, 1)
    made = chain(tmp_path, [rows, rows[5:]])
    (tmp_path / made.chain[0]).unlink()
    with pytest.raises(NotFound, match=made.chain[0]):
        ManifestFile(made.path)


def test_another_file_in_the_place_of_a_base_is_a_conflict(tmp_path: Path) -> None:
    rows = numbered(50, 1)
    made = chain(tmp_path, [rows, rows[5:]])
    other = write_full(tmp_path, rows[10:])
    (tmp_path / made.chain[0]).write_bytes(other.path.read_bytes())
    with pytest.raises(Conflict, match="damaged"):
        ManifestFile(made.path, sha256=made.chain[-1])
    # Without its hash it shows where the rows are read.
    with pytest.raises(Conflict, match="breaks the format"):
        list(ManifestFile(made.path).entries())
    with pytest.raises(Conflict, match="breaks the format"):
        len(ManifestFile(made.path).rows)


def test_a_delta_in_the_place_of_the_full_file_is_a_conflict(tmp_path: Path) -> None:
    rows = numbered(50, 1)
    one = chain(tmp_path, [rows, rows[5:]])
    two = chain(tmp_path, [rows, rows[5:], rows[9:]])
    (tmp_path / one.chain[0]).write_bytes(one.path.read_bytes())
    with pytest.raises(Conflict, match="breaks the format at its footer"):
        ManifestFile(two.path)


@pytest.mark.usefixtures("small_groups")
def test_rows_are_taken_alike_where_they_are_many_and_where_they_are_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorted_rows, "_NEAR", 1)
    monkeypatch.setattr(sorted_rows, "_MANY", 1)
    rows = numbered(30, 1)
    manifest = write_full(tmp_path, rows)
    # Of the first row group pages, of the second so many that it is read as a whole.
    numbers = [2, 12, 15, 19, 29]
    assert list(manifest.take(numbers).rows()) == [rows[n] for n in numbers]
