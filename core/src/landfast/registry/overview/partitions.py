"""Pages of the partitions of a collection, with what their `latest` holds."""

from __future__ import annotations

from sqlalchemy import func, select

from landfast.model.names import LATEST
from landfast.model.version import PartitionOverview
from landfast.registry.database.engine import Transaction
from landfast.registry.overview import looks
from landfast.registry.schema.tables import aliases, partitions


def page(
    tx: Transaction, collection: int, text: str, *, start: int, size: int
) -> tuple[list[PartitionOverview], int]:
    """Return a page of the partitions whose key contains a text, by key, and how many there are."""
    wanted = select(partitions.c.id, partitions.c.key, partitions.c.next_index).where(
        partitions.c.collection_id == collection
    )
    if text:
        wanted = wanted.where(partitions.c.key.contains(text, autoescape=True))
    total = tx.connection.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
    rows = tx.connection.execute(wanted.order_by(partitions.c.key).offset(start).limit(size)).all()
    ids = [row.id for row in rows]
    latest = select(aliases.c.partition_id, aliases.c.version_id, aliases.c.moved_at).where(
        aliases.c.name == LATEST, aliases.c.partition_id.in_(ids)
    )
    moved = {row.partition_id: row for row in tx.connection.execute(latest)}
    records = looks.records(tx, [row.version_id for row in moved.values()])
    observed = looks.last_at(tx, partitions.c.id, partitions.c.id.in_(ids))
    return [
        PartitionOverview(
            key=row.key,
            versions=row.next_index,
            latest=records[moved[row.id].version_id] if row.id in moved else None,
            changed_at=moved[row.id].moved_at if row.id in moved else None,
            observed_at=observed.get(row.id),
        )
        for row in rows
    ], total
