"""Collections and their partitions: listing and describing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, func, select, tuple_

from landfast.model.names import LATEST
from landfast.model.version import CollectionRecord, VersionRecord
from landfast.registry import versions
from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import aliases, collections, entities, partitions, projects
from landfast.registry.schema.tables import versions as version_rows


def page(
    tx: Transaction,
    entity: str,
    project: str | None,
    *,
    after: tuple[str, str] | None,
    size: int,
) -> list[CollectionRecord]:
    """Return collections of an entity, by project and name."""
    statement = _query().where(entities.c.name == entity)
    if project is not None:
        statement = statement.where(projects.c.name == project)
    if after is not None:
        statement = statement.where(tuple_(projects.c.name, collections.c.name) > after)
    ordered = statement.order_by(projects.c.name, collections.c.name).limit(size)
    return [_record(row) for row in tx.connection.execute(ordered).mappings()]


def by_ids(tx: Transaction, ids: Sequence[int]) -> dict[int, CollectionRecord]:
    """Return collections that exist."""
    rows = tx.connection.execute(_query().where(collections.c.id.in_(ids))).mappings()
    return {row["id"]: _record(row) for row in rows}


def latest_page(
    tx: Transaction, collection: int, *, after: str | None, size: int
) -> list[VersionRecord]:
    """Return the `latest` of each partition, by key; partitions without one are passed over."""
    statement = _latest_of(collection)
    if after is not None:
        statement = statement.where(partitions.c.key > after)
    return versions.load(tx, statement.limit(size))


def latest_among(tx: Transaction, collection: int, keys: Sequence[str]) -> list[VersionRecord]:
    """Return the `latest` of those partitions that there are, by key."""
    return versions.load(tx, _latest_of(collection).where(partitions.c.key.in_(keys)))


def _latest_of(collection: int) -> Select[Any]:
    return (
        versions.query()
        .join(aliases, aliases.c.version_id == version_rows.c.id)
        .where(aliases.c.name == LATEST, partitions.c.collection_id == collection)
        .order_by(partitions.c.key)
    )


def _query() -> Select[Any]:
    live = (
        select(
            func.count(version_rows.c.partition_id.distinct()),
        )
        .select_from(partitions.join(version_rows))
        .where(partitions.c.collection_id == collections.c.id, version_rows.c.deleted_at.is_(None))
    )
    count = live.with_only_columns(func.count())
    return select(
        *collections.c,
        projects.c.name.label("project_name"),
        entities.c.name.label("entity_name"),
        live.correlate(collections).scalar_subquery().label("partitions"),
        count.correlate(collections).scalar_subquery().label("versions"),
    ).select_from(collections.join(projects).join(entities))


def _record(row: RowMapping) -> CollectionRecord:
    return CollectionRecord(
        entity=row["entity_name"],
        project=row["project_name"],
        name=row["name"],
        type=row["type"],
        description=row["description"],
        partitions=row["partitions"],
        versions=row["versions"],
        created_at=row["created_at"],
    )
