"""State: how much a registry holds, and which places it was scanned from."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, func, select

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
from landfast.registry.sources import INDEXED
from landfast.registry.values import RecordedPlace, RegistryState

# Sources that are looked at, newest first: a place that was scanned from for long may have taken them all.
_AMONG = 10_000


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
    """Return the places that versions were scanned from most recently, and how many versions name them."""
    among = select(sources.c.uri, sources.c.version_id).order_by(sources.c.version_id.desc())
    last = among.limit(_AMONG).subquery()
    newest = (
        select(last.c.uri, func.max(last.c.version_id).label("version_id"))
        .group_by(last.c.uri)
        .order_by(func.max(last.c.version_id).desc(), last.c.uri)
        .limit(limit)
        .subquery()
    )
    named = func.count(sources.c.version_id.distinct())
    statement = (
        select(newest.c.uri, named.label("versions"))
        .join(
            sources,
            and_(
                sources.c.uri_start == func.substr(newest.c.uri, 1, INDEXED),
                sources.c.uri == newest.c.uri,
            ),
        )
        .group_by(newest.c.uri, newest.c.version_id)
        .order_by(newest.c.version_id.desc(), newest.c.uri)
    )
    rows = tx.connection.execute(statement)
    return [RecordedPlace(uri=row.uri, versions=row.versions) for row in rows]
