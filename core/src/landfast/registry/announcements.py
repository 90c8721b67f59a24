"""Announcements: what each consumer was told last of each partition."""

from __future__ import annotations

from sqlalchemy import func, select

from landfast.errors import Conflict, InvalidInput
from landfast.model.names import LATEST, ArtifactName
from landfast.model.run import RunKey
from landfast.model.version import Change
from landfast.registry import changes, scopes
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import key_sha256
from landfast.registry.schema.tables import aliases, announcements, runs, versions
from landfast.registry.schema.tables import changes as change_rows

_MAX_CONSUMER_BYTES = 1024


def pending(
    tx: Transaction, name: ArtifactName, consumer: str, run: RunKey | None
) -> Change | None:
    """Return what the consumer still has to be told; see `Registry.pending_announcement`."""
    _check(consumer)
    partition = scopes.find(tx, name).partition
    latest = None if partition is None else _latest(tx, partition)
    if partition is None or latest is None:
        return None
    version_id, digest = latest
    told = _told(tx, consumer, partition)
    if run is not None:
        own = changes.newest(
            tx,
            partition,
            LATEST,
            runs.c.key_sha256 == key_sha256(run),
            change_rows.c.version_id == version_id,
            change_rows.c.position > told[0],
        )
        if own is not None:
            return own
    return None if told[1] == digest else changes.newest(tx, partition, LATEST)


def mark(tx: Transaction, consumer: str, change: Change) -> None:
    """Record that the consumer was told of a change of `latest`; never backwards."""
    _check(consumer)
    if change.id != f"{tx.registry_uid}:{change.position}":
        raise Conflict(
            f"change {change.id} is not of this registry",
            subject=change.id,
            expected=f"{tx.registry_uid}:{change.position}",
        )
    if change.alias != LATEST:
        raise InvalidInput(
            f"change {change.id} moved the alias {change.alias!r}",
            subject=change.id,
            expected="a change of latest: only those are announced",
        )
    partition = scopes.require_partition(tx, change.version)
    row = tx.insert(announcements).values(
        consumer=consumer, partition_id=partition, position=change.position, digest=change.digest
    )
    tx.connection.execute(
        row.on_conflict_do_update(
            index_elements=[announcements.c.consumer, announcements.c.partition_id],
            set_={"position": row.excluded.position, "digest": row.excluded.digest},
            where=announcements.c.position < row.excluded.position,
        )
    )


def position(tx: Transaction, consumer: str, name: ArtifactName | None = None) -> int:
    """Return the position of the newest change that the consumer was told of, 0 if of none."""
    _check(consumer)
    if name is not None:
        partition = scopes.find(tx, name).partition
        return 0 if partition is None else _told(tx, consumer, partition)[0]
    statement = select(func.max(announcements.c.position)).where(
        announcements.c.consumer == consumer
    )
    return tx.connection.execute(statement).scalar() or 0


def _latest(tx: Transaction, partition: int) -> tuple[int, str] | None:
    statement = (
        select(versions.c.id, versions.c.digest)
        .join(aliases, aliases.c.version_id == versions.c.id)
        .where(aliases.c.partition_id == partition, aliases.c.name == LATEST)
    )
    row = tx.connection.execute(statement).one_or_none()
    return None if row is None else (row[0], row[1])


def _told(tx: Transaction, consumer: str, partition: int) -> tuple[int, str | None]:
    statement = select(announcements.c.position, announcements.c.digest).where(
        announcements.c.consumer == consumer, announcements.c.partition_id == partition
    )
    row = tx.connection.execute(statement).one_or_none()
    return (0, None) if row is None else (row[0], row[1])


def _check(consumer: str) -> None:
    if not 0 < len(consumer.encode()) <= _MAX_CONSUMER_BYTES:
        raise InvalidInput(
            "a consumer needs a name",
            subject=consumer[:40],
            expected=f"1 to {_MAX_CONSUMER_BYTES} bytes",
            found=f"{len(consumer.encode())} bytes",
        )
