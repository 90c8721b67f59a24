"""Edges: which run used or logged which version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import pack
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, select

from landfast.model.lineage import Direction, Edge
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey
from landfast.registry import pins, scopes
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import (
    KEY_COLUMNS,
    NAME_COLUMNS,
    NAMED_VERSIONS,
    chunks,
    key_of,
    key_sha256,
    name_of,
    recordable,
)
from landfast.registry.schema.tables import collections, edges, runs, versions
from landfast.registry.values import EdgeRequest, SeenEdge
from landfast.system.spilled_rows import SortedRows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Rows that are read in one piece; of more, PostgreSQL keeps a cursor.
_AT_ONCE = 2_000


def add(tx: Transaction, run_id: int, direction: Direction, version_id: int, now: datetime) -> None:
    """Record an edge; one that is there stays as it is."""
    row = {"run_id": run_id, "direction": direction.value, "version_id": version_id, "at": now}
    tx.connection.execute(tx.insert(edges).on_conflict_do_nothing().inline(), row)


def add_all(tx: Transaction, run_id: int, direction: Direction, version_ids: Sequence[int]) -> None:
    """Record edges of one kind; those that are there stay.  Without one of the versions, `NotFound` and none."""
    now = tx.now()
    for part in chunks(version_ids):
        found = tx.connection.execute(select(versions.c.id).where(versions.c.id.in_(part)))
        missing = set(part) - set(found.scalars())
        if missing:
            raise pins.no_version(tx, min(missing))
        rows = [
            {"run_id": run_id, "direction": direction.value, "version_id": one, "at": now}
            for one in part
        ]
        tx.connection.execute(tx.insert(edges).on_conflict_do_nothing(), rows)


def touching(
    tx: Transaction, version_ids: Sequence[int], keys: Sequence[RunKey], until: datetime | None
) -> Sequence[Edge]:
    """Return the edges of any of these versions and runs, oldest first."""
    wanted: list[ColumnElement[bool]] = [
        edges.c.version_id.in_(part) for part in chunks(version_ids)
    ]
    hashes = [key_sha256(key) for key in keys]
    wanted += [runs.c.key_sha256.in_(part) for part in chunks(hashes)]
    found = SortedRows[Edge]()
    for condition in wanted:
        for row in _rows(tx, condition, until):
            found.put(place_of(row["at"], row["id"]), record(row))
    edges_found = found.sorted()
    return list(edges_found) if isinstance(edges_found, tuple) else edges_found


def visit(tx: Transaction, of: EdgeRequest, see: Callable[[SeenEdge], None]) -> None:
    """Show the edges of some versions or runs one after the other, oldest first."""
    ends = edges.c.version_id.in_(of.versions) if of.versions else edges.c.run_id.in_(of.runs)
    wanted = and_(ends, edges.c.direction.in_([direction.value for direction in of.directions]))
    for row in _rows(tx, wanted, of.until):
        see(SeenEdge(place=place_of(row["at"], row["id"]), run_id=row["run_id"], edge=record(row)))


def place_of(at: datetime, edge_id: int) -> bytes:
    """Return a key that sorts edges by their time, and of one time by their number."""
    return pack(">qq", (at - _EPOCH) // timedelta(microseconds=1), edge_id)


def _rows(
    tx: Transaction, condition: ColumnElement[bool], until: datetime | None
) -> Iterable[RowMapping]:
    """Return the rows of `query()` that meet a condition, oldest first; many are read as they are used."""
    statement = query().where(condition)
    if until is not None:
        statement = statement.where(edges.c.at <= until)
    statement = statement.order_by(edges.c.at, edges.c.id)
    few = tx.connection.execute(statement.limit(_AT_ONCE + 1)).mappings().all()
    if len(few) <= _AT_ONCE:
        return few
    return tx.connection.execute(statement, execution_options={"yield_per": _AT_ONCE}).mappings()


def within(tx: Transaction, of: RunKey) -> list[Edge]:
    """Return the edges of all nodes and parts of a run, oldest first."""
    like = recordable(of)
    statement = query().where(
        runs.c.run_id == like.run_id,
        runs.c.system == like.system,
        runs.c.deployment == like.deployment,
    )
    rows = tx.connection.execute(statement.order_by(edges.c.at, edges.c.id)).mappings()
    return [record(row) for row in rows]


def uses_page(
    tx: Transaction, name: ArtifactName, by: RunKey, *, whole: bool, below: int | None, size: int
) -> list[tuple[int, Edge]]:
    """Return uses with their row ids, newest first; see `Registry.latest_uses`."""
    scope, like = scopes.find(tx, name), recordable(by)
    statement = query().where(
        collections.c.id == scope.collection
        if whole
        else versions.c.partition_id == scope.partition,
        edges.c.direction != Direction.LOGGED.value,
        runs.c.system == like.system,
        runs.c.deployment == like.deployment,
        # Not LIKE, which ignores case in SQLite.
        func.substr(runs.c.run_id, 1, len(like.run_id)) == like.run_id,
    )
    if below is not None:
        statement = statement.where(edges.c.id < below)
    rows = tx.connection.execute(statement.order_by(edges.c.id.desc()).limit(size)).mappings()
    return [(row["id"], record(row)) for row in rows]


def query() -> Select[Any]:
    """Select edges with the names of both ends; `record` reads a row."""
    joined = NAMED_VERSIONS.join(edges, edges.c.version_id == versions.c.id).join(
        runs, edges.c.run_id == runs.c.id
    )
    of_run = (runs.c.short_id, runs.c.link)
    return select(*edges.c, versions.c.number, *of_run, *NAME_COLUMNS, *KEY_COLUMNS).select_from(
        joined
    )


def record(row: RowMapping) -> Edge:
    """Read a row of `query()`."""
    key = key_of(row)
    assert key is not None
    return Edge(
        run=key,
        direction=Direction(row["direction"]),
        version=name_of(row, row["number"]),
        version_id=row["version_id"],
        at=row["at"],
        short_run_id=row["short_id"],
        link=row["link"],
    )
