"""Pin sets: every manifest of a version, equal in content, different in pins."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import and_, delete, func, select, update

from landfast.errors import NotFound
from landfast.model.source import Source
from landfast.model.version import PinSet
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import sources_json, sources_of
from landfast.registry.schema.tables import pin_sets, versions


def add(
    tx: Transaction,
    version_id: int,
    *,
    pin_digest: str,
    blob: str,
    sources: Iterable[Source],
    now: datetime,
) -> None:
    """Record pins that were not seen before."""
    row = {
        "version_id": version_id,
        "pin_digest": pin_digest,
        "blob": blob,
        "sources": sources_json(sources),
        "seen_at": now,
    }
    tx.put(pin_sets, row)


def see_again(tx: Transaction, version_id: int, pin_digest: str, now: datetime) -> None:
    """Refresh when these pins were seen."""
    statement = (
        update(pin_sets)
        .where(pin_sets.c.version_id == version_id, pin_sets.c.pin_digest == pin_digest)
        .values(seen_at=now)
    )
    tx.connection.execute(statement)


def replace_blob(
    tx: Transaction, version_id: int, pin_digest: str, blob: str, sources: Iterable[Source]
) -> None:
    """Name another manifest with the same pins."""
    same = and_(pin_sets.c.version_id == version_id, pin_sets.c.pin_digest == pin_digest)
    values = {"blob": blob, "sources": sources_json(sources)}
    tx.connection.execute(update(pin_sets).where(same).values(values))


def forget(tx: Transaction, version_id: int, blobs: Iterable[str], *, but: str) -> None:
    """Forget pins whose manifests are lost, but for one digest of them."""
    lost = and_(
        pin_sets.c.version_id == version_id,
        pin_sets.c.blob.in_(list(blobs)),
        pin_sets.c.pin_digest != but,
    )
    tx.connection.execute(delete(pin_sets).where(lost))


def of_version(tx: Transaction, version_id: int) -> list[PinSet]:
    """Return the pin sets, newest seen first, copies last; `NotFound` if there is no such version."""
    statement = (
        select(pin_sets)
        .where(pin_sets.c.version_id == version_id)
        .order_by(pin_sets.c.seen_at.desc(), pin_sets.c.id.desc())
    )
    rows = tx.connection.execute(statement).all()
    if not rows:
        raise no_version(tx, version_id)
    found = [
        PinSet(
            blob=row.blob,
            pin_digest=row.pin_digest,
            sources=sources_of(row.sources),
            seen_at=row.seen_at,
        )
        for row in rows
    ]
    return sorted(found, key=lambda pins: pins.is_copy)


def no_version(tx: Transaction, version_id: int) -> NotFound:
    """Return the error for an id that no version has."""
    newest = tx.connection.execute(select(func.max(versions.c.id))).scalar_one()
    return NotFound(
        f"there is no version with id {version_id}",
        subject=str(version_id),
        found=f"ids up to {newest or 0}",
    )
