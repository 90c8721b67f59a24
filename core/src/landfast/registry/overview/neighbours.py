"""Neighbours in the lineage: some of each node's, with how many there are, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union

from landfast.model.lineage import Direction, Edge, Neighbour
from landfast.registry import edges as edge_rows
from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import edges, partitions, runs, versions
from landfast.registry.values import NeighbourRequest


def near(tx: Transaction, of: NeighbourRequest) -> list[Neighbour]:
    """Return the newest neighbours of versions, or of runs: of each kind some, before many of one kind."""
    found = []
    if of.versions:
        found += _near(tx, of, edges.c.version_id.in_(of.versions), edges.c.version_id, _RUN_KIND)
    if of.runs:
        found += _near(tx, of, _of_runs(of), edges.c.run_id, _VERSION_KIND)
    return found


# What makes neighbours alike.
_RUN_KIND = (runs.c.system, runs.c.node, runs.c.job_type)
_VERSION_KIND = (partitions.c.collection_id,)


def _near(
    tx: Transaction,
    of: NeighbourRequest,
    where: ColumnElement[bool],
    node: ColumnElement[Any],
    kind: Sequence[ColumnElement[Any]],
) -> list[Neighbour]:
    newest = (
        select(
            edges.c.id,
            node.label("node"),
            func.row_number().over(partition_by=node, order_by=edges.c.id.desc()).label("age"),
            func.count().over(partition_by=node).label("total"),
        )
        .where(where, *_counting(of.directions, of.until))
        .subquery()
    )
    alike = (newest.c.node, *kind)
    ranked = (
        select(
            newest.c.id,
            newest.c.node,
            newest.c.total,
            func.row_number().over(partition_by=alike, order_by=edges.c.id.desc()).label("place"),
            func.count().over(partition_by=alike).label("group_total"),
        )
        .select_from(
            newest.join(edges, edges.c.id == newest.c.id)
            .join(runs, edges.c.run_id == runs.c.id)
            .join(versions, edges.c.version_id == versions.c.id)
            .join(partitions, versions.c.partition_id == partitions.c.id)
        )
        .where(newest.c.age <= of.among)
        .subquery()
    )
    few = or_(ranked.c.place <= of.of_group, ranked.c.group_total <= of.of_group + 2)
    order = (ranked.c.place, ranked.c.id.desc())
    placed = (
        select(
            ranked,
            func.row_number().over(partition_by=ranked.c.node, order_by=order).label("rank"),
        )
        .where(few)
        .subquery()
    )
    statement = (
        edge_rows.query()
        .add_columns(runs.c.short_id, placed.c.group_total, placed.c.total)
        .join(placed, placed.c.id == edges.c.id)
        .where(placed.c.rank <= of.each)
        .order_by(placed.c.node, placed.c.rank)
    )
    return [
        Neighbour(
            edge=edge_rows.record(row),
            run_id=row["short_id"],
            group_total=row["group_total"],
            total=row["total"],
        )
        for row in tx.connection.execute(statement).mappings()
    ]


def between(tx: Transaction, of: NeighbourRequest) -> list[tuple[str, Edge]]:
    """Return edges between versions and runs with the short ids of the runs, newest first; `each` is their limit."""
    if not of.versions or not of.runs:
        return []
    statement = (
        _with_ids(of)
        .where(edges.c.version_id.in_(of.versions), runs.c.short_id.in_(of.runs))
        .order_by(edges.c.id.desc())
        .limit(of.each)
    )
    return _read(tx, statement)


def touching(
    tx: Transaction, of: NeighbourRequest, *, start: int, size: int
) -> tuple[list[tuple[str, Edge]], int]:
    """Return a page of the edges of any of these versions and runs, newest first, and how many there are."""
    # A union, for one of the two conditions alone has an index that serves it.
    counting = _counting(of.directions, of.until)
    ends: list[ColumnElement[bool]] = []
    ends += [edges.c.version_id.in_(of.versions)] if of.versions else []
    ends += [_of_runs(of)] if of.runs else []
    if not ends:
        return [], 0
    wanted = union(*(select(edges.c.id).where(end, *counting) for end in ends)).subquery()
    newest = select(wanted.c.id).order_by(wanted.c.id.desc()).offset(start).limit(size)
    statement = _with_ids(of).where(edges.c.id.in_(newest)).order_by(edges.c.id.desc())
    counted = select(func.count()).select_from(wanted)
    return _read(tx, statement), tx.connection.execute(counted).scalar_one()


def totals(tx: Transaction, of: NeighbourRequest) -> dict[tuple[int | str, Direction], int]:
    """Return how many edges of each direction versions (by id) and runs (by short id) have; none is left out.

    A declared use of what was used too is not counted again.
    """
    found: dict[tuple[int | str, Direction], int] = {}
    with_runs = edges.join(runs, edges.c.run_id == runs.c.id)
    ends: tuple[tuple[Any, Any, Any], ...] = (
        (edges.c.version_id, edges, of.versions),
        (runs.c.short_id, with_runs, of.runs),
    )
    for node, source, wanted in ends:
        if not wanted:
            continue
        statement = (
            select(node.label("node"), edges.c.direction, func.count().label("total"))
            .select_from(source)
            .where(node.in_(wanted), *_counting(of.directions, of.until))
            .group_by(node, edges.c.direction)
        )
        for row in tx.connection.execute(statement).mappings():
            found[row["node"], Direction(row["direction"])] = row["total"]
    return found


def _of_runs(of: NeighbourRequest) -> ColumnElement[bool]:
    return edges.c.run_id.in_(select(runs.c.id).where(runs.c.short_id.in_(of.runs)))


def _with_ids(of: NeighbourRequest) -> Select[Any]:
    return edge_rows.query().add_columns(runs.c.short_id).where(*_counting(of.directions, of.until))


def _read(tx: Transaction, statement: Select[Any]) -> list[tuple[str, Edge]]:
    rows = tx.connection.execute(statement).mappings()
    return [(row["short_id"], edge_rows.record(row)) for row in rows]


def _counting(directions: Sequence[Direction], until: datetime | None) -> list[ColumnElement[bool]]:
    """Return the conditions of edges that count; of a use that was declared too, only the use does."""
    wanted: list[ColumnElement[bool]] = [
        edges.c.direction.in_([direction.value for direction in directions])
    ]
    if until is not None:
        wanted.append(edges.c.at <= until)
    if {Direction.USED, Direction.DECLARED} <= set(directions):
        use = edges.alias("uses")
        used = select(use.c.id).where(
            use.c.run_id == edges.c.run_id,
            use.c.direction == Direction.USED.value,
            use.c.version_id == edges.c.version_id,
        )
        if until is not None:
            used = used.where(use.c.at <= until)
        declared = edges.c.direction == Direction.DECLARED.value
        wanted.append(~and_(declared, used.exists()))
    return wanted
