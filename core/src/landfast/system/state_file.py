"""StateFile: what is known of the files of one folder, each in a certain state; it may be lost at any time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from landfast.system.spare_database import SpareDatabase

_BATCH = 500
_BATCH_S = 1.0
# The day is of an earlier form, which forgot what was not asked for.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, state TEXT NOT NULL, fact TEXT NOT NULL, day INTEGER NOT NULL
) WITHOUT ROWID;
"""


class StateFile:
    """One fact for each path, true while the path's state stays the same; for many threads and processes.

    `before_write` is called with the paths whose facts are to be written; if it raises `OSError`, they are not.
    """

    def __init__(
        self, path: Path, *, before_write: Callable[[Collection[bytes]], None] | None = None
    ) -> None:
        self._file = SpareDatabase(path, _SCHEMA, is_shared=False)
        self._before_write = before_write
        self._reset()

    def _reset(self) -> None:
        self._pending: dict[bytes, tuple[str, str]] = {}
        self._flushed_at = 0.0

    def get(self, path: bytes, state: str) -> str | None:
        """Return the fact that was put for this path in this state, or None."""
        held, fact = self.last(path) or (None, None)
        return fact if held == state else None

    def last(self, path: bytes) -> tuple[str, str] | None:
        """Return the state and the fact that were put for this path last, or None."""
        self._after_fork()
        known: list[tuple[str, str]] = []
        with self._file.lock, self._file.forgiving():
            if path in self._pending:
                return self._pending[path]
            if self._file.is_there():
                query = "SELECT state, fact FROM files WHERE path = ?"
                known += self._file.connection().execute(query, (path,))
        return known[0] if known else None

    def put(self, path: bytes, state: str, fact: str) -> None:
        """Remember a fact; written in batches, at least once a second while facts come."""
        self.put_all({path: (state, fact)})

    def put_all(self, facts: Mapping[bytes, tuple[str, str]]) -> None:
        """Remember states and facts by path, as `put` does each."""
        self._after_fork()
        with self._file.lock:
            self._pending.update(facts)
            is_full = len(self._pending) >= _BATCH
        if is_full or time.monotonic() - self._flushed_at >= _BATCH_S:
            self.flush()

    def flush(self) -> None:
        """Write what `put` has gathered."""
        self._after_fork()
        with self._file.lock:
            pending, self._pending = self._pending, {}
            self._flushed_at = time.monotonic()
        if not pending:
            return
        with self._file.forgiving():
            if self._before_write is not None:
                self._before_write(pending)
            with self._file.lock, self._file.writing() as connection:
                self._write(connection, pending)
        # What takes long is done less often.
        self._flushed_at += 4 * (time.monotonic() - self._flushed_at)

    def close(self) -> None:
        """Write what is pending and let go of the file."""
        self.flush()
        self._file.close()

    def _write(self, connection: sqlite3.Connection, rows: dict[bytes, tuple[str, str]]) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, 0)",
            [(path, state, fact) for path, (state, fact) in rows.items()],
        )

    def _after_fork(self) -> None:
        if self._file.is_forked():
            self._reset()
