"""Pages of collections, with what their `latest` holds and held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, literal_column, select

from landfast.model.names import LATEST
from landfast.model.version import CollectionOverview, VersionRecord
from landfast.registry import collections as collection_rows
from landfast.registry.database.engine import Transaction
from landfast.registry.overview import looks
from landfast.registry.rows import distinct
from landfast.registry.schema.tables import (
    aliases,
    collections,
    entities,
    partitions,
    projects,
)
from landfast.registry.schema.tables import versions as version_rows
from landfast.registry.values import CollectionFilter

_SIZES = 40
# Moves of `latest` that are looked at before all are.
_AMONG = 1_000


def page(
    tx: Transaction, of: CollectionFilter, *, start: int, size: int
) -> tuple[list[CollectionOverview], int]:
    """Return a page of the collections that pass a filter, and how many pass it."""
    wanted = _passing(select(collections.c.id), of)
    total = tx.connection.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
    if of.order == "changed":
        ids = _recent(tx, wanted, start, size) or _by_change(tx, wanted, start, size, among=None)
    else:
        ordered = wanted.order_by(*_BY_NAME).offset(start).limit(size)
        ids = list(tx.connection.execute(ordered).scalars())
    return _overviews(tx, ids), total


_BY_NAME = (entities.c.name, projects.c.name, collections.c.name)


def _recent(tx: Transaction, wanted: Select[Any], start: int, size: int) -> list[int]:
    """Return a page by change, if the newest moves are of enough collections to fill it; else nothing.

    What has not moved among them has moved before: so the others need not be looked at.
    """
    found = _by_change(tx, wanted, 0, start + size + 1, among=_AMONG)
    return found[start : start + size] if len(found) > start + size else []


def _by_change(
    tx: Transaction, wanted: Select[Any], start: int, size: int, *, among: int | None
) -> list[int]:
    """Return collections, last changed first: of the newest moves, or of all and those that never moved."""
    moved = _moves(among).subquery()
    # NULL comes first on the one database and last on the other.
    order = (moved.c.at.is_(None), moved.c.at.desc(), *_BY_NAME)
    is_its = moved.c.collection_id == collections.c.id
    joined = wanted.join(moved, is_its, isouter=among is None)
    return list(tx.connection.execute(joined.order_by(*order).offset(start).limit(size)).scalars())


def types(tx: Transaction) -> list[str]:
    """Return the types that collections have."""
    return distinct(tx, collections.c.type)


def _passing(statement: Select[Any], of: CollectionFilter) -> Select[Any]:
    statement = statement.select_from(collections.join(projects).join(entities))
    if of.entity:
        statement = statement.where(entities.c.name == of.entity)
    if of.project:
        statement = statement.where(projects.c.name == of.project)
    if of.type:
        statement = statement.where(collections.c.type == of.type)
    if of.text:
        name = func.lower(projects.c.name + "/" + collections.c.name)
        statement = statement.where(name.contains(of.text.lower(), autoescape=True))
    return statement


def _moves(among: int | None) -> Select[Any]:
    """When `latest` of any partition of a collection moved last, by all moves or the newest."""
    # Written out: a partial index serves no parameter.
    is_latest = aliases.c.name == literal_column(f"'{LATEST}'")
    moves = select(aliases.c.partition_id, aliases.c.moved_at).where(is_latest)
    newest = moves.order_by(aliases.c.moved_at.desc()).limit(among).subquery()
    return (
        select(partitions.c.collection_id, func.max(newest.c.moved_at).label("at"))
        .join(newest, newest.c.partition_id == partitions.c.id)
        .group_by(partitions.c.collection_id)
    )


def _overviews(tx: Transaction, ids: Sequence[int]) -> list[CollectionOverview]:
    records = collection_rows.by_ids(tx, ids)
    observed = looks.last_at(tx, partitions.c.collection_id, partitions.c.collection_id.in_(ids))
    moved = _moved(tx, ids)
    latest = _latest(tx, moved)
    sizes = _sizes(tx, [row.partition_id for row in moved])
    return [
        CollectionOverview(
            collection=records[key],
            latest=latest[key][0] if key in latest else None,
            changed_at=latest[key][1] if key in latest else None,
            observed_at=observed.get(key),
            sizes=tuple(sizes[key]),
        )
        for key in ids
    ]


def _moved(tx: Transaction, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """The partitions of each collection whose `latest` moved last, that one first."""
    order = (aliases.c.moved_at.desc(), aliases.c.version_id.desc())
    place = func.row_number().over(partition_by=partitions.c.collection_id, order_by=order)
    ranked = (
        select(
            partitions.c.collection_id,
            aliases.c.partition_id,
            aliases.c.version_id,
            aliases.c.moved_at,
            place.label("place"),
        )
        .join(aliases, aliases.c.partition_id == partitions.c.id)
        .where(aliases.c.name == LATEST, partitions.c.collection_id.in_(ids))
        .subquery()
    )
    newest = select(ranked).where(ranked.c.place <= _SIZES).order_by(ranked.c.place)
    return tx.connection.execute(newest).all()


def _latest(
    tx: Transaction, moved: Sequence[Row[Any]]
) -> dict[int, tuple[VersionRecord, datetime]]:
    """The version that `latest` moved to last, in any partition of each collection."""
    rows = [row for row in moved if row.place == 1]
    records = looks.records(tx, [row.version_id for row in rows])
    return {row.collection_id: (records[row.version_id], row.moved_at) for row in rows}


def _sizes(tx: Transaction, among: Sequence[int]) -> dict[int, list[tuple[datetime, int]]]:
    """When the newest live versions of each collection, in these partitions, were made, and their bytes.

    Oldest first.  Where most of the last numbers of a partition were deleted there are fewer.
    """
    place = func.row_number().over(
        partition_by=partitions.c.collection_id, order_by=version_rows.c.id.desc()
    )
    ranked = (
        select(
            partitions.c.collection_id,
            version_rows.c.id,
            version_rows.c.created_at,
            version_rows.c.size,
            place.label("place"),
        )
        .join(version_rows, version_rows.c.partition_id == partitions.c.id)
        .where(
            version_rows.c.deleted_at.is_(None),
            partitions.c.id.in_(among),
            version_rows.c.number >= partitions.c.next_index - 2 * _SIZES,
        )
        .subquery()
    )
    newest = select(ranked).where(ranked.c.place <= _SIZES).order_by(ranked.c.id)
    found: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for row in tx.connection.execute(newest):
        found[row.collection_id].append((row.created_at, row.size))
    return found
