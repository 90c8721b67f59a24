"""Gauges: how each collection stands, in a few numbers, by as many questions for ten thousand as for one."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from landfast.model.names import LATEST
from landfast.registry.database.engine import Transaction
from landfast.registry.overview import looks
from landfast.registry.schema.tables import (
    aliases,
    collections,
    entities,
    partitions,
    projects,
    verifications,
    versions,
)
from landfast.registry.values import CollectionGauges


def gauges(tx: Transaction) -> list[CollectionGauges]:
    """Return the numbers of every collection, by name."""
    counted = _by_collection(tx, _partitions())
    live = _by_collection(tx, _live_versions())
    latest = _by_collection(tx, _latest())
    observed = looks.last_at(tx, partitions.c.collection_id, partitions.c.id.is_not(None))
    verdicts, verified, unseen = _verdicts(tx)
    return [
        CollectionGauges(
            entity=row.entity,
            project=row.project,
            name=row.name,
            partitions=counted[row.id].partitions if row.id in counted else 0,
            versions=live[row.id].versions if row.id in live else 0,
            latest_files=int(latest[row.id].files) if row.id in latest else 0,
            latest_bytes=int(latest[row.id].bytes) if row.id in latest else 0,
            changed_at=latest[row.id].moved_at if row.id in latest else None,
            observed_at=observed.get(row.id),
            verified_at=verified.get(row.id),
            unseen=unseen[row.id],
            verdicts=dict(verdicts[row.id]),
        )
        for row in tx.connection.execute(_names())
    ]


def _names() -> Select[Any]:
    return (
        select(
            collections.c.id,
            entities.c.name.label("entity"),
            projects.c.name.label("project"),
            collections.c.name,
        )
        .select_from(collections.join(projects).join(entities))
        .order_by(entities.c.name, projects.c.name, collections.c.name)
    )


def _by_collection(tx: Transaction, statement: Select[Any]) -> dict[int, Any]:
    return {row.collection_id: row for row in tx.connection.execute(statement)}


def _partitions() -> Select[Any]:
    return select(partitions.c.collection_id, func.count().label("partitions")).group_by(
        partitions.c.collection_id
    )


def _live_versions() -> Select[Any]:
    return (
        select(partitions.c.collection_id, func.count().label("versions"))
        .join(versions, versions.c.partition_id == partitions.c.id)
        .where(versions.c.deleted_at.is_(None))
        .group_by(partitions.c.collection_id)
    )


def _latest() -> Select[Any]:
    return (
        select(
            partitions.c.collection_id,
            func.sum(versions.c["count"]).label("files"),
            func.sum(versions.c.size).label("bytes"),
            func.max(aliases.c.moved_at).label("moved_at"),
        )
        .select_from(
            partitions.join(aliases, aliases.c.partition_id == partitions.c.id).join(
                versions, versions.c.id == aliases.c.version_id
            )
        )
        .where(aliases.c.name == LATEST)
        .group_by(partitions.c.collection_id)
    )


def _verdicts(
    tx: Transaction,
) -> tuple[dict[int, Counter[str]], dict[int, datetime], dict[int, int]]:
    """Sum the last verdicts about what aliases name; say when the last was, and how many have none."""
    named = (
        select(partitions.c.collection_id, aliases.c.version_id)
        .join(aliases, aliases.c.partition_id == partitions.c.id)
        .distinct()
        .subquery()
    )
    last = (
        select(func.max(verifications.c.id))
        .where(verifications.c.version_id == named.c.version_id)
        .correlate(named)
        .scalar_subquery()
    )
    statement = select(
        named.c.collection_id, verifications.c.counts, verifications.c.at
    ).select_from(named.outerjoin(verifications, verifications.c.id == last))
    verdicts: dict[int, Counter[str]] = defaultdict(Counter)
    verified: dict[int, datetime] = {}
    unseen: dict[int, int] = defaultdict(int)
    for row in tx.connection.execute(statement):
        if row.at is None:
            unseen[row.collection_id] += 1
            continue
        verdicts[row.collection_id].update(row.counts)
        verified[row.collection_id] = max(row.at, verified.get(row.collection_id, row.at))
    return verdicts, verified, unseen
