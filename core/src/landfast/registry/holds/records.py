"""Who wants versions to be held: the rows that begin a hold and end it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, Update, and_, delete, exists, func, or_, select, update

from landfast.errors import Conflict, NotFound
from landfast.model.storage.holds import HoldKind, HoldRecord, HoldState, VersionHolds, holder_of
from landfast.registry.database.engine import Transaction
from landfast.registry.holds.request import HoldStart
from landfast.registry.rows import NAME_COLUMNS, NAMED_VERSIONS, chunks, name_of
from landfast.registry.schema.tables import aliases, held_objects, hold_members, holds, versions

_ROWS = holds.join(NAMED_VERSIONS, holds.c.version_id == versions.c.id)
_COLUMNS = (*holds.c, versions.c.number, *NAME_COLUMNS)
_HAS_MEMBERS = exists().where(hold_members.c.version_id == holds.c.version_id)


def begin(tx: Transaction, start: HoldStart) -> None:
    """Say that a version is to be held, before anything is asked of a store; again, it goes on.

    Raises:
        NotFound: If there is no such version.
        Conflict: If it is deleted.
    """
    # Locked, so that it is not deleted unseen: who deletes it marks the holds that are there.
    found = tx.connection.execute(
        select(versions.c.deleted_at)
        .where(versions.c.id == start.version_id)
        .with_for_update(read=True)
    ).one_or_none()
    if found is None:
        raise NotFound(f"there is no version with the id {start.version_id}")
    if found.deleted_at is not None:
        raise Conflict(
            "a deleted version cannot be held",
            subject=str(start.version_id),
            hint="Bring it back first: landfast undelete.",
        )
    row = {
        "version_id": start.version_id,
        "holder": start.holder,
        "kind": start.kind,
        "reason": start.reason,
        "at": tx.now(),
    }
    put = tx.insert(holds).inline()
    again = {
        "kind": put.excluded.kind,
        "reason": put.excluded.reason,
        "complete_at": None,
        "ended_at": None,
    }
    key = [holds.c.version_id, holds.c.holder]
    tx.connection.execute(put.on_conflict_do_update(index_elements=key, set_=again), row)


def complete(tx: Transaction, version_id: int, holder: str) -> bool:
    """Say that everything is held that can be; False if the hold was ended meanwhile."""
    mine = and_(
        holds.c.version_id == version_id, holds.c.holder == holder, holds.c.ended_at.is_(None)
    )
    done = tx.connection.execute(update(holds).where(mine).values(complete_at=tx.now()))
    return bool(done.rowcount)


def end(tx: Transaction, version_ids: Sequence[int], holder: str | None = None) -> int:
    """Say that versions need not be held any more, in one name or in any; return how many holds that ends."""
    ended = 0
    for part in chunks(version_ids):
        mine = and_(holds.c.version_id.in_(part), holds.c.ended_at.is_(None))
        if holder is not None:
            mine = and_(mine, holds.c.holder == holder)
        ended += tx.connection.execute(update(holds).where(mine).values(ended_at=tx.now())).rowcount
    return ended


def end_named(tx: Transaction, partition: int, names: Sequence[str], now: datetime) -> int:
    """Say that what is held as long as an alias names it need not be; return how many holds that ends.

    The alias is about to name something else.
    """
    named = select(aliases.c.version_id).where(
        aliases.c.partition_id == partition, aliases.c.name.in_(names)
    )
    return tx.connection.execute(ended_by_name(named, names).values(ended_at=now)).rowcount


def ended_by_name(named: Select[tuple[int]], names: Sequence[str]) -> Update:
    """Build what ends the holds that versions have in the name of aliases, but for when."""
    return update(holds).where(
        holds.c.version_id.in_(named),
        or_(*(holds.c.holder == holder_of(name) for name in names)),
        holds.c.ended_at.is_(None),
    )


def clear(tx: Transaction, version_id: int) -> None:
    """Forget the ended holds of a version that is held in another name, or has nothing to be released any more."""
    live = _live_of(holds.c.version_id)
    over = and_(holds.c.version_id == version_id, holds.c.ended_at.is_not(None))
    tx.connection.execute(delete(holds).where(over, live | ~_HAS_MEMBERS))


def ending_page(tx: Transaction, *, after: int, size: int) -> list[HoldRecord]:
    """Return holds that are to be released, by id of their version."""
    return _page(tx, holds.c.ended_at.is_not(None), after, size)


def unfinished_page(tx: Transaction, *, after: int, size: int) -> list[HoldRecord]:
    """Return holds that were begun and are not whole, by id of their version."""
    return _page(tx, and_(holds.c.ended_at.is_(None), holds.c.complete_at.is_(None)), after, size)


def page(tx: Transaction, *, after: int, size: int) -> list[HoldRecord]:
    """Return holds by id."""
    return _page(tx, holds.c.id > 0, after, size)


def is_live(tx: Transaction, version_id: int) -> bool:
    """Whether anybody still wants the version to be held."""
    return bool(tx.connection.execute(select(_live_of(version_id))).scalar())


def of_version(tx: Transaction, version_id: int) -> VersionHolds:
    """Return what is held of a version."""
    rows = select(*_COLUMNS).select_from(_ROWS).where(holds.c.version_id == version_id)
    found = tx.connection.execute(rows.order_by(holds.c.id)).mappings()
    counts = (
        select(held_objects.c.state, func.count())
        .join(hold_members, hold_members.c.object_id == held_objects.c.id)
        .where(hold_members.c.version_id == version_id)
        .group_by(held_objects.c.state)
    )
    return VersionHolds(
        records=tuple(map(_record, found)),
        objects={HoldState(state): count for state, count in tx.connection.execute(counts)},
    )


def of_versions(tx: Transaction, version_ids: Sequence[int]) -> dict[int, list[HoldRecord]]:
    """Return the holds of versions, by id of the version; what is not held is left out."""
    found: dict[int, list[HoldRecord]] = {}
    for part in chunks(version_ids):
        rows = select(*_COLUMNS).select_from(_ROWS).where(holds.c.version_id.in_(part))
        for row in tx.connection.execute(rows.order_by(holds.c.id)).mappings():
            found.setdefault(row["version_id"], []).append(_record(row))
    return found


def _page(tx: Transaction, which: Any, after: int, size: int) -> list[HoldRecord]:
    statement = select(*_COLUMNS).select_from(_ROWS).where(which, holds.c.id > after)
    rows = tx.connection.execute(statement.order_by(holds.c.id).limit(size)).mappings()
    return [_record(row) for row in rows]


def _live_of(version_id: Any) -> Any:
    other = holds.alias()
    return exists().where(other.c.version_id == version_id, other.c.ended_at.is_(None))


def _record(row: RowMapping) -> HoldRecord:
    return HoldRecord(
        id=row["id"],
        version=name_of(row, row["number"]),
        version_id=row["version_id"],
        holder=row["holder"],
        kind=None if row["kind"] is None else HoldKind(row["kind"]),
        reason=row["reason"],
        at=row["at"],
        complete=row["complete_at"] is not None,
        ending=row["ended_at"] is not None,
    )
