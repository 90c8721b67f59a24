"""A folder of a manifest file: what a walk over all entries would list, read as far as a page needs."""

import hashlib
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.manifests import schema
from landfast.manifests.batch import EntryBatch
from landfast.manifests.folder import Folder
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.ranking import FileOrder
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.folders import FolderTotal
from landfast.model.globs import PathFilter
from landfast.model.manifest import ManifestEntry
from landfast.testing import strategies

same_folder = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few rows fill a row group and a page, so that small manifests have many."""
    monkeypatch.setattr(schema, "ROWS_PER_GROUP", 7)
    monkeypatch.setattr(schema, "FOLDERS_PER_GROUP", 3)


def write(path: Path, entries: list[ManifestEntry]) -> ManifestFile:
    with ManifestWriter(path) as writer:
        writer.extend(sorted(entries, key=attrgetter("sort_key")))
        return ManifestFile(writer.finish().path)


def entry(path: str, size: int | None = 1) -> ManifestEntry:
    return ManifestEntry(path=path, size=size, checksum=None, uri=f"s3://bucket/{path}")


# Few letters, so that folders stand between files, deep in each other, and names are empty.
paths = st.text("ab/", min_size=1, max_size=7)
trees = st.dictionaries(paths, st.one_of(st.none(), st.integers(0, 3)), max_size=60).map(
    lambda found: [entry(path, size) for path, size in found.items()]
)
KEYS = {
    FileOrder.PATH: lambda e: e.sort_key,
    FileOrder.SIZE: lambda e: -1 if e.size is None else e.size,
    FileOrder.MODIFIED: lambda e: e.modified_at.timestamp() if e.modified_at else float("-inf"),
}


def folders_of(entries: list[ManifestEntry]) -> list[str]:
    return sorted(
        {""} | {e.path[: n + 1] for e in entries for n, char in enumerate(e.path) if char == "/"}
    )


@same_folder
@given(st.one_of(trees, strategies.entry_lists(max_size=40)), st.data())
@pytest.mark.usefixtures("small_groups")
def test_a_folder_lists_what_a_walk_would(
    tmp_path: Path, entries: list[ManifestEntry], data: st.DataObject
) -> None:
    entries = sorted(entries, key=attrgetter("sort_key"))
    totals = {total.path: total for total in MemoryManifest(entries).folders()}
    start = data.draw(st.integers(0, 12))
    stop = start + data.draw(st.integers(0, 12))
    order, descending = data.draw(st.sampled_from(FileOrder)), data.draw(st.booleans())
    path = data.draw(st.sampled_from(folders_of(entries)))
    with write(tmp_path / "m", entries) as manifest:
        folder = Folder(manifest, path)
        inside = [e for e in entries if e.path.startswith(path)]
        direct = [e for e in inside if "/" not in e.path[len(path) :]]
        below = [
            total
            for total in totals.values()
            if total.path.startswith(path) and total.depth == path.count("/") + 1
        ]
        assert folder.total == totals[path]
        assert (folder.subfolder_count, folder.file_count) == (len(below), len(direct))
        ranked = sorted(direct, key=KEYS[order], reverse=descending)
        assert folder.files(start, stop, order=order, descending=descending) == ranked[start:stop]
        assert folder.files(0, len(ranked)) == direct
        by_size = data.draw(st.booleans())
        sizes = sorted(below, key=size_of if by_size else path_of, reverse=descending)
        assert (
            folder.subfolders(start, stop, by_size=by_size, descending=descending)
            == sizes[start:stop]
        )


def size_of(total: FolderTotal) -> int:
    return total.size


def path_of(total: FolderTotal) -> str:
    return total.path


@same_folder
@given(
    trees,
    st.sampled_from(
        ["*", "**", "a*", "**/a", "b", "a/*", "b/", "[a]*", "{a,b}*", "/a", "./b", "a//*"]
    ),
    st.data(),
)
@example([entry("a"), entry("a/b"), entry("ab")], "a", None)
@pytest.mark.usefixtures("small_groups")
def test_a_glob_finds_what_include_would_keep(
    tmp_path: Path, entries: list[ManifestEntry], glob: str, data: st.DataObject | None
) -> None:
    entries = sorted(entries, key=attrgetter("sort_key"))
    path = data.draw(st.sampled_from(folders_of(entries))) if data else ""
    why = PathFilter(include=[glob])
    kept = [e for e in entries if e.path.startswith(path) and not why(e.path[len(path) :])]
    with write(tmp_path / "m", entries) as manifest:
        assert Folder(manifest, path).matching(glob, 0, 1000) == kept
        assert Folder(manifest, path).matching(glob, 1, 4) == kept[1:4]


def test_an_empty_glob_is_no_glob(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        Folder(write(tmp_path / "m", [entry("a")])).matching("", 0, 10)


@pytest.mark.parametrize("path", ["b", "a/x", "a/b/", "/", "\udcff", "a/b"])
def test_a_folder_that_is_not_there_is_not_found(tmp_path: Path, path: str) -> None:
    manifest = write(tmp_path / "m", [entry("a/b"), entry("b")])
    assert Folder(manifest, "a").path == "a/"
    with pytest.raises(NotFound):
        Folder(manifest, path)


def test_the_top_of_nothing_is_an_empty_folder(tmp_path: Path) -> None:
    folder = Folder(write(tmp_path / "m", []))
    assert (folder.total.count, folder.subfolder_count, folder.file_count) == (0, 0, 0)
    for order in FileOrder:
        assert folder.files(0, 10, order=order) == []
    assert folder.subfolders(0, 10, by_size=True) == []
    assert folder.matching("*", 0, 10) == []


# -- what a page reads -----------------------------------------------------------------------------

COUNT = 300_000


def batches(paths: list[str]) -> Iterator[EntryBatch]:
    """Make wide rows with tokens that do not compress, as buckets give them."""
    for start in range(0, len(paths), 50_000):
        part = paths[start : start + 50_000]
        tokens = [hashlib.md5(path.encode()).hexdigest() for path in part]
        count = len(part)
        columns = [
            part,
            [int(token[:6], 16) for token in tokens],
            ["s3-etag"] * count,
            tokens,
            [f"s3://bucket/{path}" for path in part],
            [token[::-1] for token in tokens],
            [None] * count,
            [True] * count,
            [int(token[6:16], 16) for token in tokens],
        ]
        form = schema.entry_schema()
        arrays = [pa.array(c, f.type) for c, f in zip(columns, form, strict=True)]
        yield EntryBatch(pa.RecordBatch.from_arrays(arrays, schema=form))


def large(path: Path, paths: list[str]) -> Path:
    with ManifestWriter(path) as writer:
        for batch in batches(sorted(paths)):
            writer.add_batch(batch)
        return writer.finish().path


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files in one folder."""
    return large(tmp_path_factory.mktemp("flat") / "m", [f"f{n:06}" for n in range(COUNT)])


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of 10,000 files, and a file before each at the top."""
    paths = [f"d{n // 10_000:02}/s{n // 1000 % 10}/f{n:06}" for n in range(COUNT)]
    paths += [f"d{n:02}.txt" for n in range(COUNT // 10_000)]
    return large(tmp_path_factory.mktemp("nested") / "m", paths)


def bytes_read() -> int:
    """Bytes that this process has read so far, from whatever file."""
    return int(Path("/proc/self/io").read_text().split()[1])


def share_read(manifest: Path, page: "Page") -> float:
    """Return which part of a file a page reads that is opened for it alone."""
    before = bytes_read()
    own = bytes_read() - before
    before = bytes_read()
    with ManifestFile(manifest) as opened:
        page(opened)
    return (bytes_read() - before - own) / manifest.stat().st_size


class Page:
    """A page of 50 files."""

    def __init__(self, path: str = "", start: int = 0, **order: object) -> None:
        self._asked = (path, start, order)

    def __call__(self, manifest: ManifestFile) -> None:
        """Read it."""
        path, start, order = self._asked
        folder = Folder(manifest, path)
        assert len(folder.subfolders(0, 50)) == min(50, folder.subfolder_count)
        found = folder.files(start, start + 50, **order)  # type: ignore[arg-type]
        assert len(found) == min(50, folder.file_count - start)


@pytest.mark.parametrize("start", [0, 8192 - 25, 150_000, COUNT - 50])
@pytest.mark.parametrize("descending", [False, True])
def test_any_page_of_a_flat_folder_reads_little(flat: Path, start: int, descending: bool) -> None:
    assert share_read(flat, Page(start=start, descending=descending)) < 1 / 50


@pytest.mark.parametrize("path", ["d07/s3", "d29/s9"])
def test_a_page_of_a_folder_reads_little(nested: Path, path: str) -> None:
    assert share_read(nested, Page(path, 400)) < 1 / 50


def test_files_between_large_folders_are_found_without_reading_these(nested: Path) -> None:
    assert (
        share_read(nested, Page()) < 1 / 6
    )  # of some 600 pages 30 are needed, and paths around them


@pytest.mark.parametrize("start", [0, 150_000, COUNT - 50])
def test_sorting_by_size_reads_sizes_and_the_rows_of_the_page(flat: Path, start: int) -> None:
    share = share_read(flat, Page(start=start, order=FileOrder.SIZE, descending=True))
    sizes = column_share(flat, "size")
    # 50 rows that lie in as many places, each with a page of each column around it.
    assert share < sizes + 50 * 1024 / COUNT


def column_share(path: Path, name: str) -> float:
    with ManifestFile(path) as manifest:
        metadata = manifest.layers[0].entries.metadata
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        place = schema.entry_schema().names.index(name)
        return sum(g.column(place).total_compressed_size for g in groups) / path.stat().st_size


def test_a_page_that_is_damaged_is_a_conflict(flat: Path, tmp_path: Path) -> None:
    with ManifestFile(flat) as manifest:
        chunk = manifest.layers[0].entries.metadata.row_group(10).column(3)
    data = bytearray(flat.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    copy = tmp_path / "m"
    copy.write_bytes(data)
    folder = Folder(ManifestFile(copy))
    assert folder.files(0, 50)
    with pytest.raises(Conflict):
        folder.files(10 * schema.ROWS_PER_GROUP, 11 * schema.ROWS_PER_GROUP)
