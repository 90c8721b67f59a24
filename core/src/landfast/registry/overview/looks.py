"""What pages of collections and of partitions have in common: when somebody looked, and what was found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from landfast.model.version import VersionRecord
from landfast.registry import versions
from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import observations, partitions
from landfast.registry.schema.tables import versions as version_rows


def last_at(tx: Transaction, by: Any, where: Any) -> dict[int, datetime]:
    """When each collection or partition was looked at last."""
    # Of each partition the end of an index, not all of its looks.
    last = (
        select(func.max(observations.c.id))
        .where(observations.c.partition_id == partitions.c.id)
        .correlate(partitions)
        .scalar_subquery()
    )
    each = select(by.label("of"), last.label("id")).where(where).subquery()
    newest = select(each.c.of, func.max(each.c.id).label("id")).group_by(each.c.of).subquery()
    statement = select(newest.c.of, observations.c.at).join(
        observations, observations.c.id == newest.c.id
    )
    return {row.of: row.at for row in tx.connection.execute(statement)}


def records(tx: Transaction, ids: Iterable[int]) -> dict[int, VersionRecord]:
    """Return versions by id."""
    loaded = versions.load(tx, versions.query().where(version_rows.c.id.in_(list(ids))))
    return {record.id: record for record in loaded}
