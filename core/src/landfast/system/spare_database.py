"""SpareDatabase: a SQLite file that may be lost at any time, as all in it can be found out again.

So one that cannot be read or written is no error, and a corrupt one is thrown away.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from landfast.system.mounts import is_network

# Connections inherited over a fork: to close one would touch the parent's file.
_ABANDONED: list[sqlite3.Connection] = []


class SpareDatabase:
    """One connection for many threads, who hold `lock` while they use it; made anew after a fork.

    The file is made, with its folder, when something is first written.  One that `is_shared` serves many folders
    and processes for long, and has a write-ahead log.
    """

    def __init__(self, path: Path, schema: str, *, is_shared: bool) -> None:
        self._path = path
        self._schema = schema
        self._is_shared = is_shared
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self.lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def is_forked(self) -> bool:
        """Tell, once, that this is the child of a fork, where nothing is open and nothing pending any more."""
        if self._pid == os.getpid():
            return False
        if self._connection is not None:
            _ABANDONED.append(self._connection)
        self._reset()
        return True

    def is_there(self) -> bool:
        """Tell whether there is anything to read."""
        return self._connection is not None or self._path.exists()

    def connection(self) -> sqlite3.Connection:
        """Return the connection, opened with the file if need be."""
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
            connection.executescript(self._schema)
        return self._connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside a transaction that no other process writes in."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    @contextlib.contextmanager
    def forgiving(self) -> Iterator[None]:
        """Leave the block where the file cannot be read or written; what is no database is removed."""
        try:
            with contextlib.suppress(sqlite3.OperationalError, OSError):
                yield
        except sqlite3.DatabaseError:  # corrupt, or not a database at all
            self._throw_away()

    def _throw_away(self) -> None:
        self.close()
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink()

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:
        # At the end of the process this module's names may be gone before its objects are.
        if getattr(self, "_connection", None) is not None and self._pid == getpid():
            self._connection.close()  # type: ignore[union-attr]
