"""Rows of a report, by path: in memory while they are few, in a temporary file beyond."""

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

MOST_IN_MEMORY = 50_000
"""Verdicts of which a report takes some 40 MB."""


class RowsByPath(Generic[T]):
    """Rows by path; not for several threads at once."""

    def __init__(self) -> None:
        self._few: dict[str, T] = {}
        self._file: sqlite3.Connection | None = None

    def get(self, path: str) -> T | None:
        """Return the row of a path, if it has one."""
        if self._file is None:
            return self._few.get(path)
        found = self._file.execute("SELECT row FROM rows WHERE path = ?", (path.encode(),))
        row = found.fetchone()
        return None if row is None else _read(row[0])

    def put(self, row: T) -> None:
        """Add a row, or replace that of its path."""
        if self._file is None:
            self._few[row.path] = row
            if len(self._few) > MOST_IN_MEMORY:
                self._spill()
        else:
            self._write(self._file, [row])

    def drop(self, path: str) -> None:
        """Take the row of a path away."""
        if self._file is None:
            self._few.pop(path, None)
        else:
            self._file.execute("DELETE FROM rows WHERE path = ?", (path.encode(),))

    def sorted(self) -> Sequence[T]:
        """Return all, by path; nothing may be added afterwards."""
        if self._file is not None:
            return SpilledRows(self._file)
        return tuple(sorted(self._few.values(), key=lambda row: row.path.encode()))

    def __len__(self) -> int:
        return len(self._few) if self._file is None else len(SpilledRows[T](self._file))

    def _spill(self) -> None:
        # Without a name SQLite keeps a file of its own, and removes it when nobody needs it any more.
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("CREATE TABLE rows (path BLOB PRIMARY KEY, row BLOB) WITHOUT ROWID")
        self._write(self._file, self._few.values())
        self._few = {}

    @staticmethod
    def _write(file: sqlite3.Connection, rows: Iterable[T]) -> None:
        values = ((row.path.encode(), pickle.dumps(row)) for row in rows)
        file.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", values)


class SpilledRows(Sequence[T]):
    """Rows in a temporary file, read as they are asked for."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def __len__(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM rows").fetchone()[0])

    def __iter__(self) -> Iterator[T]:
        for (row,) in self._file.execute("SELECT row FROM rows ORDER BY path"):
            yield _read(row)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        wanted = range(len(self))[at]
        if isinstance(wanted, int):
            return self._page(wanted, 1)[0]
        if wanted.step == 1:
            return self._page(wanted.start, len(wanted))
        return tuple(self._page(one, 1)[0] for one in wanted)

    def __reduce__(self) -> tuple[type, tuple[list[T]]]:
        return tuple, (list(self),)

    def _page(self, start: int, count: int) -> tuple[T, ...]:
        page = self._file.execute(
            "SELECT row FROM rows ORDER BY path LIMIT ? OFFSET ?", (count, start)
        )
        return tuple(_read(row) for (row,) in page)


def _read(row: bytes) -> Any:
    return pickle.loads(row)  # noqa: S301 - what this process wrote
