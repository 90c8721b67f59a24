"""SortedRows: rows of a Parquet file by their number, of which only those are read that are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.errors import Conflict
from landfast.manifests.parquet import SortedParquet, damage_is_conflict
from landfast.manifests.rows import checked, exact

if TYPE_CHECKING:
    import pyarrow as pa

# Columns of paths that are kept: who looks for one path often looks for its neighbour next.
_KEPT = 4
# Rows that lie so near to each other are read together: the pages between them are few.
_NEAR = 512
# Of a row group in which more places are wanted, all is read: to find each of its own costs more.
_MANY = 6


class NumberedRows(ABC):
    """Rows in order of their paths, numbered from 0; not safe for threads.

    What is asked for raises `Conflict` if a file is damaged or breaks the format there.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def path(self, row: int) -> str:
        """Return the path of a row."""

    @abstractmethod
    def column(self, name: str, start: int, stop: int) -> pa.ChunkedArray:
        """Return a column of a range of rows; nothing but this column is read."""

    @abstractmethod
    def take(self, rows: Sequence[int]) -> pa.Table:
        """Return rows by their numbers, which are in order."""

    @abstractmethod
    def place_of(self, wanted: bytes) -> int:
        """Return the same as `place`, for the bytes of a path or of what is between paths."""

    def place(self, path: str) -> int:
        """Return the number of the first row whose path is not before `path`; `len` if there is none."""
        return self.place_of(path.encode(errors="surrogatepass"))

    def span(self, prefix: str) -> tuple[int, int]:
        """Return the range of the rows whose path starts with `prefix`."""
        start = self.place(prefix)
        if not prefix:
            return 0, len(self)
        after = _after(prefix)
        return start, len(self) if after is None else self.place_of(after)


class SortedRows(NumberedRows):
    """Rows of some row groups of a file.

    Args:
        path: The file, for errors.
        parquet: What is read.
        form: Columns as the format has them.
        groups: The row groups, in order of their paths.
    """

    def __init__(
        self, path: Path, parquet: SortedParquet, form: pa.Schema, groups: Sequence[int]
    ) -> None:
        self._path = path
        self._parquet = parquet
        self._form = form
        self._groups = groups
        metadata = parquet.metadata
        counts = (metadata.row_group(group).num_rows for group in groups)
        self._starts: list[int] = list(accumulate(counts, initial=0))
        self._kept: OrderedDict[int, pa.ChunkedArray] = OrderedDict()

    def __len__(self) -> int:
        return self._starts[-1]

    def has(self, name: str) -> bool:
        """Whether there is such a column."""
        return name in self._form.names

    def place_of(self, wanted: bytes) -> int:
        """Return the number of the first row whose path is not before some bytes."""
        bounds = self._parquet.bounds
        low = bisect_left(self._groups, True, key=lambda group: bounds(group)[1] >= wanted)
        high = bisect_left(self._groups, True, lo=low, key=lambda group: bounds(group)[0] >= wanted)
        if high - low > 1:  # statistics that were cut, so that row groups look alike
            ends = self._parquet.ends
            low = bisect_left(
                self._groups, True, lo=low, hi=high, key=lambda group: ends(group)[1] >= wanted
            )
        if low >= high:
            return self._starts[low]
        paths = self._paths(low)
        return self._starts[low] + bisect_left(
            paths, wanted, key=lambda path: path.as_py().encode()
        )

    def path(self, row: int) -> str:
        """Return the path of a row."""
        at = self._at(row)
        return str(self._paths(at)[row - self._starts[at]].as_py())

    def column(self, name: str, start: int, stop: int) -> pa.ChunkedArray:
        """Return a column of a range of rows; nothing but this column is read."""
        import pyarrow as pa

        field = self._form.field(name)
        parts = [
            self._column(at, name).slice(first, last - first)
            for at, first, last in self._cut(start, stop)
        ]
        chunks = [chunk for part in parts for chunk in part.chunks]
        return pa.chunked_array(chunks, field.type)

    def take(self, rows: Sequence[int]) -> pa.Table:
        """Return rows by their numbers, which are in order."""
        import pyarrow as pa

        parts = list(self._read(rows))
        if not parts:
            return self._form.empty_table()
        with damage_is_conflict(self._path):
            try:
                found = checked(self._path, parts[0].group, _joined(parts), self._form)
            except Conflict:
                for part in parts:  # which row of which row group it is
                    checked(self._path, part.group, part.table, self._form, first=part.first)
                raise
        if len(found) == len(rows):
            return found
        numbers = [number for part in parts for number in part.numbers]
        return found.take(pa.array(bisect_left(numbers, row) for row in rows))

    def _read(self, rows: Sequence[int]) -> Iterator[_Part]:
        import pyarrow as pa

        for at, of_group in groupby(rows, key=self._at):
            group, before = self._groups[at], self._starts[at]
            wanted = [row - before for row in of_group]
            runs = list(_runs(wanted))
            if len(runs) > _MANY:
                numbers = [before + row for row in wanted]
                table = _taken(self._parquet.read(group, self._form.names), wanted)
                # As `read_rows` has it, which knows of no column that it is never null.
                same = pa.table(table.columns, names=table.column_names)
                yield _Part(group, wanted[0], numbers, same)
            else:
                for start, stop in runs:
                    table = self._parquet.read_rows(group, self._form.names, start, stop)
                    # A copy, so that of the pages nothing else stays in memory.
                    copy = _taken(table, range(len(table)))
                    yield _Part(group, start, range(before + start, before + stop), copy)

    def _paths(self, at: int) -> pa.ChunkedArray:
        found = self._kept.pop(at, None)
        if found is None:
            found = self._column(at, "path")
        self._kept[at] = found
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found

    def _column(self, at: int, name: str) -> pa.ChunkedArray:
        group = self._groups[at]
        table = self._parquet.read(group, [name])
        with damage_is_conflict(self._path):
            return exact(self._path, group, table, self._form.field(name))

    def _at(self, row: int) -> int:
        """Return which of the row groups holds a row."""
        return bisect_right(self._starts, row, hi=len(self._groups)) - 1

    def _cut(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Yield the row groups that a range lies in, each with the range within it."""
        if start >= stop:
            return
        for at in range(self._at(start), len(self._groups)):
            first, last = self._starts[at], self._starts[at + 1]
            if first >= stop:
                return
            yield at, max(0, start - first), min(last, stop) - first


def _taken(table: pa.Table, rows: Iterable[int]) -> pa.Table:
    """Copy rows; views of text, which other writers may ask for, become text: Arrow takes no rows of them."""
    import pyarrow as pa

    texts = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    for at, field in enumerate(table.schema):
        if field.type in texts:
            column = table.column(at).cast(texts[field.type])
            table = table.set_column(at, field.with_type(column.type), column)
    return table.take(pa.array(rows, pa.int64()))


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that were read together.

    Args:
        group: The row group.
        first: The number of the first in the group.
        numbers: Those of all.
        table: As they are in the file.
    """

    group: int
    first: int
    numbers: Sequence[int]
    table: pa.Table


def _joined(parts: Sequence[_Part]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables([part.table for part in parts])


def _runs(rows: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows that are to be read together."""
    start = stop = None
    for row in rows:
        if start is None or stop is None or row - stop >= _NEAR:
            if start is not None and stop is not None:
                yield start, stop
            start = row
        stop = row + 1
    if start is not None and stop is not None:
        yield start, stop


def _after(prefix: str) -> bytes | None:
    """Return the least bytes that are after all that begin with the prefix; None if there are none."""
    data = prefix.encode(errors="surrogatepass").rstrip(b"\xff")
    return data[:-1] + bytes([data[-1] + 1]) if data else None
