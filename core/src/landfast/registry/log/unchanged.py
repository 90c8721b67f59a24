"""Observe many partitions at once: what was found everywhere as it is recorded costs one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from landfast.model.names import LATEST, ArtifactName
from landfast.model.version import VersionRecord
from landfast.registry import blobs, observations, runs, scopes, versions
from landfast.registry.database.engine import Transaction
from landfast.registry.observations import Look
from landfast.registry.rows import chunks
from landfast.registry.schema.tables import aliases, edges, partitions, pin_sets
from landfast.registry.schema.tables import versions as version_rows
from landfast.registry.values import LogOutcome, LogRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen(Look):
    """A request that changes nothing: its version, with the same content at the same pins, is `latest`."""

    pin_set: int
    blob: str


def log_unchanged(tx: Transaction, requests: Sequence[LogRequest]) -> list[LogOutcome | None]:
    """Record the observations of what is as it was; see `Registry.log_unchanged`."""
    latest = _latest(tx, requests)
    known = _pin_sets(tx, (record.id for _, record in latest.values()))
    keys = dict.fromkeys(request.run for request in requests if request.run is not None)
    run_ids = {key: runs.require(tx, key) for key in keys}
    seen: dict[int, _Seen] = {}
    for place, request in enumerate(requests):
        # Of a partition that is there twice the second is nobody's any more.
        partition, record = latest.pop(request.name, (0, None))
        if record is None or not _is_as_it_was(request, record):
            continue
        pin_set = known.get((record.id, request.summary.pin_digest))
        if pin_set is not None:
            seen[place] = _Seen(
                request=request,
                version=record,
                partition=partition,
                pin_set=pin_set[0],
                blob=pin_set[1],
                run_id=None if request.run is None else run_ids[request.run],
            )
    outcomes = dict(zip(seen, _record(tx, list(seen.values())), strict=True))
    return [outcomes.get(place) for place in range(len(requests))]


def _is_as_it_was(request: LogRequest, record: VersionRecord) -> bool:
    return (
        record.type == request.type
        and record.summary.digest == request.summary.digest
        and set(request.aliases) <= set(record.aliases)
        and set(request.tags) <= set(record.tags)
    )


def _latest(
    tx: Transaction, requests: Iterable[LogRequest]
) -> dict[ArtifactName, tuple[int, VersionRecord]]:
    """Lock the partitions that there are; return the id and the live `latest` of each."""
    wanted: dict[tuple[str, ...], dict[str, ArtifactName]] = {}
    for name in dict.fromkeys(request.name for request in requests):
        scopes.check_filled(name)
        collection = (name.entity or "", name.project or "", name.collection)
        wanted.setdefault(collection, {})[name.partition] = name
    places: dict[int, ArtifactName] = {}
    # In one order in every batch, so that two of them do not wait for each other.
    for _, names in sorted(wanted.items()):
        collection_id = scopes.find(tx, next(iter(names.values()))).collection
        for part in chunks(sorted(names)):
            statement = (
                select(partitions.c.id, partitions.c.key)
                .where(partitions.c.collection_id == collection_id, partitions.c.key.in_(part))
                .order_by(partitions.c.id)
                .with_for_update(key_share=True)
            )
            places |= {row.id: names[row.key] for row in tx.connection.execute(statement)}
    records = _named_latest(tx, places)
    return {places[place]: (place, record) for place, record in records.items()}


def _named_latest(tx: Transaction, ids: Iterable[int]) -> dict[int, VersionRecord]:
    found: dict[int, VersionRecord] = {}
    for part in chunks(ids):
        named = select(aliases.c.partition_id, aliases.c.version_id).where(
            aliases.c.partition_id.in_(part), aliases.c.name == LATEST
        )
        places = {version: place for place, version in tx.connection.execute(named)}
        query = versions.query().where(
            version_rows.c.id.in_(list(places)), version_rows.c.deleted_at.is_(None)
        )
        found |= {places[record.id]: record for record in versions.load(tx, query)}
    return found


def _pin_sets(
    tx: Transaction, version_ids: Iterable[int]
) -> dict[tuple[int, str], tuple[int, str]]:
    known: dict[tuple[int, str], tuple[int, str]] = {}
    for part in chunks(version_ids):
        statement = select(
            pin_sets.c.version_id, pin_sets.c.pin_digest, pin_sets.c.id, pin_sets.c.blob
        ).where(pin_sets.c.version_id.in_(part))
        known |= {(row[0], row[1]): (row[2], row[3]) for row in tx.connection.execute(statement)}
    return known


def _record(tx: Transaction, seen: Sequence[_Seen]) -> list[LogOutcome]:
    if not seen:
        return []
    now = tx.now()
    for part in chunks(each.pin_set for each in seen):
        again = update(pin_sets).where(pin_sets.c.id.in_(part)).values(seen_at=now)
        tx.connection.execute(again)
    linked: list[dict[str, Any]] = [
        {
            "run_id": each.run_id,
            "direction": each.request.direction.value,
            "version_id": each.version.id,
            "at": now,
        }
        for each in seen
        if each.run_id is not None and each.request.direction is not None
    ]
    if linked:
        tx.connection.execute(tx.insert(edges).on_conflict_do_nothing(), linked)
    found = observations.add(tx, seen, now)
    bases = blobs.bases_of(tx, {blob for each in seen for blob in (each.version.blob, each.blob)})
    return [
        LogOutcome(
            version=each.version,
            created=False,
            changed=False,
            change=None,
            observation=observation,
            bases={blob: bases[blob] for blob in (each.version.blob, each.blob) if blob in bases},
        )
        for each, observation in zip(seen, found, strict=True)
    ]
