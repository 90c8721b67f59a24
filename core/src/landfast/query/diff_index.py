"""DiffIndex: the differences between two manifest files as a sorted table of row numbers, looked into by page.

Who looks at differences needs counts, and a few rows: so only path, kind, sizes and row numbers are kept, as
columns, and entries are read again where they are shown.
"""

from __future__ import annotations

import contextlib
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.manifests.base import Manifest
from landfast.manifests.chains.applied import counted
from landfast.model.diff import DiffKind, DiffRow, DiffRows
from landfast.model.manifest import ManifestEntry
from landfast.query.differences import KINDS, differences, form
from landfast.query.renames import with_renames
from landfast.system.disk_errors import disk_errors

if TYPE_CHECKING:
    import pyarrow as pa

# So many differences are in memory; more lie on disk.
_HELD = 200_000
# Differences that are looked at together, and entries that are read together by who goes through all.
_AT_ONCE, _READ = 65_536, 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffTotal:
    """How many differences there are in a folder, and of how many bytes.

    Args:
        path: The folder with its final slash; ``""`` is the whole.
        counts: By kind; kinds without any are left out.
        sizes: Bytes by kind, as `DiffRow.size` counts them.
    """

    path: str
    counts: dict[str, int]
    sizes: dict[str, int]

    @property
    def count(self) -> int:
        """Differences of all kinds."""
        return sum(self.counts.values())


class DiffIndex:
    """The differences between two manifest files, sorted by path; safe for threads.

    Neither entries nor differences are in memory: those that are many lie in a temporary file.  Both manifests are
    read once; of two chains that share files only what is above those; nothing where digests are equal.  A renamed
    file stands at its new path.

    Args:
        old: Seen as the state before.
        new: Seen as the state after.
    """

    def __init__(self, old: Manifest, new: Manifest) -> None:
        self._old = old
        self._new = new
        is_same = (old.digest, old.pin_digest) == (new.digest, new.pin_digest)
        found = iter(()) if is_same else differences(old, new)
        columns = form()
        self._table = _kept(with_renames(_kept(found, columns)), columns.remove(len(columns) - 1))
        total = self.total()
        gone = {kind: 0 for kind in DiffKind if kind is not DiffKind.REMOVED}
        self.unchanged = len(new) - sum(total.counts.get(kind, 0) for kind in gone)
        self.unchanged_size = new.size - sum(total.sizes.get(kind, 0) for kind in gone)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def total(self, folder: str = "") -> DiffTotal:
        """Count the differences in a folder and below; ``""`` is the whole."""
        import pyarrow as pa

        parts = self._parts(folder)
        found = _totals(p.append_column("folder", pa.repeat(folder, len(p))) for p in parts)
        return found.get(folder) or DiffTotal(path=folder, counts={}, sizes={})

    def subfolders(self, folder: str, kind: str = "") -> list[DiffTotal]:
        """Count the differences in each folder directly in a folder, sorted by path.

        Args:
            folder: With its final slash; ``""`` is the top.
            kind: Only differences of this kind; ``""`` is all.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        start, end = (pa.scalar(text, pa.large_string()) for text in (folder, "/"))
        between = pa.scalar("", pa.large_string())

        def parts() -> Iterator[pa.Table]:
            for part in self._parts(folder, kind):
                inside = part.filter(pc.invert(_is_direct(part, folder)))
                names = pc.list_element(_split(inside, folder), 0)
                paths = pc.binary_join_element_wise(start, names, end, between)
                yield inside.append_column("folder", paths)

        found = _totals(parts())
        return [found[path] for path in sorted(found)]

    def count(self, folder: str, kind: str = "", *, below: bool = False) -> int:
        """Count the differences that `rows` has."""
        return len(self._numbers(folder, kind, below=below))

    def rows(
        self, folder: str, start: int, stop: int, kind: str = "", *, below: bool = False
    ) -> list[DiffRow]:
        """Return some of the differences directly in a folder, sorted by path.

        Args:
            folder: With its final slash; ``""`` is the top.
            start: Of the first.
            stop: Behind the last.
            kind: Only those of this kind; ``""`` is all.
            below: Those in folders of it too.
        """
        numbers = self._numbers(folder, kind, below=below)
        return self._shown(numbers.slice(start, max(0, stop - start)))

    def all_of(self, kind: str = "") -> DiffRows:
        """Return all differences, or all of a kind, as a sequence that reads what is asked of it."""
        numbers = self._numbers("", kind, below=True)
        total = self.total()
        size = total.sizes.get(kind, 0) if kind else sum(total.sizes.values())
        return _Found(numbers, size, self._shown)

    def at(self, path: str) -> DiffRow | None:
        """Return the difference at a path; None if there is none."""
        import pyarrow as pa

        start, _ = _range(self._table["path"], path)
        is_there = start < len(self) and self._table["path"][start].as_py() == path
        return self._shown(pa.array([start]))[0] if is_there else None

    def _numbers(self, folder: str, kind: str, *, below: bool) -> pa.Array:
        """Return the numbers of differences in the table."""
        import pyarrow as pa

        found = [
            part["number"] if below else part["number"].filter(_is_direct(part, folder))
            for part in self._parts(folder, kind)
        ]
        chunks = [chunk for column in found for chunk in column.chunks]
        return pa.concat_arrays(chunks) if chunks else pa.array([], pa.int64())

    def _parts(self, folder: str, kind: str = "") -> Iterator[pa.Table]:
        """Yield the differences in a folder and below, of a kind if one is given, with their numbers."""
        import pyarrow.compute as pc

        start, stop = _range(self._table["path"], folder)
        for begin in range(start, stop, _AT_ONCE):
            part = self._table.slice(begin, min(_AT_ONCE, stop - begin))
            numbers = pc.add(counted(len(part)), begin)
            part = part.append_column("number", numbers)
            if kind:
                part = part.filter(pc.equal(part["kind"], KINDS.index(DiffKind(kind))))
            if len(part):
                yield part

    def _shown(self, numbers: pa.Array) -> list[DiffRow]:
        table = self._table.take(numbers)
        before = _entries(self._old, table["old_row"].to_pylist())
        after = _entries(self._new, table["new_row"].to_pylist())
        kinds = (KINDS[kind] for kind in table["kind"].to_pylist())
        return [
            DiffRow(kind=kind, old=old, new=new)
            for kind, old, new in zip(kinds, before, after, strict=True)
        ]


class _Found(DiffRows):
    """Some differences of an index."""

    def __init__(
        self, numbers: pa.Array, size: int, show: Callable[[pa.Array], list[DiffRow]]
    ) -> None:
        self._numbers = numbers
        self._size = size
        self._show = show

    @property
    def size(self) -> int:
        return self._size

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[DiffRow]:
        for start in range(0, len(self), _READ):
            yield from self._show(self._numbers.slice(start, _READ))

    def _at(self, places: range) -> list[DiffRow]:
        import pyarrow as pa

        return self._show(self._numbers.take(pa.array(places, pa.int64())))


# -- keeping them ----------------------------------------------------------------------------------


def _kept(parts: Iterable[pa.Table], columns: pa.Schema) -> pa.Table:
    """Return parts as one table; of many on disk, mapped into memory, which goes with it."""
    import pyarrow as pa

    held, count = [columns.empty_table()], 0
    with contextlib.ExitStack() as files:
        sink = None
        for part in parts:
            held.append(part)
            count += len(part)
            if count >= _HELD:
                if sink is None:
                    folder = files.enter_context(tempfile.TemporaryDirectory(prefix="landfast-"))
                    path = Path(folder, "differences")
                    files.enter_context(disk_errors(path, "write the differences"))
                    sink = files.enter_context(pa.ipc.new_file(str(path), columns))
                sink.write_table(pa.concat_tables(held), max_chunksize=_AT_ONCE)
                held, count = [columns.empty_table()], 0
        if sink is None:
            return pa.concat_tables(held).combine_chunks()
        sink.write_table(pa.concat_tables(held), max_chunksize=_AT_ONCE)
        sink.close()
        # The file is there as long as the mapping is.
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


# -- looking into them -----------------------------------------------------------------------------


def _entries(manifest: Manifest, rows: Sequence[int | None]) -> list[ManifestEntry | None]:
    wanted = sorted({row for row in rows if row is not None})
    found = dict(zip(wanted, manifest.take(wanted).rows(), strict=True))
    return [None if row is None else found[row] for row in rows]


def _range(paths: pa.ChunkedArray, prefix: str) -> tuple[int, int]:
    """Return the range of sorted paths that start with a prefix."""
    if not prefix:
        return 0, len(paths)
    start = bisect_left(paths, prefix, key=lambda path: path.as_py())
    stop = bisect_left(paths, True, lo=start, key=lambda path: not path.as_py().startswith(prefix))
    return start, stop


def _split(table: pa.Table, folder: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    inside = pc.utf8_slice_codeunits(table["path"], len(folder))
    return pc.split_pattern(inside, "/", max_splits=1)


def _is_direct(table: pa.Table, folder: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.equal(pc.list_value_length(_split(table, folder)), 1)


def _totals(parts: Iterable[pa.Table]) -> dict[str, DiffTotal]:
    """Count differences by the column `folder`, and by kind."""
    found: dict[str, DiffTotal] = {}
    for part in parts:
        grouped = part.group_by(["folder", "kind"]).aggregate([("size", "sum"), ("size", "count")])
        for row in grouped.to_pylist():
            total = found.setdefault(
                row["folder"], DiffTotal(path=row["folder"], counts={}, sizes={})
            )
            kind = str(KINDS[row["kind"]])
            total.counts[kind] = total.counts.get(kind, 0) + row["size_count"]
            total.sizes[kind] = total.sizes.get(kind, 0) + row["size_sum"]
    return found
