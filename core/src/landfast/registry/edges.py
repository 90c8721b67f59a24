"""Edges: which run used or logged which version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, select

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
) -> list[Edge]:
    """Return the edges of any of these versions and runs, oldest first."""
    wanted: list[ColumnElement[bool]] = [
        edges.c.version_id.in_(part) for part in chunks(version_ids)
    ]
    hashes = [key_sha256(key) for key in keys]
    wanted += [runs.c.key_sha256.in_(part) for part in chunks(hashes)]
    found: dict[tuple[datetime, int], Edge] = {}
    for condition in wanted:
        statement = query().where(condition)
        if until is not None:
            statement = statement.where(edges.c.at <= until)
        for row in tx.connection.execute(statement).mappings():
            found[row["at"], row["id"]] = record(row)
    return [found[key] for key in sorted(found)]


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
