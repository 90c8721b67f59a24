"""The verdicts that are not `INTACT`: in memory while they are few, in a temporary file beyond."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from landfast.model.verdict import EntryVerdict

MOST_IN_MEMORY = 50_000
"""Rows of which a report takes some 40 MB."""


class Verdicts:
    """Rows by path; not for several threads at once."""

    def __init__(self) -> None:
        self._few: dict[str, EntryVerdict] = {}
        self._file: sqlite3.Connection | None = None

    def get(self, path: str) -> EntryVerdict | None:
        """Return the row of a path, if it has one."""
        if self._file is None:
            return self._few.get(path)
        found = self._file.execute("SELECT row FROM rows WHERE path = ?", (path.encode(),))
        row = found.fetchone()
        return None if row is None else _read(row[0])

    def put(self, row: EntryVerdict) -> None:
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

    def sorted(self) -> Sequence[EntryVerdict]:
        """Return all, by path; nothing may be added afterwards."""
        if self._file is not None:
            return SpilledVerdicts(self._file)
        return tuple(sorted(self._few.values(), key=lambda row: row.path.encode()))

    def __len__(self) -> int:
        return len(self._few) if self._file is None else len(SpilledVerdicts(self._file))

    def _spill(self) -> None:
        # Without a name SQLite keeps a file of its own, and removes it when nobody needs it any more.
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("CREATE TABLE rows (path BLOB PRIMARY KEY, row BLOB) WITHOUT ROWID")
        self._write(self._file, self._few.values())
        self._few = {}

    @staticmethod
    def _write(file: sqlite3.Connection, rows: Iterable[EntryVerdict]) -> None:
        values = ((row.path.encode(), pickle.dumps(row)) for row in rows)
        file.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", values)


class SpilledVerdicts(Sequence[EntryVerdict]):
    """Rows in a temporary file, read as they are asked for."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def __len__(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM rows").fetchone()[0])

    def __iter__(self) -> Iterator[EntryVerdict]:
        for (row,) in self._file.execute("SELECT row FROM rows ORDER BY path"):
            yield _read(row)

    @overload
    def __getitem__(self, at: int) -> EntryVerdict: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[EntryVerdict]: ...
    def __getitem__(self, at: int | slice) -> EntryVerdict | Sequence[EntryVerdict]:
        wanted = range(len(self))[at]
        if isinstance(wanted, int):
            return self._page(wanted, 1)[0]
        if wanted.step == 1:
            return self._page(wanted.start, len(wanted))
        return tuple(self._page(one, 1)[0] for one in wanted)

    def __reduce__(self) -> tuple[type, tuple[list[EntryVerdict]]]:
        return tuple, (list(self),)

    def _page(self, start: int, count: int) -> tuple[EntryVerdict, ...]:
        page = self._file.execute(
            "SELECT row FROM rows ORDER BY path LIMIT ? OFFSET ?", (count, start)
        )
        return tuple(_read(row) for (row,) in page)


def _read(row: bytes) -> EntryVerdict:
    found: EntryVerdict = pickle.loads(row)  # noqa: S301 - what this process wrote
    return found
