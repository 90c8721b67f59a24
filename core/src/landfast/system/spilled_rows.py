"""Rows of a report in order: in memory while they are few, in a temporary file beyond."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar, overload


class Row(Protocol):
    """What speaks of one path, and pickles."""

    @property
    def path(self) -> str:
        """The path."""
        ...


T = TypeVar("T", bound=Row)
R = TypeVar("R")

MOST_IN_MEMORY = 50_000
"""Verdicts of which a report takes some 40 MB."""


class SortedRows(Generic[R]):
    """Rows by keys of bytes, which are their order; not for several threads at once."""

    def __init__(self) -> None:
        self._few: dict[bytes, R] = {}
        self._file: sqlite3.Connection | None = None

    def get(self, key: bytes) -> R | None:
        """Return the row of a key, if it has one."""
        if self._file is None:
            return self._few.get(key)
        found = self._file.execute("SELECT row FROM rows WHERE key = ?", (key,)).fetchone()
        return None if found is None else _read(found[0])

    def put(self, key: bytes, row: R) -> None:
        """Add a row, or replace that of its key."""
        if self._file is None:
            self._few[key] = row
            self._spill_if_many()
        else:
            self._write(self._file, [(key, row)])

    def add(self, key: bytes, row: R) -> bool:
        """Add a row whose key has none yet; return whether it was added."""
        if self._file is None:
            if key in self._few:
                return False
            self._few[key] = row
            self._spill_if_many()
            return True
        added = self._file.execute(
            "INSERT OR IGNORE INTO rows VALUES (?, ?)", (key, pickle.dumps(row))
        )
        return added.rowcount > 0

    def drop(self, key: bytes) -> None:
        """Take the row of a key away."""
        if self._file is None:
            self._few.pop(key, None)
        else:
            self._file.execute("DELETE FROM rows WHERE key = ?", (key,))

    def sorted(self) -> Sequence[R]:
        """Return all in the order of their keys, a tuple of few; nothing may be added afterwards."""
        if self._file is not None:
            return SpilledRows(self._file)
        return tuple(self._few[key] for key in sorted(self._few))

    def __len__(self) -> int:
        return len(self._few) if self._file is None else len(SpilledRows[R](self._file))

    def _spill_if_many(self) -> None:
        if len(self._few) <= MOST_IN_MEMORY:
            return
        # Without a name SQLite keeps a file of its own, and removes it when nobody needs it any more.
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("CREATE TABLE rows (key BLOB PRIMARY KEY, row BLOB) WITHOUT ROWID")
        self._write(self._file, self._few.items())
        self._few = {}

    @staticmethod
    def _write(file: sqlite3.Connection, rows: Iterable[tuple[bytes, R]]) -> None:
        values = ((key, pickle.dumps(row)) for key, row in rows)
        file.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", values)


class RowsByPath(Generic[T]):
    """Rows by path; not for several threads at once."""

    def __init__(self) -> None:
        self._rows = SortedRows[T]()

    def get(self, path: str) -> T | None:
        """Return the row of a path, if it has one."""
        return self._rows.get(path.encode())

    def put(self, row: T) -> None:
        """Add a row, or replace that of its path."""
        self._rows.put(row.path.encode(), row)

    def drop(self, path: str) -> None:
        """Take the row of a path away."""
        self._rows.drop(path.encode())

    def sorted(self) -> Sequence[T]:
        """Return all, by path; nothing may be added afterwards."""
        return self._rows.sorted()

    def __len__(self) -> int:
        return len(self._rows)


class SpilledRows(Sequence[R]):
    """Rows in a temporary file, read as they are asked for."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def __len__(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM rows").fetchone()[0])

    def __iter__(self) -> Iterator[R]:
        for (row,) in self._file.execute("SELECT row FROM rows ORDER BY key"):
            yield _read(row)

    def __reversed__(self) -> Iterator[R]:
        for (row,) in self._file.execute("SELECT row FROM rows ORDER BY key DESC"):
            yield _read(row)

    @overload
    def __getitem__(self, at: int) -> R: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[R]: ...
    def __getitem__(self, at: int | slice) -> R | Sequence[R]:
        wanted = range(len(self))[at]
        if isinstance(wanted, int):
            return self._page(wanted, 1)[0]
        if wanted.step == 1:
            return self._page(wanted.start, len(wanted))
        return tuple(self._page(one, 1)[0] for one in wanted)

    def __reduce__(self) -> tuple[type, tuple[list[R]]]:
        return tuple, (list(self),)

    def _page(self, start: int, count: int) -> tuple[R, ...]:
        page = self._file.execute(
            "SELECT row FROM rows ORDER BY key LIMIT ? OFFSET ?", (count, start)
        )
        return tuple(_read(row) for (row,) in page)


def _read(row: bytes) -> Any:
    return pickle.loads(row)  # noqa: S301 - what this process wrote
