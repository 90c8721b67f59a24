"""Pages of runs, and of what one run used, declared and logged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from landfast.model.lineage import Direction, Edge
from landfast.model.run import RunKey, RunOverview, RunRecord
from landfast.redaction import redact
from landfast.registry import edges as edge_rows
from landfast.registry import runs as run_rows
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import chunks, distinct, key_sha256
from landfast.registry.schema.tables import edges, entities, projects, runs
from landfast.registry.values import RunFilter


def page(tx: Transaction, of: RunFilter, *, start: int, size: int) -> list[RunOverview]:
    """Return a page of the runs that pass a filter, newest first."""
    statement = _passing(run_rows.query(), of).order_by(runs.c.id.desc())
    rows = tx.connection.execute(statement.offset(start).limit(size)).mappings().all()
    counts = _edge_counts(tx, [row["id"] for row in rows])
    return [RunOverview(run=run_rows.record(row), edges=counts[row["id"]]) for row in rows]


def by_key(tx: Transaction, keys: Sequence[RunKey]) -> dict[RunKey, RunRecord]:
    """Return the runs of these keys that there are."""
    found = _among(tx, runs.c.key_sha256, map(key_sha256, keys))
    return {run.key: run for run in found}


def by_id(tx: Transaction, ids: Sequence[str]) -> dict[str, RunRecord]:
    """Return the runs of these short ids that there are."""
    return {run.id: run for run in _among(tx, runs.c.short_id, ids)}


def _among(
    tx: Transaction, column: ColumnElement[str], wanted: Iterable[str]
) -> Iterator[RunRecord]:
    for part in chunks(wanted):
        statement = run_rows.query().where(column.in_(part))
        yield from map(run_rows.record, tx.connection.execute(statement).mappings())


def systems(tx: Transaction) -> list[str]:
    """Return the systems that runs are of."""
    return distinct(tx, runs.c.system)


def counts(tx: Transaction, key: RunKey) -> dict[str, int]:
    """Return how many versions a run used, declared and logged, by direction."""
    run = run_rows.require(tx, key)
    return _edge_counts(tx, [run])[run]


def edges_of(
    tx: Transaction, key: RunKey, direction: Direction, *, start: int, size: int
) -> list[Edge]:
    """Return a page of the edges of a run in one direction, oldest first."""
    statement = (
        edge_rows.query()
        .where(edges.c.run_id == run_rows.require(tx, key), edges.c.direction == direction.value)
        .order_by(edges.c.id)
        .offset(start)
        .limit(size)
    )
    return [edge_rows.record(row) for row in tx.connection.execute(statement).mappings()]


def _passing(statement: Select[Any], of: RunFilter) -> Select[Any]:
    wanted = {
        entities.c.name: of.entity,
        projects.c.name: of.project,
        runs.c.system: of.system,
        runs.c.deployment: redact(of.deployment),
        runs.c.node: of.node,
        runs.c.status: of.status,
    }
    statement = statement.where(*(column == value for column, value in wanted.items() if value))
    if of.run_ids:
        statement = statement.where(runs.c.run_id.in_(of.run_ids))
    if of.part is not None:
        statement = statement.where(runs.c.part == of.part)
    if of.text:
        texts = (runs.c.name, runs.c.run_id, runs.c.node)
        found = [func.lower(each).contains(of.text.lower(), autoescape=True) for each in texts]
        statement = statement.where(or_(*found))
    return statement


def _edge_counts(tx: Transaction, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    statement = (
        select(edges.c.run_id, edges.c.direction, func.count().label("count"))
        .where(edges.c.run_id.in_(ids))
        .group_by(edges.c.run_id, edges.c.direction)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in tx.connection.execute(statement).mappings():
        found[row["run_id"]][row["direction"]] = row["count"]
    return found
