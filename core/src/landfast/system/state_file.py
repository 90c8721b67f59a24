"""StateFile: what is known of files in a certain state, kept in a file that may be lost at any time.

Nothing in it is needed: it saves work.  So a file that cannot be read or written is no error, and a
corrupt one is thrown away.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from landfast.system.mounts import is_network

_BATCH = 500
_BATCH_S = 1.0
_KEPT_DAYS = 90
_REFRESHED_DAYS = 7
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, state TEXT NOT NULL, fact TEXT NOT NULL, day INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pruned (day INTEGER NOT NULL);
"""
# Connections inherited over a fork: to close one would touch the parent's file.
_ABANDONED: list[sqlite3.Connection] = []


class StateFile:
    """One fact for each path, true while the path's state stays the same; for many threads and processes.

    The SQLite file is made, with its folder, when something is first written.  One that `is_shared` serves many
    folders and processes for long: it has a write-ahead log, and forgets what was not asked for in 90 days.
    `before_write` is called with the paths whose facts are to be written; if it raises `OSError`, they are not.
    """

    def __init__(
        self,
        path: Path,
        *,
        is_shared: bool = True,
        before_write: Callable[[Collection[bytes]], None] | None = None,
    ) -> None:
        self._path = path
        self._is_shared = is_shared
        self._before_write = before_write
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pending: dict[bytes, tuple[str, str]] = {}
        self._flushed_at = 0.0

    def get(self, path: bytes, state: str) -> str | None:
        """Return the fact that was put for this path in this state, or None."""
        held, fact = self.last(path) or (None, None)
        return fact if held == state else None

    def last(self, path: bytes) -> tuple[str, str] | None:
        """Return the state and the fact that were put for this path last, or None."""
        self._after_fork()
        known: tuple[str, str] | None = None
        with self._lock, self._forgiving():
            if path in self._pending:
                return self._pending[path]
            if self._connection is None and not self._path.exists():
                return None
            query = "SELECT state, fact, day FROM files WHERE path = ?"
            row = self._open().execute(query, (path,)).fetchone()
            if row is not None:
                known = str(row[0]), str(row[1])
                if self._is_shared and row[2] < _today() - _REFRESHED_DAYS:
                    self._pending[path] = known
        return known

    def put(self, path: bytes, state: str, fact: str) -> None:
        """Remember a fact; written in batches, at least once a second while facts come."""
        self._after_fork()
        with self._lock:
            self._pending[path] = (state, fact)
            is_full = len(self._pending) >= _BATCH
        if is_full or time.monotonic() - self._flushed_at >= _BATCH_S:
            self.flush()

    def flush(self) -> None:
        """Write what `put` has gathered."""
        self._after_fork()
        with self._lock:
            pending, self._pending = self._pending, {}
            self._flushed_at = time.monotonic()
        if not pending:
            return
        with self._forgiving():
            if self._before_write is not None:
                self._before_write(pending)
            with self._lock:
                self._write(self._open(), pending)
        # What takes long is done less often.
        self._flushed_at += 4 * (time.monotonic() - self._flushed_at)

    def close(self) -> None:
        """Write what is pending and let go of the file."""
        self.flush()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _write(self, connection: sqlite3.Connection, rows: dict[bytes, tuple[str, str]]) -> None:
        today = _today()
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                [(path, state, fact, today) for path, (state, fact) in rows.items()],
            )
            (pruned,) = connection.execute("SELECT max(day) FROM pruned").fetchone()
            if self._is_shared and (pruned or 0) < today:
                connection.execute("DELETE FROM files WHERE day < ?", (today - _KEPT_DAYS,))
                connection.execute("DELETE FROM pruned")
                connection.execute("INSERT INTO pruned VALUES (?)", (today,))

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = self._connection = sqlite3.connect(
                self._path, timeout=5, check_same_thread=False, isolation_level=None
            )
            # WAL needs memory shared between processes, which a network mount does not give.
            is_wal = self._is_shared and is_network(self._path.parent) is False
            # Beside a file of one folder no journal is written: its name could meanwhile lead elsewhere.
            mode = "WAL" if is_wal else "DELETE" if self._is_shared else "MEMORY"
            connection.execute(f"PRAGMA journal_mode={mode}")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.executescript(_SCHEMA)
        return self._connection

    @contextlib.contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            with contextlib.suppress(sqlite3.OperationalError, OSError):
                yield
        except sqlite3.DatabaseError:  # corrupt, or not a database at all
            self._throw_away()

    def _throw_away(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink()

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:
        # At the end of the process this module's names may be gone before its objects are.
        if getattr(self, "_connection", None) is not None and self._pid == getpid():
            self._connection.close()  # type: ignore[union-attr]

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            if self._connection is not None:
                _ABANDONED.append(self._connection)
            self._reset()


def _today() -> int:
    return int(time.time() // 86400)
