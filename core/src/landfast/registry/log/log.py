"""Log content: a new version, or an observation of an equal live one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
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
    sources,
    versions,
)
from landfast.registry.database.engine import Transaction
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.log import first_sight, places, unmoved
from landfast.registry.log.places import Place
from landfast.registry.rows import sources_json
from landfast.registry.schema.tables import partitions
from landfast.registry.schema.tables import versions as version_rows
from landfast.registry.values import BlobNeeded, LogOutcome, LogRequest


def log(database: LazyDatabase, request: LogRequest) -> LogOutcome:
    """Record content; see `Registry.log`."""
    check_name(request.type, "type")
    done = None
    if not database.url.is_sqlite:
        done = first_sight.log_new(database, request) or unmoved.log_again(database, request)
    return done or database.write(lambda tx: _log_locked(tx, request), create=True)


def _log_locked(tx: Transaction, request: LogRequest) -> LogOutcome:
    """Record content behind the lock of its partition.

    The order of locks is partition, blob, feed, in every verb.  Everything is asked first and written in one go, for
    others wait meanwhile.
    """
    place = places.enter(tx, request)
    known = place.known
    has_new_pins = known is None or not known.has_pins
    if has_new_pins and not (place.has_blob and blobs.hold(tx, request.bases)):
        raise BlobNeeded.by(request)
    record = places.created(request, place) if known is None else versions.by_id(tx, known.id)
    moves = _moves(tx, request, place, record.id)
    record = replace(
        record,
        aliases=tuple(sorted({*record.aliases, *(move.alias for move in moves)})),
        tags=tuple(sorted({*record.tags, *request.tags})),
    )
    uris = (
        sources.unrecorded(tx, known.id if known else None, request.sources)
        if has_new_pins
        else set()
    )
    look = observations.Look(
        request=request,
        version=record,
        partition=place.partition,
        run_id=place.run_id,
        created=known is None,
        moved_latest=any(move.alias == LATEST for move in moves),
    )
    ended = aliases.end_holds(tx, place.partition, moves, place.now)
    with tx.together():
        if known is None:
            _insert(tx, request, place)
        if has_new_pins:
            _add_pins(tx, request, record.id, place.now)
            sources.add(tx, record.id, uris)
        else:
            pins.see_again(tx, record.id, request.summary.pin_digest, place.now)
        versions.add_tags(tx, record.id, request.tags)
        if place.run_id is not None and request.direction is not None:
            edges.add(tx, place.run_id, request.direction, record.id, place.now)
        for move in moves:
            aliases.apply(tx, place.partition, move, record.id, place.now)
        if look.moved_latest:
            aliases.keep_ticket(tx, place.partition, request.ticket)
        observations.add_one(tx, look, place.observation_id, place.now)
    fed = changes.append(tx, place.partition, record, moves, run_id=place.run_id, run=request.run)
    return LogOutcome(
        version=record,
        created=look.created,
        changed=look.moved_latest,
        change=fed[0] if look.moved_latest else None,
        observation=look.told(place.observation_id, known.last_pins if known else None, place.now),
        ended=ended,
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


def add_copy(tx: Transaction, version_id: int, request: LogRequest) -> None:
    """Name a manifest of copies as a pin set of a version; see `Registry.add_copy`."""
    blob, digest = _usable_blob(tx, request), request.summary.pin_digest
    known = {pin_set.pin_digest for pin_set in pins.of_version(tx, version_id)}
    if digest in known:
        pins.replace_blob(tx, version_id, digest, blob, request.sources)
        return
    now = tx.now()
    pins.add(tx, version_id, pin_digest=digest, blob=blob, sources=request.sources, now=now)
    sources.add(tx, version_id, sources.unrecorded(tx, version_id, request.sources))


def _insert(tx: Transaction, request: LogRequest, place: Place) -> None:
    tx.connection.execute(
        update(partitions)
        .where(partitions.c.id == place.partition)
        .values(next_index=place.next_index + 1)
    )
    tx.put(
        version_rows,
        {
            "id": place.version_id,
            "partition_id": place.partition,
            "number": place.next_index,
            **places.recorded(request),
            "ttl_seconds": request.ttl_seconds,
            "expires_at": versions.expiry(place.now, request.ttl_seconds),
            "run_id": place.run_id,
            "created_at": place.now,
        },
    )


def _add_pins(tx: Transaction, request: LogRequest, version_id: int, now: datetime) -> None:
    assert request.blob is not None
    blobs.stand_on(tx, request.blob, request.bases)
    pins.add(
        tx,
        version_id,
        pin_digest=request.summary.pin_digest,
        blob=request.blob,
        sources=request.sources,
        now=now,
    )


def _usable_blob(tx: Transaction, request: LogRequest) -> str:
    if request.blob is None or not blobs.hold(tx, {request.blob, *request.bases}):
        raise BlobNeeded.by(request)
    blobs.stand_on(tx, request.blob, request.bases)
    return request.blob


def _moves(
    tx: Transaction, request: LogRequest, place: Place, version_id: int
) -> list[aliases.Move]:
    moves = []
    is_newer = request.move_latest and request.ticket >= place.latest_ticket
    if place.latest is None or is_newer:
        kind = ChangeKind.CREATED if place.known is None else ChangeKind.RETURNED
        moves.append(aliases.planned(place.latest, LATEST, version_id, kind))
    for alias in dict.fromkeys(request.aliases):
        if alias != LATEST:
            before = aliases.named(tx, place.partition, check_alias(alias))
            moves.append(aliases.planned(before, alias, version_id, ChangeKind.ALIAS))
    return [move for move in moves if move is not None]
