"""Folder: one level of a manifest file, as a file browser shows it, read as far as a page of it needs.

Subfolders come from the roll-up, by the number of their row.  The files of a folder stand between the rows of its
subfolders; the counts of those say how many rows to leave out, so that the place of any file is computed, not
looked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, NoReturn

from landfast.errors import NotFound
from landfast.manifests.batch import EntryBatch
from landfast.manifests.ranking import FileOrder, Ranking, values_by
from landfast.manifests.reader import ManifestFile
from landfast.manifests.rows import breaks_format
from landfast.model.folders import FolderTotal
from landfast.model.globs import PathFilter, literal_start
from landfast.model.manifest import ManifestEntry

if TYPE_CHECKING:
    import pyarrow as pa

# So many runs of files between subfolders are found one by one; of more, all paths are looked at.
_FEW_RUNS = 200
# Paths that are matched with a glob at once.
_MATCHED_AT_ONCE = 8_192


class Folder:
    """One folder of a manifest; not safe for threads.

    Args:
        manifest: What it is a folder of.
        path: With its final slash, which is added where it is missing; ``""`` is the whole manifest.

    Raises:
        NotFound: If the folder has no entries.
        Conflict: If the file is damaged or breaks the format, there and in all that is asked for later.
    """

    def __init__(self, manifest: ManifestFile, path: str = "") -> None:
        self.path = path if path.endswith("/") or not path else path + "/"
        self._manifest = manifest
        self._rows = manifest.rows
        depth = self.path.count("/")
        level = manifest.level(depth)
        row = level.place(self.path)
        if row == len(level) or level.path(row) != self.path:
            raise NotFound(
                f"no entry of the manifest lies below {self.path!r}",
                subject=self.path,
                hint="List what there is with `landfast ls`.",
            )
        (self.total,) = _totals(level.take([row]))
        self._level = manifest.level(depth + 1)
        self._first, self._last = self._level.span(self.path)

    @property
    def subfolder_count(self) -> int:
        """How many folders lie directly in it."""
        return self._last - self._first

    @property
    def file_count(self) -> int:
        """How many entries lie directly in it."""
        return self.total.count - self._before[-1]

    def subfolders(
        self, start: int, stop: int, *, by_size: bool = False, descending: bool = False
    ) -> list[FolderTotal]:
        """Return the totals of some of the folders directly in it, sorted by path or by size."""
        column = self._level.column("size", self._first, self._last) if by_size else None
        ranking = Ranking(column, self.subfolder_count, descending=descending)
        rows = [self._first + place for place in ranking.places(start, stop)]
        found = {total.path: total for total in _totals(self._level.take(sorted(rows)))}
        return [found[self._level.path(row)] for row in rows]

    def files(
        self,
        start: int,
        stop: int,
        *,
        order: FileOrder = FileOrder.PATH,
        descending: bool = False,
    ) -> list[ManifestEntry]:
        """Return some of the entries directly in it; what is not known counts as the least."""
        count = self.file_count
        if order is FileOrder.PATH:
            ranking = Ranking(None, count, descending=descending)
            places = ranking.places(start, stop)
            rows = self._rows_of(min(places), max(places) + 1) if places else []
            return self._entries(rows[::-1] if descending else rows)
        runs = self._all_runs()
        ranking = Ranking(values_by(order, self._rows, runs), count, descending=descending)
        starts = list(accumulate((run.stop - run.start for run in runs), initial=0))
        found = []
        for place in ranking.places(start, stop):
            at = bisect_right(starts, place) - 1
            found.append(runs[at].start + place - starts[at])
        return self._entries(found)

    def matching(self, glob: str, start: int, stop: int) -> list[ManifestEntry]:
        """Return some of the entries below it whose path within it matches a glob, sorted by path.

        Raises:
            InvalidInput: If the glob is none.
        """
        why, cut, rows = PathFilter(include=[glob]), len(self.path), list[int]()
        first, last = self._rows.span(self.path + literal_start(glob))
        for begin in range(first, last, _MATCHED_AT_ONCE):
            end = min(last, begin + _MATCHED_AT_ONCE)
            paths = self._rows.column("path", begin, end).to_pylist()
            rows += [row for row, path in enumerate(paths, begin) if not why(path[cut:])]
            if len(rows) >= stop:
                break
        return self._entries(rows[start:stop], is_direct=False)

    def _entries(self, rows: Sequence[int], *, is_direct: bool = True) -> list[ManifestEntry]:
        in_order = sorted(rows)
        if in_order and in_order[-1] >= len(self._rows):
            self._refuse("behind the last one")
        (batch,) = self._rows.take(in_order).combine_chunks().to_batches() or [None]
        found = dict(zip(in_order, EntryBatch(batch).rows(), strict=True)) if batch else {}
        for entry in found.values():
            name = entry.path.removeprefix(self.path)
            if (self.path and name == entry.path) or (is_direct and "/" in name):
                self._refuse(repr(entry.path))
        return [found[row] for row in rows]

    def _refuse(self, found: str) -> NoReturn:
        where = f"the folder {self.path!r} of its roll-up"
        expected = "counts of the rows below its folders, which lead to its own"
        raise breaks_format(self._manifest.path, where, expected, f"counts that lead to {found}")

    # -- where the files are ------------------------------------------------------------------

    @cached_property
    def _span(self) -> tuple[int, int]:
        return self._rows.span(self.path)

    @cached_property
    def _before(self) -> list[int]:
        """Of each subfolder, how many rows lie in those before it; the last is that of all."""
        if not self.subfolder_count:
            return [0]
        counts = self._level.column("count", self._first, self._last)
        return list(accumulate(counts.to_pylist(), initial=0))

    def _files_before(self, subfolder: int) -> int:
        """Count the files that stand before a subfolder."""
        if subfolder == self.subfolder_count:
            return self.file_count
        row = self._rows.place(self._level.path(self._first + subfolder))
        return row - self._span[0] - self._before[subfolder]

    def _rows_of(self, start: int, stop: int) -> list[int]:
        return [row for run in self._runs(start, stop) for row in run]

    def _runs(self, start: int, stop: int) -> Iterator[range]:
        """Yield the rows of a range of files, sorted by path: those that stand together at a time."""
        subfolder, near = 0, False
        while start < stop:
            subfolder = self._passed(subfolder, start, near=near)
            near = True
            row = self._span[0] + self._before[subfolder] + start
            end = min(stop, self._files_before(subfolder))
            if end <= start:
                self._refuse(repr(self._rows.path(min(row, len(self._rows) - 1))))
            yield range(row, row + end - start)
            start = end

    def _passed(self, subfolder: int, file: int, *, near: bool) -> int:
        """Return how many subfolders stand before a file, at least `subfolder` of them."""
        low, high = subfolder, self.subfolder_count
        step = 1
        while near and low + step <= high and self._files_before(low + step - 1) <= file:
            low, step = low + step, step * 2
        high = min(high, low + step) if near else high
        return bisect_right(range(high), file, lo=low, key=self._files_before)

    def _all_runs(self) -> Sequence[range]:
        if min(self.file_count, self.subfolder_count) <= _FEW_RUNS:
            return list(self._runs(0, self.file_count))
        import pyarrow as pa
        import pyarrow.compute as pc

        start, stop = self._span
        paths = self._rows.column("path", start, stop)
        names = pc.binary_slice(paths.cast(pa.binary()), len(self.path.encode()))
        inside = pc.not_equal(pc.find_substring(names, "/"), -1).combine_chunks()
        runs = pc.run_end_encode(inside, run_end_type=pa.int64())
        ends = [0, *runs.run_ends.to_pylist()]
        return [
            range(start + begin, start + end)
            for begin, end, below in zip(ends, ends[1:], runs.values.to_pylist(), strict=False)
            if not below
        ]


def _totals(table: pa.Table) -> list[FolderTotal]:
    return [
        FolderTotal(path=row["path"], count=row["count"], size=row["size"])
        for row in table.select(["path", "count", "size"]).to_pylist()
    ]
