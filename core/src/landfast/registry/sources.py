"""Sources: which versions may hold an object, found by the start of a URI."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from landfast.errors import InvalidInput
from landfast.model.location import Location
from landfast.model.source import Source
from landfast.model.version import VersionRecord
from landfast.registry import versions
from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import entities, sources
from landfast.registry.schema.tables import versions as version_rows

# An index entry of PostgreSQL holds 2,704 bytes; a character takes up to four.
INDEXED = 500


def spellings(recorded: Iterable[Source]) -> set[str]:
    """Return the URIs that sources of a new version are found by."""
    return {uri for source in recorded for uri in _spellings(source.uri)}


def unrecorded(tx: Transaction, version_id: int | None, recorded: Iterable[Source]) -> set[str]:
    """Return the URIs of sources that a version, None for a new one, has not in the index yet."""
    uris = spellings(recorded)
    if version_id is None:
        return uris
    known = select(sources.c.uri).where(sources.c.version_id == version_id)
    return uris - set(tx.connection.execute(known).scalars())


def add(tx: Transaction, version_id: int, uris: Iterable[str]) -> None:
    """Index URIs of a version's sources."""
    rows = [
        {"version_id": version_id, "uri": uri, "uri_start": uri[:INDEXED]} for uri in sorted(uris)
    ]
    if rows:
        tx.put(sources, *rows)


def page(
    tx: Transaction,
    uri: str,
    *,
    entity: str | None,
    deleted_since: datetime | None,
    below: int | None,
    size: int,
) -> list[VersionRecord]:
    """Return versions with a source that is, contains or lies below `uri`, newest first."""
    kept: ColumnElement[bool] = version_rows.c.deleted_at.is_(None)
    if deleted_since is not None:
        kept = or_(kept, version_rows.c.deleted_at >= deleted_since)
    near = or_(*(_near(spelling) for spelling in _spellings(uri)))
    statement = versions.query().where(
        version_rows.c.id.in_(select(sources.c.version_id).where(near)),
        kept,
    )
    if entity is not None:
        statement = statement.where(entities.c.name == entity)
    if below is not None:
        statement = statement.where(version_rows.c.id < below)
    return versions.load(tx, statement.order_by(version_rows.c.id.desc()).limit(size))


def _spellings(uri: str) -> set[str]:
    """Return the URI with and without what may be a pin at its end or a secret, in canonical form."""
    try:
        places = Location.parse(uri), Location.parse(uri, pins=False)
        return {form.uri for place in places for form in (place, place.without_secrets()[0])}
    except InvalidInput:
        return {uri}


def _near(uri: str) -> ColumnElement[bool]:
    folder = uri if uri.endswith("/") else uri + "/"
    above = _folders_above(uri) | {uri, folder}
    is_or_contains = and_(
        sources.c.uri_start.in_(sorted({item[:INDEXED] for item in above})),
        sources.c.uri.in_(sorted(above)),
    )
    # "0" is the character after "/": this range is what starts with the folder. No LIKE, no wildcards.
    end = folder[:-1] + "0"
    lies_below = and_(
        sources.c.uri_start >= folder[:INDEXED],
        sources.c.uri_start <= end[:INDEXED],
        sources.c.uri >= folder,
        sources.c.uri < end,
    )
    return or_(is_or_contains, lies_below)


def _folders_above(uri: str) -> set[str]:
    start = uri.find("://") + 3
    return {uri[: at + 1] for at in range(start, len(uri)) if uri[at] == "/"}
