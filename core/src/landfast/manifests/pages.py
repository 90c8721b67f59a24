"""Pages of a Parquet file: a few rows of a row group without the pages that do not hold them.

pyarrow reads a column of a row group from its first page on.  So it is given a file in which the page that holds
the first row wanted follows where the first page was; it decodes, decompresses and checks as ever.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# A column of a row group that is no larger than this is read as a whole.
_SMALL_BYTES = 1024
# How much is read ahead at a time; a page that is larger is read at once.
_AHEAD_BYTES = 2 * 1024
_HEADER_BYTES = 96
_LONGEST_HEADER = 1 << 20


class Seekable(Protocol):
    """What is needed of a file."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """Read on from there; less only at the end."""
        ...


@dataclass(frozen=True, slots=True)
class _Cut:
    """What is read of one column.

    Args:
        start: Offset of its first page in the file.
        skipped: Bytes of the pages that are left out there.
        end: Offset behind its last page.
        needed: Offset behind the last page that is needed.
        rows: Rows of the pages that are left out.
    """

    start: int
    skipped: int
    end: int
    needed: int
    rows: int


def read_range(
    file: Seekable,
    metadata: pq.FileMetaData,
    group: int,
    columns: Sequence[str],
    start: int,
    stop: int,
) -> pa.Table:
    """Read some rows of a row group, of large columns only the pages that hold them.

    Args:
        file: The Parquet file, unbuffered.
        metadata: Its footer.
        group: The row group.
        columns: Names of flat columns.
        start: The first row, from 0 in the group.
        stop: The row after the last.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    row_group = metadata.row_group(group)
    chunks = {
        chunk.path_in_schema: chunk for chunk in map(row_group.column, range(row_group.num_columns))
    }
    cuts = {name: _cut(file, chunks[name], start, stop) for name in columns}
    virtual = _Shortened(file, [cut for cut in cuts.values() if cut is not None])
    parquet = pq.ParquetFile(
        pa.PythonFile(virtual, "r"),
        metadata=metadata,
        page_checksum_verification=True,
        pre_buffer=False,
        buffer_size=_AHEAD_BYTES,
    )
    together: dict[int, list[str]] = defaultdict(list)
    for name, cut in cuts.items():
        together[cut.rows if cut else 0].append(name)
    found: dict[str, pa.ChunkedArray] = {}
    for skipped, names in together.items():
        table = _rows(parquet, group, names, stop - skipped).slice(start - skipped)
        found |= zip(names, table.columns, strict=True)
    return pa.table([found[name] for name in columns], names=list(columns))


def _rows(parquet: pq.ParquetFile, group: int, names: Sequence[str], count: int) -> pa.Table:
    """Read the first `count` rows of some columns, and no further."""
    import pyarrow as pa

    found, left = [], count
    for batch in parquet.iter_batches(count, row_groups=[group], columns=names, use_threads=False):
        found.append(batch)
        left -= len(batch)
        if left <= 0:
            break
    return pa.Table.from_batches(found).select(names).slice(0, count)


def _cut(file: Seekable, chunk: Any, start: int, stop: int) -> _Cut | None:
    """Find the pages that hold some rows of a column; None where all are to be read."""
    if chunk.total_compressed_size <= _SMALL_BYTES:
        return None
    first = chunk.data_page_offset
    dictionary = chunk.dictionary_page_offset
    end = (first if dictionary is None else min(first, dictionary)) + chunk.total_compressed_size
    place, before, skipped, rows_skipped = first, 0, 0, 0
    while place < end:
        length, size, rows = _page(file, place)
        if not rows:  # no page of data: better not to guess
            return None
        place, before = place + length + size, before + rows
        if before <= start:
            skipped, rows_skipped = place - first, before
        if before >= stop:
            return _Cut(first, skipped, end, place, rows_skipped)
    return None


def _page(file: Seekable, place: int) -> tuple[int, int, int]:
    """Return the bytes of a page's header, those of the page, and its rows, 0 if it holds none."""
    wanted = _HEADER_BYTES
    while True:
        file.seek(place)
        data = file.read(wanted)
        try:
            fields: dict[int, int] = {}
            length = _struct(data, 0, fields)
            if _PAGE_BYTES not in fields:
                raise ValueError("a page with an odd header")
            return length, fields[_PAGE_BYTES], max(fields.get(which, 0) for which in _PAGE_ROWS)
        except IndexError:
            if len(data) < wanted or wanted >= _LONGEST_HEADER:
                raise ValueError("a page without a header") from None
            wanted *= 8


# Field 3 of the header; field 1 of the structs 5 and 8 in it, of which there is one on a page of data.
_PAGE_BYTES, _PAGE_ROWS = 3, (5 << 16 | 1, 8 << 16 | 1)


def _struct(data: bytes, place: int, fields: dict[int, int], within: int = 0) -> int:
    """Read a struct in Thrift's compact protocol, as far as headers of pages use it; return where it ends.

    Args:
        data: An `IndexError` says that it ends too early.
        place: Where the struct begins in it.
        fields: Gets the whole numbers by the numbers of their fields, that of the struct above in the high bits.
        within: The number of the struct.
    """
    number = 0
    while kind := data[place]:
        place += 1
        if kind >> 4:
            number += kind >> 4
        else:
            number, place = _varint(data, place)
            number >>= 1
        kind &= 15
        if kind in _WHOLE_NUMBERS:
            value, place = _varint(data, place)
            fields[within << 16 | number] = value >> 1
        elif kind == _BYTES:
            length, place = _varint(data, place)
            place += length
        elif kind == _STRUCT:
            if within >> 48:
                raise ValueError("a page with an odd header")
            place = _struct(data, place, fields, within << 16 | number)
        elif kind not in _BOOLEANS:
            raise ValueError("a page with an odd header")
    return place + 1


_BOOLEANS, _WHOLE_NUMBERS, _BYTES, _STRUCT = (1, 2), (4, 5, 6), 8, 12


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7


class _Shortened(io.RawIOBase):
    """A file without some of its pages: what is behind them in their column moves up."""

    def __init__(self, file: Seekable, cuts: Sequence[_Cut]) -> None:
        self._file = file
        self._cuts = cuts
        self._size = file.seek(0, io.SEEK_END)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = (0, self._position, self._size)[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        data = self._read(self._position, self._size if size < 0 else size)
        self._position += len(data)
        return data

    def _read(self, place: int, size: int) -> bytes:
        for cut in self._cuts:
            if place < cut.start < place + size:
                # A dictionary stands before its pages.
                head = self._read(place, cut.start - place)
                return head + self._read(cut.start, place + size - cut.start)
            if cut.start <= place < cut.end:
                place += cut.skipped
                size = min(size, max(0, cut.needed - place))
                break
        self._file.seek(place)
        return self._file.read(size)
