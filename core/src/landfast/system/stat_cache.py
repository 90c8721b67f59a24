"""StatCache: the sha256 of files that have not changed since they were last hashed.

A hit needs the same path, size, mtime, ctime and inode.  A file that was modified a moment ago is
never remembered: a second write within one tick of the filesystem's clock would leave no trace.  Nor is
any where a store through a memory mapping may leave none: in memory, on network and unknown filesystems.

What is remembered lies in runs of some thousand rows, sorted by path, each as columns in the row of a database that
has the run's first path for its key.  A scan, which is sorted too, reads and compares whole runs.
"""

from __future__ import annotations

import os
import sqlite3
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from landfast.system.mounts import is_network_device, shows_mapped_writes
from landfast.system.spare_database import SpareDatabase

if TYPE_CHECKING:
    import pyarrow as pa

SETTLED_S = 2
SETTLED_ON_NETWORK_S = 60
_NAME = "stat-cache-3.sqlite3"
# Of these the first held what was not settled on the disk when it was hashed, the second a row for each file.
_EARLIER = ("stat-cache.sqlite3", "stat-cache-2.sqlite3")
_RUN = 4096
_BATCH_S = 1.0
_KEPT_DAYS = 90
_REFRESHED_DAYS = 7
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (first BLOB PRIMARY KEY, rows BLOB NOT NULL, day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pruned (day INTEGER NOT NULL);
"""
_STATE = ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
_state = attrgetter(*_STATE)
_device = attrgetter("st_dev")
_FACTS = [attrgetter(name) for name in _STATE]


def state_of(status: os.stat_result) -> str:
    """Return the text that tells one state of a file from any other; of ctime nobody can put it back."""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


def is_settled(status: os.stat_result, now_ns: int) -> bool:
    """Tell whether a later write to the file is sure to show in its times."""
    network = is_network_device(status.st_dev) is not False
    wait_s = SETTLED_ON_NETWORK_S if network else SETTLED_S
    return now_ns - max(status.st_mtime_ns, status.st_ctime_ns) > wait_s * 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Known:
    state: tuple[int, ...]
    sha256: str


class StatCache:
    """Remember hashes by path and state in the cache folder, for many threads and processes at once.

    Failing to read or write it is never an error: then files are hashed again.  With `everywhere` status is
    trusted also where it may not show stores through a mapping.
    """

    def __init__(self, folder: Path, *, everywhere: bool = False) -> None:
        self._folder = folder
        self._file = SpareDatabase(folder / _NAME, _SCHEMA, is_shared=True)
        self._everywhere = everywhere
        self._trusted: dict[int, bool] = {}
        self._reset()

    def _reset(self) -> None:
        self._pending: dict[bytes, _Known] = {}
        self._flushed_at = 0.0
        # The run that was read last: who asks file by file asks for its neighbour next.
        self._last: tuple[bytes, pa.Table] | None = None

    def get(self, path: bytes, status: os.stat_result) -> str | None:
        """Return the remembered sha256 of the file in this state, or None."""
        self._after_fork()
        if not self._trusts(path, status.st_dev):
            return None
        known = self._pending.get(path)
        with self._file.lock, self._file.forgiving():
            if known is None:
                known = self._in_a_run(path)
        return known.sha256 if known is not None and known.state == _state(status) else None

    def _in_a_run(self, path: bytes) -> _Known | None:
        for first in self._firsts(path, path):
            run = self._run(first)
            rows: list[dict[str, Any]] = run.slice(_place(run["path"], path), 1).to_pylist()
            for row in (row for row in rows if row["path"] == path):
                known = _Known(tuple(row[name] for name in _STATE), row["sha256"])
                if row["day"] < _today() - _REFRESHED_DAYS:
                    self._pending[path] = known
                return known
        return None

    def get_all(self, paths: pa.Array, statuses: Sequence[os.stat_result]) -> pa.Array:
        """Return the remembered sha256 of each of some files, which are sorted by path; null of the others."""
        import pyarrow as pa

        self._after_fork()
        devices = list(map(_device, statuses))
        is_trusted = {
            device: self._trusts(paths[devices.index(device)].as_py(), device)
            for device in set(devices)
        }
        found: list[pa.Array] = []
        if any(is_trusted.values()):
            with self._file.lock, self._file.forgiving():
                found.extend(self._in_runs(paths, statuses))
        count = sum(map(len, found))
        known = pa.concat_arrays([*found, pa.nulls(len(paths) - count, pa.string())])
        if all(is_trusted.values()) and not self._pending:
            return known
        newest = [
            self._newest(path, status, sha256) if is_trusted[status.st_dev] else None
            for path, status, sha256 in zip(
                paths.to_pylist(), statuses, known.to_pylist(), strict=True
            )
        ]
        return pa.array(newest, pa.string())

    def _in_runs(self, paths: pa.Array, statuses: Sequence[os.stat_result]) -> Iterator[pa.Array]:
        """Yield what the runs say of sorted files, piece by piece, as far as there are runs."""
        import pyarrow as pa

        asked = _columns(paths, [list(map(fact, statuses)) for fact in _FACTS])
        runs = list(self._firsts(paths[0].as_py(), paths[-1].as_py()))
        at = _place(paths, runs[0]) if runs else 0
        yield pa.nulls(at, pa.string())
        ends = [_place(paths, first) for first in runs[1:]]
        for first, end in zip(runs, [*ends, len(paths)][: len(runs)], strict=True):
            if end > at:
                yield self._matches(asked.slice(at, end - at), self._run(first))
            at = end

    def _newest(self, path: bytes, status: os.stat_result, sha256: str | None) -> str | None:
        known = self._pending.get(path)
        if known is None:
            return sha256
        return known.sha256 if known.state == _state(status) else None

    def _firsts(self, low: bytes, high: bytes) -> Iterator[bytes]:
        """Yield the keys of the runs that may hold paths between two."""
        if self._file.is_there():
            query = (
                "SELECT first FROM files WHERE first <= ?2 AND first >="
                " coalesce((SELECT max(first) FROM files WHERE first <= ?1), ?1) ORDER BY first"
            )
            yield from map(itemgetter(0), self._file.connection().execute(query, (low, high)))

    def _run(self, first: bytes) -> pa.Table:
        if self._last is None or self._last[0] != first:
            query = "SELECT rows FROM files WHERE first = ?"
            (rows,) = self._file.connection().execute(query, (first,)).fetchone() or (None,)
            self._last = (first, _nothing() if rows is None else _read(rows))
        return self._last[1]

    def _matches(self, asked: pa.Table, run: pa.Table) -> pa.Array:
        """Return what a run says of files in the state that is asked for; rows of old are to be written anew."""
        import pyarrow as pa
        import pyarrow.compute as pc

        held = run.slice(_place(run["path"], asked["path"][0].as_py()), len(asked))
        if not held["path"].equals(asked["path"]):  # something came, or went
            held = run.take(pc.index_in(asked["path"], value_set=run["path"]))
        same = reduce(pc.and_, (pc.equal(asked[name], held[name]) for name in _STATE))
        # An array of nulls: with one null pyarrow before 26 breaks text that was sliced (see `manifests.masks`).
        nulls = pa.nulls(len(held), pa.string())
        found = pc.if_else(same, held["sha256"], nulls).combine_chunks()
        oldest = pc.min(held["day"]).as_py()
        if oldest is not None and oldest < _today() - _REFRESHED_DAYS:
            for row, sha256 in zip(asked.to_pylist(), found.to_pylist(), strict=True):
                if sha256 is not None:
                    state = tuple(row[name] for name in _STATE)
                    self._pending[row["path"]] = _Known(state, sha256)
        return found

    def put(self, path: bytes, status: os.stat_result, sha256: str, *, hashed_at_ns: int) -> None:
        """Remember the sha256 of a file with this status before and after, unless it is too recent.

        Hashing began at `hashed_at_ns`, in nanoseconds since the epoch.  Written in batches, at least once a second
        while hashes come.
        """
        if not (self._trusts(path, status.st_dev) and is_settled(status, hashed_at_ns)):
            return
        self._after_fork()
        with self._file.lock:
            self._pending[path] = _Known(_state(status), sha256)
            is_full = len(self._pending) >= _RUN
        if is_full or time.monotonic() - self._flushed_at >= _BATCH_S:
            self.flush()

    def _trusts(self, path: bytes, device: int) -> bool:
        if device not in self._trusted:
            shown = shows_mapped_writes(os.fsdecode(path)) is True
            self._trusted[device] = self._everywhere or shown
        return self._trusted[device]

    def flush(self) -> None:
        """Write what `put` has gathered."""
        self._after_fork()
        with self._file.lock:
            pending, self._pending = self._pending, {}
            began = self._flushed_at = time.monotonic()
            if pending:
                with self._file.forgiving():
                    self._write(pending)
                self._last = None
            # What takes long is done less often.
            self._flushed_at += 4 * (time.monotonic() - began)

    def _write(self, pending: dict[bytes, _Known]) -> None:
        if not self._file.is_there():
            for name in _EARLIER:
                (self._folder / name).unlink(missing_ok=True)
        paths = sorted(pending)
        with self._file.writing() as connection:
            _prune(connection)
            while paths:
                first, following = _bounds(connection, paths[0])
                end = len(paths) if following is None else bisect_left(paths, following)
                known = [pending[path] for path in paths[:end]]
                _merge(connection, first, paths[:end], known)
                del paths[:end]

    def close(self) -> None:
        """Write what is pending and let go of the file."""
        self.flush()
        self._file.close()

    def _after_fork(self) -> None:
        if self._file.is_forked():
            self._reset()


def _place(paths: pa.Array | pa.ChunkedArray, path: bytes) -> int:
    """Return the number of the first of some paths that is not before one."""
    return bisect_left(range(len(paths)), path, key=lambda row: paths[row].as_py())


def _prune(connection: sqlite3.Connection) -> None:
    """Forget, once a day, the runs of which nothing was asked for long."""
    today = _today()
    (pruned,) = connection.execute("SELECT max(day) FROM pruned").fetchone()
    if (pruned or 0) < today:
        connection.execute("DELETE FROM files WHERE day < ?", (today - _KEPT_DAYS,))
        connection.execute("DELETE FROM pruned")
        connection.execute("INSERT INTO pruned VALUES (?)", (today,))


def _bounds(connection: sqlite3.Connection, path: bytes) -> tuple[bytes | None, bytes | None]:
    """Return the first path of the run where a path belongs, if there is one, and that of the run behind it."""
    query = (
        "SELECT (SELECT max(first) FROM files WHERE first <= ?1),"
        " (SELECT min(first) FROM files WHERE first > ?1)"
    )
    first, following = connection.execute(query, (path,)).fetchone()
    return first, following


def _merge(
    connection: sqlite3.Connection, first: bytes | None, paths: list[bytes], known: list[_Known]
) -> None:
    """Write rows into the run where they belong, in the place of older ones; a long run is cut."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = _columns(paths, list(zip(*(row.state for row in known), strict=True)))
    today = _today()
    rows = columns.append_column("day", pa.repeat(pa.scalar(today, pa.int32()), len(paths)))
    rows = rows.append_column("sha256", pa.array([row.sha256 for row in known]))
    query = "SELECT rows FROM files WHERE first = ?"
    found = connection.execute(query, (first,)).fetchone()
    if found is not None:
        old = _read(found[0])
        is_new = pc.is_in(old["path"], value_set=rows["path"])
        kept = pc.and_not(pc.greater_equal(old["day"], today - _KEPT_DAYS), is_new)
        rows = pa.concat_tables([old.filter(kept), rows]).sort_by("path")
        connection.execute("DELETE FROM files WHERE first = ?", (first,))
    parts = max(1, len(rows) // _RUN)
    for at in range(parts):
        start, stop = at * len(rows) // parts, (at + 1) * len(rows) // parts
        part = rows.slice(start, stop - start)
        values = (part["path"][0].as_py(), _written(part), today)
        connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", values)


def _columns(paths: Sequence[bytes] | pa.Array, states: Sequence[Sequence[int]]) -> pa.Table:
    import pyarrow as pa

    arrays = [pa.array(paths, pa.binary()), *map(_integers, states)]
    return pa.table(arrays, names=["path", *_STATE])


def _integers(values: Sequence[int]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values, pa.int64())
    except (
        OverflowError
    ):  # a time of the 23rd century, or an inode of 64 bits: those that differ still do
        return pa.array([(v + 2**63) % 2**64 - 2**63 for v in values], pa.int64())


@cache
def _form() -> pa.Schema:
    import pyarrow as pa

    states = [pa.field(name, pa.int64()) for name in _STATE]
    more = [pa.field("day", pa.int32()), pa.field("sha256", pa.string())]
    return pa.schema([pa.field("path", pa.binary()), *states, *more])


def _nothing() -> pa.Table:
    return _form().empty_table()


def _written(rows: pa.Table) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _form()) as writer:
        writer.write_table(rows.combine_chunks())
    data = sink.getvalue()
    return crc32(data).to_bytes(4) + bytes(data)


def _read(data: bytes) -> pa.Table:
    """Read a run; `sqlite3.DatabaseError` if it is none, as of all that is damaged."""
    import pyarrow as pa

    sum_, data = data[:4], data[4:]
    if crc32(data).to_bytes(4) != sum_:
        raise sqlite3.DatabaseError("damaged")
    try:
        with pa.ipc.open_stream(data) as reader:
            rows = reader.read_all().combine_chunks()
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise sqlite3.DatabaseError("no columns") from error
    if not rows.schema.equals(_form()):
        raise sqlite3.DatabaseError("another form of columns")
    return rows


def _today() -> int:
    return int(time.time() // 86400)
