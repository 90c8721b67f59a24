"""Log content: a new version, or an observation of an equal live one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update

from landfast.model.names import LATEST, check_alias, check_name
from landfast.model.version import ChangeKind, VersionRecord
from landfast.registry import (
    aliases,
    blobs,
    changes,
    edges,
    observations,
    pins,
    runs,
    scopes,
    sources,
    tags,
    versions,
)
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import skipped_json, sources_json
from landfast.registry.schema.tables import partitions
from landfast.registry.schema.tables import versions as version_rows
from landfast.registry.values import BlobNeeded, LogOutcome, LogRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The locked partition, and who logs."""

    partition: int
    next_index: int
    latest_ticket: int
    run_id: int | None
    now: datetime


def log(tx: Transaction, request: LogRequest) -> LogOutcome:
    """Record content; see `Registry.log`.

    The order of locks is partition, blob, feed, in every verb.
    """
    check_name(request.type, "type")
    place = _enter(tx, request)
    known = versions.live_with_digest(tx, place.partition, request.summary.digest)
    version_id = _insert(tx, request, place) if known is None else known
    if known is not None:
        _observe_pins(tx, request, known, place.now)
    tags.add(tx, version_id, request.tags)
    if place.run_id is not None and request.direction is not None:
        edges.add(tx, place.run_id, request.direction, version_id, place.now)
    moves = _moves(tx, request, place, version_id, created=known is None)
    changed = any(move.alias == LATEST for move in moves)
    record = versions.by_id(tx, version_id)
    look = observations.Look(
        request=request,
        version=record,
        partition=place.partition,
        run_id=place.run_id,
        created=known is None,
        moved_latest=changed,
    )
    (observation,) = observations.add(tx, [look], place.now)
    fed = changes.append(tx, place.partition, record, moves, run_id=place.run_id, run=request.run)
    return LogOutcome(
        version=record,
        created=known is None,
        changed=changed,
        change=fed[0] if changed else None,
        observation=observation,
    )


def mend(
    tx: Transaction, version_id: int, lost: Collection[str], request: LogRequest
) -> VersionRecord:
    """Name another manifest in place of lost ones; see `Registry.mend_manifest`."""
    blob, summary = _usable_blob(tx, request), request.summary
    pins.forget(tx, version_id, lost, but=summary.pin_digest)
    pins.replace_blob(tx, version_id, summary.pin_digest, blob, request.sources)
    tx.connection.execute(
        update(version_rows)
        .where(version_rows.c.id == version_id, version_rows.c.blob.in_(lost))
        .values(
            blob=blob,
            pin_digest=summary.pin_digest,
            unpinned=summary.unpinned,
            sources=sources_json(request.sources),
        )
    )
    return versions.by_id(tx, version_id)


def _enter(tx: Transaction, request: LogRequest) -> _Place:
    partition = scopes.ensure_partition(tx, request.name, request.type)
    row = versions.lock_partition(tx, partition)
    return _Place(
        partition=partition,
        next_index=row["next_index"],
        latest_ticket=row["latest_ticket"],
        run_id=None if request.run is None else runs.require(tx, request.run),
        now=tx.now(),
    )


def _insert(tx: Transaction, request: LogRequest, place: _Place) -> int:
    blob = _usable_blob(tx, request)
    tx.connection.execute(
        update(partitions)
        .where(partitions.c.id == place.partition)
        .values(next_index=place.next_index + 1)
    )
    summary = request.summary
    version_id = tx.new_id(
        version_rows,
        partition_id=place.partition,
        number=place.next_index,
        digest=summary.digest,
        pin_digest=summary.pin_digest,
        count=summary.count,
        size=summary.size,
        unverified=summary.unverified,
        unpinned=summary.unpinned,
        blob=blob,
        sources=sources_json(request.sources),
        skipped=skipped_json(request.skipped),
        description=request.description,
        metadata=request.metadata,
        ttl_seconds=request.ttl_seconds,
        expires_at=versions.expiry(place.now, request.ttl_seconds),
        run_id=place.run_id,
        created_at=place.now,
    )
    _add_pins(tx, request, version_id, blob, place.now)
    return version_id


def _observe_pins(tx: Transaction, request: LogRequest, version_id: int, now: datetime) -> None:
    digest = request.summary.pin_digest
    if pins.seen_again(tx, version_id, digest, now):
        return
    _add_pins(tx, request, version_id, _usable_blob(tx, request), now)


def _add_pins(
    tx: Transaction, request: LogRequest, version_id: int, blob: str, now: datetime
) -> None:
    pins.add(
        tx,
        version_id,
        pin_digest=request.summary.pin_digest,
        blob=blob,
        sources=request.sources,
        now=now,
    )
    sources.add(tx, version_id, request.sources)


def _usable_blob(tx: Transaction, request: LogRequest) -> str:
    if request.blob is None:
        raise BlobNeeded(f"the manifest of {request.name} is not in the store yet")
    if not blobs.hold(tx, request.blob):
        raise BlobNeeded(f"the manifest blob {request.blob} of {request.name} was collected")
    return request.blob


def _moves(
    tx: Transaction, request: LogRequest, place: _Place, version_id: int, *, created: bool
) -> list[aliases.Move]:
    moves = []
    latest = aliases.named(tx, place.partition, LATEST)
    is_newer = request.move_latest and request.ticket >= place.latest_ticket
    if latest is None or (is_newer and latest[0] != version_id):
        kind = ChangeKind.CREATED if created else ChangeKind.RETURNED
        moves.append(aliases.move(tx, place.partition, LATEST, version_id, kind))
        aliases.keep_ticket(tx, place.partition, request.ticket)
    for alias in dict.fromkeys(request.aliases):
        if alias != LATEST:
            check_alias(alias)
            moves.append(aliases.move(tx, place.partition, alias, version_id, ChangeKind.ALIAS))
    return [move for move in moves if move is not None]
