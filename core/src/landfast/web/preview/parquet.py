"""Parquet: columns, types and the first rows of a file, by reading only the pieces that hold them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from landfast.errors import LandfastError
from landfast.web.preview.tables import COLUMNS, ROWS, shown

if TYPE_CHECKING:
    from landfast.download.ranges import PinnedBytes

MOST_READ = 32 << 20
_BUFFER = 256 << 10


class TooMuchToRead(Exception):
    """The first rows lie in more bytes than a preview reads."""


class RangedFile(io.RawIOBase):
    """Pinned bytes as a file that can be read anywhere, up to a budget.

    Args:
        source: What is read.
        size: Of the file, in bytes.
        budget: Bytes that may be read in all.
    """

    def __init__(self, source: PinnedBytes, size: int, *, budget: int = MOST_READ) -> None:
        super().__init__()
        self._source = source
        self._size = size
        self._budget = budget
        self._at = 0
        # pyarrow makes errors of its own of what is raised below it.
        self.failed: Exception | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return the offset."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the offset."""
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Read from the offset on."""
        wanted = self._size - self._at if size is None or size < 0 else size
        wanted = max(0, min(wanted, self._size - self._at))
        if wanted > self._budget:
            self.failed = TooMuchToRead()
            raise self.failed
        self._budget -= wanted
        try:
            data = self._source.read(self._at, wanted)
        except LandfastError as error:
            self.failed = error
            raise
        self._at += len(data)
        return data


def parquet_table(source: PinnedBytes, size: int) -> dict[str, Any] | None:
    """Return the first rows of a Parquet file, as a preview; without rows, if they lie in too many bytes.

    Args:
        source: Its pinned bytes.
        size: Of the file, in bytes.

    Returns:
        None if it is no Parquet file.

    Raises:
        LandfastError: As the source.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = RangedFile(source, size)
    try:
        opened = pq.ParquetFile(
            pa.PythonFile(file, mode="r"), buffer_size=_BUFFER, pre_buffer=False
        )
        schema, total = opened.schema_arrow, opened.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError, TooMuchToRead, LandfastError):
        if isinstance(file.failed, LandfastError):
            raise file.failed from None
        return None
    columns = [(field.name, str(field.type)) for field in schema]
    rows = _first_rows(opened, schema, file)
    return shown(columns, rows or [], rows_in_all=total, is_cut=rows is None or total > ROWS) | {
        "is_too_large": rows is None
    }


def _first_rows(opened: Any, schema: Any, file: RangedFile) -> list[list[Any]] | None:
    """Return the first rows; None if they cannot be read within the budget."""
    import pyarrow as pa

    names = list(dict.fromkeys(field.name for field in schema))[:COLUMNS]
    try:
        batch = next(opened.iter_batches(batch_size=ROWS, columns=names), None)
        if batch is None:
            return []
        values = [_cells(column) for column in batch.columns]
    except (pa.ArrowException, OSError, ValueError, TooMuchToRead, LandfastError):
        if isinstance(file.failed, LandfastError):
            raise file.failed from None
        return None
    return [list(row) for row in zip(*values, strict=True)] if values else []


def _cells(column: Any) -> list[Any]:
    """Return the values of a column; those that Python has no value for, as Arrow writes them."""
    found = []
    for value in column:
        try:
            found.append(value.as_py())
        except (ValueError, OverflowError):
            found.append(str(value))
    return found
