"""Notes: which kept blobs need not be read again, as their status proves that nobody has written to them.

A note holds a blob's state after this cache's own last link or look: any later write, change of mode or times, link
or removal of one moves the ctime, which nobody can put back.  Then the blob is read again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from landfast.system.mounts import shows_mapped_writes
from landfast.system.open_folder import OpenFolder
from landfast.system.spare_database import SpareDatabase

_NAME = "notes.sqlite3"
_BATCH = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS blobs (sha256 TEXT PRIMARY KEY, state TEXT NOT NULL, used_ns INTEGER NOT NULL)
WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (request TEXT PRIMARY KEY, sha256 TEXT NOT NULL, is_proven INTEGER NOT NULL)
WITHOUT ROWID;
"""
_FIND = """
SELECT value, sha256, is_proven, state FROM json_each(?) JOIN answers ON request = value JOIN blobs USING (sha256)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """The blob that a request was answered with.

    Args:
        sha256: Of its bytes.
        is_proven: Whether a token of the request was computed from these bytes, and is theirs.
    """

    sha256: str
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Known:
    """An answer, and the state in which the blob holds its bytes."""

    answer: Answer
    state: str


class Notes:
    """Remember the state of blobs, and what they answer; it may be lost at any time, and is no error to write.

    Nothing is remembered where status does not show every write: in memory, on network and unknown filesystems.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = SpareDatabase(folder / _NAME, _SCHEMA, is_shared=True)
        self._is_told: bool | None = None
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, tuple[str, int]] = {}
        self._answers: dict[str, Answer] = {}

    @property
    def is_told(self) -> bool:
        """Whether status shows every write here."""
        if self._is_told is None:
            self._is_told = shows_mapped_writes(self._folder) is True
        return self._is_told

    def find(self, requests: Sequence[str]) -> dict[str, Known]:
        """Return what is known for some requests, by one read."""
        found: dict[str, Known] = {}
        self._after_fork()
        with self._file.lock, self._file.forgiving():
            if self.is_told and self._file.is_there():
                rows = self._file.connection().execute(_FIND, (json.dumps(requests),))
                for request, sha256, is_proven, state in rows:
                    found[request] = Known(Answer(sha256, bool(is_proven)), state)
        return found

    def used(self) -> dict[str, int]:
        """Return when each blob was noted last, in nanoseconds since the epoch."""
        found: dict[str, int] = {}
        self._after_fork()
        with self._file.lock, self._file.forgiving():
            if self._file.is_there():
                found.update(self._file.connection().execute("SELECT sha256, used_ns FROM blobs"))
        return found

    def answered(self, request: str, answer: Answer, state: str, used_ns: int) -> None:
        """Remember that a blob in this state, whose bytes were read, answers a request; written with others."""
        self._after_fork()
        if not self.is_told:
            return
        with self._lock:
            self._states[answer.sha256] = (state, used_ns)
            self._answers[request] = answer
            is_full = len(self._answers) >= _BATCH
        if is_full:
            self.flush()

    def flush(self) -> None:
        """Write what `answered` has gathered, once the bytes are on their disk."""
        self._after_fork()
        with self._lock:
            states, self._states = self._states, {}
            answers, self._answers = self._answers, {}
        # What a crash of the machine may take is not remembered.
        if answers and self._is_synced():
            self._write(states, answers)

    def _is_synced(self) -> bool:
        try:
            with OpenFolder.of(self._folder) as folder:
                return folder.sync_all()
        except OSError:
            return False

    def linked(self, states: Mapping[str, tuple[str, int]]) -> None:
        """Remember the states that links of the cache's own left blobs in, with the times."""
        self._after_fork()
        if states:
            self._write(states, {})

    def _write(self, states: Mapping[str, tuple[str, int]], answers: Mapping[str, Answer]) -> None:
        with self._file.forgiving(), self._file.lock, self._file.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)",
                [(sha256, *state) for sha256, state in states.items()],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)",
                [(request, one.sha256, one.is_proven) for request, one in answers.items()],
            )

    def forget(self, sha256s: Collection[str]) -> None:
        """Forget blobs that were removed."""
        self._change(
            ("DELETE FROM blobs WHERE sha256 IN (SELECT value FROM json_each(?))", sha256s),
            ("DELETE FROM answers WHERE sha256 IN (SELECT value FROM json_each(?))", sha256s),
        )

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._states, self._answers = {}, {}
        self._change(("DELETE FROM blobs", None), ("DELETE FROM answers", None))

    def _change(self, *statements: tuple[str, Iterable[str] | None]) -> None:
        self._after_fork()
        with self._file.lock, self._file.forgiving():
            if self._file.is_there():
                with self._file.writing() as connection:
                    for statement, names in statements:
                        given = () if names is None else (json.dumps(list(names)),)
                        connection.execute(statement, given)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _after_fork(self) -> None:
        if self._file.is_forked():
            self._reset()
