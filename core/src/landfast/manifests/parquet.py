"""SortedParquet: row groups of a Parquet file sorted by path, with every damage a `Conflict`."""

from __future__ import annotations

import hashlib
import io
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landfast.errors import Conflict, LandfastError
from landfast.manifests.pages import read_range
from landfast.system.disk_errors import disk_errors, of_os_error

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BLOB_NAME = re.compile(r"[0-9a-f]{64}")


class SortedParquet:
    """A Parquet file, or the part of a file that is one; opened on first use, safe for threads.

    Statistics are taken as bounds: many writers cut those of long values, or leave them out.
    """

    def __init__(self, path: Path, offset: int = 0, length: int | None = None) -> None:
        self._path = path
        self._offset = offset
        self._length = length
        self._lock = threading.Lock()
        self._file: pq.ParquetFile | None = None
        self._ends: dict[int, tuple[bytes, bytes]] = {}
        self._bounds: dict[int, tuple[bytes, bytes]] = {}

    def __getstate__(self) -> tuple[Path, int, int | None]:
        return self._path, self._offset, self._length

    def __setstate__(self, state: tuple[Path, int, int | None]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def close(self) -> None:
        """Close the file; it is opened again when it is used again."""
        with self._lock:
            if self._file is not None:
                self._file.close(force=True)
                self._file = None

    @property
    def columns(self) -> pa.Schema:
        """The columns, as Arrow reads them."""
        with damage_is_conflict(self._path), self._lock:
            return self._open().schema_arrow

    @property
    def metadata(self) -> pq.FileMetaData:
        """The footer."""
        with damage_is_conflict(self._path), self._lock:
            return self._open().metadata

    @cached_property
    def filled(self) -> Sequence[int]:
        """The row groups that have rows: some writers end with an empty one."""
        metadata = self.metadata
        every = range(metadata.num_row_groups)
        return [group for group in every if metadata.row_group(group).num_rows]

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Read some columns of one row group."""
        with damage_is_conflict(self._path), self._lock:
            table = self._open().read_row_group(group, columns=list(columns), use_threads=False)
            if missing := set(columns) - set(table.column_names):
                raise ValueError(f"no column {min(missing)!r}")
            return table.select(list(columns))

    def read_rows(self, group: int, columns: Sequence[str], start: int, stop: int) -> pa.Table:
        """Read some rows of one row group: only the pages that hold them, where columns have several.

        Raises:
            Conflict: If the file is damaged.
        """
        with damage_is_conflict(self._path), self._lock:
            metadata = self._open().metadata
            with _Part(self._path, self._offset, self._length) as file:
                return read_range(file, metadata, group, columns, start, stop)

    def groups(self, prefix: str, among: Sequence[int] | None = None) -> Iterator[int]:
        """Yield the row groups, of `among` if given, that may hold a path that starts with `prefix`, in order."""
        groups = self.filled if among is None else among
        if not prefix:
            yield from groups
            return
        wanted = prefix.encode(errors="surrogatepass")
        first = bisect_left(groups, True, key=lambda group: self.bounds(group)[1] >= wanted)
        for group in groups[first:]:
            low, _ = self.bounds(group)
            if low > wanted and not low.startswith(wanted):
                return
            yield group

    def group_of(self, path: str) -> int | None:
        """Return the one row group that can hold exactly `path`, None if there is none."""
        wanted = path.encode(errors="surrogatepass")
        near = takewhile(lambda group: self.bounds(group)[0] <= wanted, self.groups(path))
        candidates = list(near)
        # Of long values many writers cut the statistics, so that many groups may look alike.
        if len(candidates) > 1:
            following = bisect_right(candidates, wanted, key=lambda group: self.ends(group)[0])
            candidates = candidates[:following]
        return candidates[-1] if candidates else None

    def bounds(self, group: int) -> tuple[bytes, bytes]:
        """Return bytes that no path of a row group is less than, and that none is greater than."""
        if group not in self._bounds:
            with damage_is_conflict(self._path):
                found = statistics(self.metadata, group, "path")
                said = None if found is None else (found.min_raw, found.max_raw)
            self._bounds[group] = said or self.ends(group)
        return self._bounds[group]

    def ends(self, group: int) -> tuple[bytes, bytes]:
        """Return the first and the last path of a row group, read from its rows."""
        if group not in self._ends:
            with damage_is_conflict(self._path):
                paths = self.read(group, ["path"]).column(0)
                first, last = (paths[row].as_py() for row in (0, len(paths) - 1))
                if first is None or last is None:
                    raise ValueError("null in column 'path'")
                self._ends[group] = (_utf8(first), _utf8(last))
        return self._ends[group]

    def _open(self) -> pq.ParquetFile:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._file is None:
            raw: Any = pa.OSFile(str(self._path), "rb")
            if self._offset or self._length is not None:
                raw = pa.PythonFile(_Part(self._path, self._offset, self._length), "r")
            file = pq.ParquetFile(raw, page_checksum_verification=True)
            # Of an encrypted column pyarrow ends the process when asked for its statistics.
            raw.seek(raw.size() - 8)
            if int.from_bytes(raw.read(4), "little") != file.metadata.serialized_size:
                raise ValueError("its footer is signed: an encrypted file")
            self._file = file
        return self._file


def _utf8(path: str | bytes) -> bytes:
    return path if isinstance(path, bytes) else path.encode()


def statistics(metadata: Any, group: int, name: str) -> Any:
    """Return the statistics of a column of a row group; None if there are none."""
    columns = metadata.row_group(group)
    for number in range(columns.num_columns):
        column = columns.column(number)
        if column.path_in_schema == name:
            found = column.statistics
            return found if found is not None and found.has_min_max else None
    raise ValueError(f"no column {name!r}")


def prefix_range(paths: Sequence[str], prefix: str) -> tuple[int, int]:
    """Return the range of sorted `paths` that start with `prefix`."""
    start = bisect_left(paths, prefix)
    ends: Callable[[str], bool] = lambda path: not path.startswith(prefix)  # noqa: E731
    return start, bisect_left(paths, True, lo=start, key=ends)


@contextmanager
def damage_is_conflict(path: Path) -> Iterator[None]:
    """Turn what pyarrow says of a damaged file into one line that tells what to do."""
    import pyarrow as pa

    try:
        yield
    except LandfastError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, IndexError) as error:
        # What the system refuses has a number; what pyarrow cannot read has none.
        if isinstance(error, OSError) and error.errno:
            raise of_os_error(error, path, "read the manifest") from None
        raise damaged(path, str(error)) from None


def blob_name(path: Path) -> str | None:
    """Return the sha256 that a file is named by; None if its name is none."""
    found = _BLOB_NAME.search(path.name)
    return found[0] if found else None


def damaged(path: Path, reason: str) -> Conflict:
    """Build the error for a manifest file that cannot be read."""
    with disk_errors(path, "read the manifest"), path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    name = blob_name(path)
    expected = f"the bytes with sha256 {name}" if name else "a whole Landfast manifest"
    return Conflict(
        f"the manifest file {path.name} is damaged",
        subject=str(path),
        expected=expected,
        found=f"sha256 {actual}, {path.stat().st_size} bytes ({' '.join(reason.split())[:160]})",
        hint="Delete it if it is a cached copy, it is fetched again; if it is the store's own, "
        "log the content again, which stores it again, or restore it from a backup.",
        sha256=actual,
    )


class _Part(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, path: Path, offset: int, length: int | None) -> None:
        self._file = path.open("rb", buffering=0)
        total = self._file.seek(0, io.SEEK_END)
        self._offset = offset
        self._length = total - offset if length is None else length
        if self._length < 0 or offset + self._length > total:
            self._file.close()
            raise ValueError("the roll-up lies outside of the file")
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = (0, self._position, self._length)[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._length - self._position)
        self._file.seek(self._offset + self._position)
        data = self._file.read(left if size < 0 else min(size, left))
        self._position += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()
