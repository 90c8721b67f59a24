"""Place: the locked partition as a log finds it; what there is to know of it comes in one answer."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    case,
    func,
    null,
    select,
    true,
)

from landfast.model.names import LATEST
from landfast.model.version import VersionRecord
from landfast.registry import runs as run_rows
from landfast.registry import scopes
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import (
    key_sha256,
    recordable,
    skipped_json,
    skipped_of,
    sources_json,
    sources_of,
)
from landfast.registry.schema.columns import to_json
from landfast.registry.schema.tables import (
    aliases,
    blobs,
    observations,
    partitions,
    pin_sets,
    runs,
    versions,
)
from landfast.registry.values import LogRequest

_latest = versions.alias("latest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The live version that has the content, and what is known of its pins."""

    id: int
    has_pins: bool
    last_pins: str | None
    """Those that its newest observation saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a log finds, and the ids of the rows that it is about to write."""

    partition: int
    next_index: int
    latest_ticket: int
    latest: tuple[int, int] | None
    """Id and number of the version that `latest` names."""
    known: Known | None
    run_id: int | None
    has_blob: bool
    """Whether the manifest is there; it cannot be condemned until the transaction ends."""
    version_id: int
    observation_id: int
    now: datetime


def enter(tx: Transaction, request: LogRequest) -> Place:
    """Lock the partition, made if need be, and look; two questions for what there is."""
    given = asked(request) | {"partition": scopes.lock(tx, request.name, request.type)}
    row = tx.connection.execute(_looking_at(tx.connection.dialect.name), given).one()
    return _place(tx, request, row)


def asked(request: LogRequest) -> dict[str, Any]:
    """Return the parameters of a look."""
    return {
        "digest": request.summary.digest,
        "pins": request.summary.pin_digest,
        "blob": request.blob,
        "run": None if request.run is None else key_sha256(request.run),
    }


def _place(tx: Transaction, request: LogRequest, row: Row[Any]) -> Place:
    if request.run is not None and row.run_id is None:
        raise run_rows.unknown(str(request.run))
    known = None
    if row.known_id is not None:
        known = Known(id=row.known_id, has_pins=row.has_pins, last_pins=row.last_pins)
    return Place(
        partition=row.partition_id,
        next_index=row.next_index,
        latest_ticket=row.latest_ticket,
        latest=None if row.latest_id is None else (row.latest_id, row.latest_number),
        known=known,
        run_id=row.run_id,
        has_blob=row.has_blob,
        version_id=row.version_id,
        observation_id=row.observation_id,
        now=tx.now() if row.now is None else row.now,
    )


def created(request: LogRequest, place: Place, *, latest: bool = False) -> VersionRecord:
    """Return the version that is about to be written, as it will be read."""
    assert request.blob is not None
    return VersionRecord(
        id=place.version_id,
        name=request.name.bare().at(place.next_index),
        type=request.type,
        summary=request.summary,
        blob=request.blob,
        sources=sources_of(_as_read(sources_json(request.sources))),
        skipped=skipped_of(_as_read(skipped_json(request.skipped))),
        description=request.description,
        metadata=_as_read(request.metadata),
        aliases=(LATEST,) if latest else (),
        ttl_seconds=request.ttl_seconds,
        run=None if request.run is None else recordable(request.run),
        created_at=place.now,
    )


def _as_read(value: Any) -> Any:
    return json.loads(to_json(value)) if value else value


@functools.cache
def _looking(dialect: str) -> Select[Any]:
    """Ask after everything at once.  Only behind the lock: a statement sees what was committed when it began."""
    held = (
        select(blobs.c.sha256, blobs.c.condemned_at)
        .where(blobs.c.sha256 == bindparam("blob", type_=blobs.c.sha256.type))
        .with_for_update(read=True)
        .cte("held")
    )
    is_known = and_(
        versions.c.partition_id == partitions.c.id,
        versions.c.digest == bindparam("digest"),
        versions.c.deleted_at.is_(None),
    )
    has_pins = and_(
        pin_sets.c.version_id == versions.c.id, pin_sets.c.pin_digest == bindparam("pins")
    )
    is_latest = and_(aliases.c.partition_id == partitions.c.id, aliases.c.name == LATEST)
    is_run = runs.c.key_sha256 == bindparam("run", type_=runs.c.key_sha256.type)
    last_pins = (
        select(observations.c.pin_digest)
        .where(observations.c.version_id == versions.c.id)
        .order_by(observations.c.id.desc())
        .limit(1)
    )
    new_version = case((versions.c.id.is_(None), _next_id(versions, dialect)), else_=0)
    joined = (
        partitions.outerjoin(versions, is_known)
        .outerjoin(pin_sets, has_pins)
        .outerjoin(aliases, is_latest)
        .outerjoin(_latest, _latest.c.id == aliases.c.version_id)
        .outerjoin(runs, is_run)
        .outerjoin(held, true())
    )
    return select(
        partitions.c.id.label("partition_id"),
        partitions.c.next_index,
        partitions.c.latest_ticket,
        versions.c.id.label("known_id"),
        pin_sets.c.id.is_not(None).label("has_pins"),
        last_pins.scalar_subquery().label("last_pins"),
        _latest.c.id.label("latest_id"),
        _latest.c.number.label("latest_number"),
        runs.c.id.label("run_id"),
        and_(held.c.sha256.is_not(None), held.c.condemned_at.is_(None)).label("has_blob"),
        new_version.label("version_id"),
        _next_id(observations, dialect).label("observation_id"),
        (null() if dialect == "sqlite" else func.clock_timestamp()).label("now"),
    ).select_from(joined)


@functools.cache
def _looking_at(dialect: str) -> Select[Any]:
    return _looking(dialect).where(partitions.c.id == bindparam("partition"))


def seen() -> CTE:
    """The look as the first part of a statement of PostgreSQL that goes on; nothing is locked but the blob.

    It has no row where there is no such partition yet, or its collection has another type.
    """
    looked = _looking("postgresql").where(partitions.c.id == scopes.NAMED.scalar_subquery())
    return looked.cte("seen")


def _next_id(table: Table, dialect: str) -> ColumnElement[int]:
    """The id that a row will get; in SQLite nobody else writes until the transaction ends."""
    if dialect != "sqlite":
        return func.nextval(func.pg_get_serial_sequence(table.name, "id"))
    last: ColumnElement[int] = select(func.max(table.c.id)).scalar_subquery()
    return func.coalesce(last, 0) + 1


def recorded(request: LogRequest) -> dict[str, Any]:
    """Return the columns of a new version that its request says by itself."""
    summary = request.summary
    return {
        "digest": summary.digest,
        "pin_digest": summary.pin_digest,
        "count": summary.count,
        "size": summary.size,
        "unverified": summary.unverified,
        "unpinned": summary.unpinned,
        "blob": request.blob,
        "sources": sources_json(request.sources),
        "skipped": skipped_json(request.skipped),
        "description": request.description,
        "metadata": request.metadata,
    }
