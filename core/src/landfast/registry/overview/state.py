"""State: how much a registry holds, and which places it was scanned from."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, func, select

from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import (
    blobs,
    collections,
    observations,
    partitions,
    projects,
    runs,
    sources,
    versions,
)
from landfast.registry.values import RecordedPlace, RegistryState


def state(tx: Transaction) -> RegistryState:
    """Count what the registry holds."""

    def rows(table: Table, *where: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(table).where(*where)
        return tx.connection.execute(statement).scalar_one()

    live, sizes = versions.c.deleted_at.is_(None), select(func.sum(blobs.c.size))
    return RegistryState(
        projects=rows(projects),
        collections=rows(collections),
        partitions=rows(partitions),
        versions=rows(versions, live),
        deleted=rows(versions, ~live),
        expired=rows(versions, live, versions.c.expires_at <= tx.now()),
        runs=rows(runs),
        observations=rows(observations),
        blobs=rows(blobs),
        blob_bytes=int(tx.connection.execute(sizes).scalar_one() or 0),
        condemned=rows(blobs, blobs.c.condemned_at.is_not(None)),
    )


def places(tx: Transaction, *, limit: int) -> list[RecordedPlace]:
    """Return the places that versions were scanned from most recently."""
    newest = func.max(sources.c.version_id)
    statement = (
        select(sources.c.uri, func.count(sources.c.version_id.distinct()).label("versions"))
        .group_by(sources.c.uri)
        .order_by(newest.desc(), sources.c.uri)
        .limit(limit)
    )
    rows = tx.connection.execute(statement)
    return [RecordedPlace(uri=row.uri, versions=row.versions) for row in rows]
