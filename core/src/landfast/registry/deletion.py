"""Delete versions softly, by name or because their time to live is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update

from landfast.errors import Conflict, NotFound
from landfast.model.names import LATEST, ArtifactName
from landfast.model.version import ChangeKind, VersionRecord
from landfast.registry import aliases, blobs, changes, scopes, versions
from landfast.registry.database.engine import Transaction
from landfast.registry.holds import records as holds
from landfast.registry.rows import chunks
from landfast.registry.schema.tables import aliases as alias_rows
from landfast.registry.schema.tables import partitions
from landfast.registry.schema.tables import versions as version_rows


def delete(tx: Transaction, name: ArtifactName, *, delete_aliases: bool) -> VersionRecord:
    """Delete one version; see `Registry.delete`."""
    partition = scopes.require_partition(tx, name)
    versions.lock_partition(tx, partition)
    record = versions.pick(tx, name)
    if record.aliases and not delete_aliases:
        raise _aliased(record)
    _mark(tx, [record.id])
    fallback = _newest_live(tx, partition) if LATEST in record.aliases else None
    moves = []
    if fallback is not None:
        moves.append(aliases.move(tx, partition, LATEST, fallback, ChangeKind.DELETED))
    gone = [alias for alias in record.aliases if alias != LATEST or fallback is None]
    aliases.remove(tx, partition, gone)
    result = versions.by_id(tx, record.id)
    if fallback is not None:
        current = versions.by_id(tx, fallback)
        changes.append(tx, partition, current, [move for move in moves if move])
    return result


def undelete(tx: Transaction, name: ArtifactName) -> VersionRecord:
    """Make a deleted version live again; see `Registry.undelete`."""
    partition = scopes.require_partition(tx, name)
    versions.lock_partition(tx, partition)
    record = versions.pick(tx, name, deleted=True)
    if record.deleted_at is None:
        return record
    same = versions.live_with_digest(tx, partition, record.summary.digest)
    if same is not None:
        raise _logged_again(record, versions.by_id(tx, same))
    bases = blobs.bases_of(tx, [record.blob]).get(record.blob, [])
    if not blobs.hold(tx, [record.blob, *bases]):
        raise _collected(record)
    mine, now = version_rows.c.id == record.id, tx.now()
    tx.connection.execute(update(version_rows).where(mine).values(deleted_at=None))
    # What is past its time to live would be deleted again by the next collection.
    over = update(version_rows).where(mine, version_rows.c.expires_at <= now)
    tx.connection.execute(over.values(ttl_seconds=None, expires_at=None))
    moves = []
    if aliases.named(tx, partition, LATEST) is None:
        moves.append(aliases.move(tx, partition, LATEST, record.id, ChangeKind.RETURNED))
    result = versions.by_id(tx, record.id)
    changes.append(tx, partition, result, [move for move in moves if move])
    return result


def expire(tx: Transaction, now: datetime | None, *, dry_run: bool) -> list[VersionRecord]:
    """Delete versions past their time to live that no alias names; see `Registry.expire`."""
    moment = now or tx.now()
    if not dry_run:
        touched = _expired(moment).with_only_columns(version_rows.c.partition_id)
        for part in chunks(sorted(set(tx.connection.execute(touched).scalars()))):
            # In one order, so that two that expire do not wait for each other.
            tx.connection.execute(
                select(partitions.c.id)
                .where(partitions.c.id.in_(part))
                .order_by(partitions.c.id)
                .with_for_update(key_share=True)
            ).all()
    ids = sorted(tx.connection.execute(_expired(moment)).scalars())
    if not dry_run:
        _mark(tx, ids)
    found: list[VersionRecord] = []
    for part in chunks(ids):
        query = versions.query().where(version_rows.c.id.in_(part)).order_by(version_rows.c.id)
        found += versions.load(tx, query)
    return found


def _expired(moment: datetime) -> Select[Any]:
    named = select(alias_rows.c.version_id).where(alias_rows.c.version_id == version_rows.c.id)
    # In no order: to have one, SQLite reads all versions in that of their ids.
    return select(version_rows.c.id).where(
        version_rows.c.expires_at <= moment, version_rows.c.deleted_at.is_(None), ~named.exists()
    )


def _mark(tx: Transaction, ids: list[int]) -> None:
    now = tx.now()
    for part in chunks(ids):
        tx.connection.execute(
            update(version_rows).where(version_rows.c.id.in_(part)).values(deleted_at=now)
        )
    holds.end(tx, ids)


def _newest_live(tx: Transaction, partition: int) -> int | None:
    statement = (
        select(version_rows.c.id)
        .where(version_rows.c.partition_id == partition, version_rows.c.deleted_at.is_(None))
        .order_by(version_rows.c.number.desc())
        .limit(1)
    )
    return tx.connection.execute(statement).scalar_one_or_none()


def _logged_again(record: VersionRecord, live: VersionRecord) -> Conflict:
    return Conflict(
        f"{record.name} cannot be undeleted: its content was logged again since",
        subject=str(record.name),
        found=str(live.name),
        hint=f"Use {live.name}; or delete it first.",
    )


def _collected(record: VersionRecord) -> NotFound:
    return NotFound(
        f"{record.name} cannot be undeleted: its manifest was garbage-collected",
        subject=str(record.name),
        hint="Log its content again.",
    )


def _aliased(record: VersionRecord) -> Conflict:
    return Conflict(
        f"{record.name} is in use",
        subject=str(record.name),
        expected="no alias that names it",
        found=", ".join(record.aliases),
        hint="Move the aliases, or pass delete_aliases=True.",
        aliases=record.aliases,
    )
