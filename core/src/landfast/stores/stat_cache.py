"""StatCache: the sha256 of files that have not changed since they were last hashed.

A hit needs the same path, size, mtime, ctime and inode.  A file that was modified a moment ago is
never remembered: a second write within one tick of the filesystem's clock would leave no trace.
The cache is a file that may be deleted at any time; a corrupt one is thrown away.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from landfast.stores.mounts import is_network, is_network_device

SETTLED_S = 2
SETTLED_ON_NETWORK_S = 60
_NAME = "stat-cache-1.sqlite3"
_BATCH = 500
_KEPT_DAYS = 90
_REFRESHED_DAYS = 7
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT NOT NULL, day INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pruned (day INTEGER NOT NULL);
"""
# Connections inherited over a fork: to close one would touch the parent's file.
_ABANDONED: list[sqlite3.Connection] = []


def state_of(status: os.stat_result) -> str:
    """Return the text that tells one state of a file from any other."""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


def is_settled(status: os.stat_result, now_ns: int) -> bool:
    """Tell whether a later write to the file is sure to show in its times."""
    network = is_network_device(status.st_dev) is not False
    wait_s = SETTLED_ON_NETWORK_S if network else SETTLED_S
    return now_ns - max(status.st_mtime_ns, status.st_ctime_ns) > wait_s * 1_000_000_000


class StatCache:
    """Remember hashes by path and state, for many threads and processes at once.

    Failing to read or write it is never an error: then files are hashed again.

    Args:
        folder: The cache folder; made when something is first remembered.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pending: dict[bytes, tuple[str, str]] = {}

    def get(self, path: bytes, status: os.stat_result) -> str | None:
        """Return the remembered sha256 of the file in this state, or None."""
        self._after_fork()
        if not (self._folder / _NAME).exists() and self._connection is None:
            return None
        known: str | None = None
        with self._lock, self._forgiving():
            state = state_of(status)
            query = "SELECT sha256, day FROM files WHERE path = ? AND state = ?"
            row = self._open().execute(query, (path, state)).fetchone()
            if row is not None:
                known = str(row[0])
                if row[1] < _today() - _REFRESHED_DAYS:
                    self._pending[path] = (state, known)
        return known

    def put(self, path: bytes, status: os.stat_result, sha256: str, *, hashed_at_ns: int) -> None:
        """Remember a sha256, unless the file is too recent.

        Args:
            path: Absolute local path.
            status: The file's, the same before and after hashing.
            sha256: Hexadecimal.
            hashed_at_ns: When hashing began, in nanoseconds since the epoch.
        """
        self._after_fork()
        if not is_settled(status, hashed_at_ns):
            return
        with self._lock:
            self._pending[path] = (state_of(status), sha256)
            is_full = len(self._pending) >= _BATCH
        if is_full:
            self.flush()

    def flush(self) -> None:
        """Write what `put` has gathered."""
        self._after_fork()
        with self._lock:
            pending, self._pending = self._pending, {}
            if pending:
                with self._forgiving():
                    self._write(self._open(), pending)

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
                [(path, state, sha256, today) for path, (state, sha256) in rows.items()],
            )
            (pruned,) = connection.execute("SELECT max(day) FROM pruned").fetchone()
            if (pruned or 0) < today:
                connection.execute("DELETE FROM files WHERE day < ?", (today - _KEPT_DAYS,))
                connection.execute("DELETE FROM pruned")
                connection.execute("INSERT INTO pruned VALUES (?)", (today,))

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = self._connection = sqlite3.connect(
                self._folder / _NAME, timeout=5, check_same_thread=False, isolation_level=None
            )
            # WAL needs memory shared between processes, which a network mount does not give.
            mode = "WAL" if is_network(self._folder) is False else "DELETE"
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
                (self._folder / (_NAME + suffix)).unlink()

    def __del__(self) -> None:
        if self._connection is not None and self._pid == os.getpid():
            self._connection.close()

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            if self._connection is not None:
                _ABANDONED.append(self._connection)
            self._reset()


def _today() -> int:
    return int(time.time() // 86400)
