"""Object versions that are held: each is acted on by one worker at a time, and needed by any number of versions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, or_, select, update

from landfast.model.storage.holds import HeldObject, HoldKind, HoldState, ObjectVersion
from landfast.registry.database.engine import Transaction
from landfast.registry.holds.request import Claim, Parting, Worker
from landfast.registry.rows import chunks
from landfast.registry.schema.tables import held_objects, hold_members

_OURS = frozenset({HoldState.INTENDED, HoldState.HELD, HoldState.RELEASING})
_IS_NEEDED = exists().where(hold_members.c.object_id == held_objects.c.id)


def claim(
    tx: Transaction, version_id: int, wanted: Sequence[ObjectVersion], worker: Worker
) -> Claim:
    """Say that a version needs object versions, and that the worker acts on those that are not held by us yet.

    A row is there before anything is asked of a store, so that what a killed worker did is found.
    """
    by_sha256 = {one.sha256: one for one in wanted}
    mine: list[HeldObject] = []
    busy: set[str] = set()
    held = 0
    # In one order in every batch, so that two of them do not wait for each other.
    for part in chunks(sorted(by_sha256)):
        now = tx.now()
        _add(tx, version_id, [by_sha256[sha256] for sha256 in part], now)
        rows = _locked(tx, held_objects.c.sha256.in_(part))
        free = [row for row in rows if not _is_busy(row, worker, now)]
        busy |= {row.sha256 for row in rows} - {row.sha256 for row in free}
        _join(tx, version_id, [row.id for row in free])
        open_ = [row for row in free if row.state != HoldState.HELD]
        held += len(free) - len(open_)
        _take(tx, [row.id for row in open_], worker, now)
        mine += map(_object, open_)
    return Claim(mine=tuple(mine), held=held, busy=frozenset(busy))


def settle(tx: Transaction, worker: Worker, states: Mapping[int, HoldState]) -> None:
    """Set states of what the worker acts on; what others took over meanwhile stays as it is.

    What is held needs no worker any more.
    """
    for state in sorted(set(states.values())):
        values: dict[str, Any] = {"state": state, "at": tx.now()}
        if state in {HoldState.HELD, HoldState.FOREIGN}:
            values |= {"worker": None, "worker_until": None}
        for part in chunks(sorted(row for row, one in states.items() if one is state)):
            mine = _mine(worker, part)
            tx.connection.execute(update(held_objects).where(mine).values(**values))


def drop(tx: Transaction, worker: Worker, version_id: int, ids: Iterable[int]) -> None:
    """Say that a version cannot have object versions held after all; they are forgotten if no other needs them."""
    for part in chunks(sorted(ids)):
        members = and_(hold_members.c.version_id == version_id, hold_members.c.object_id.in_(part))
        tx.connection.execute(delete(hold_members).where(members))
        mine = _mine(worker, part)
        tx.connection.execute(delete(held_objects).where(mine, ~_IS_NEEDED))


def part_with(tx: Transaction, version_id: int, worker: Worker, size: int) -> Parting:
    """Say that a version needs some of its object versions no longer; what nobody needs the worker is to release."""
    ids = select(hold_members.c.object_id).where(hold_members.c.version_id == version_id)
    some = list(tx.connection.execute(ids.order_by(hold_members.c.object_id).limit(size)).scalars())
    now = tx.now()
    rows = _locked(tx, held_objects.c.id.in_(some))
    free = [row for row in rows if not _is_busy(row, worker, now)]
    members = [row.id for row in free]
    tx.connection.execute(
        delete(hold_members).where(
            hold_members.c.version_id == version_id, hold_members.c.object_id.in_(members)
        )
    )
    needed = _needed(tx, members)
    alone = [row for row in free if row.id not in needed]
    ours = [row for row in alone if row.state in _OURS]
    gone = [row.id for row in alone if row.state not in _OURS]
    tx.connection.execute(delete(held_objects).where(held_objects.c.id.in_(gone)))
    _take(tx, [row.id for row in ours], worker, now, state=HoldState.RELEASING)
    kept = [row for row in free if row.id in needed]
    return Parting(
        mine=tuple(map(_object, ours)),
        kept=sum(row.state != HoldState.FOREIGN for row in kept),
        foreign=sum(row.state == HoldState.FOREIGN for row in free),
        busy=len(rows) - len(free),
        seen=len(rows),
    )


def left_over(tx: Transaction, worker: Worker, size: int) -> list[HeldObject]:
    """Take over what another worker was about to release and did not come to tell."""
    now = tx.now()
    is_over = or_(held_objects.c.worker.is_(None), held_objects.c.worker_until <= now)
    ours = held_objects.c.state == HoldState.RELEASING
    statement = select(held_objects.c.id).where(ours, is_over).order_by(held_objects.c.id)
    ids = list(tx.connection.execute(statement.limit(size)).scalars())
    rows = _locked(tx, held_objects.c.id.in_(ids))
    free = [
        row for row in rows if row.state == HoldState.RELEASING and not _is_busy(row, worker, now)
    ]
    _take(tx, [row.id for row in free], worker, now)
    return [_object(row) for row in free]


def forget(tx: Transaction, worker: Worker, ids: Iterable[int]) -> None:
    """Forget object versions that the worker has released."""
    for part in chunks(sorted(ids)):
        mine = and_(_mine(worker, part), held_objects.c.state == HoldState.RELEASING)
        tx.connection.execute(delete(held_objects).where(mine))


def disown(tx: Transaction) -> None:
    """Let all that is held be somebody else's: this registry is a copy, and what it was copied from goes on."""
    tx.connection.execute(delete(held_objects).where(~_IS_NEEDED))
    ours = update(held_objects).where(held_objects.c.state.in_(_OURS))
    tx.connection.execute(ours.values(state=HoldState.FOREIGN, worker=None, worker_until=None))


def let_go(tx: Transaction, worker: Worker) -> None:
    """Let others act at once on what the worker did not come to."""
    own = update(held_objects).where(held_objects.c.worker == worker.name)
    tx.connection.execute(own.values(worker=None, worker_until=None))


def held_among(tx: Transaction, sha256s: Iterable[str]) -> set[str]:
    """Return which of some object versions are held by us."""
    found: set[str] = set()
    for part in chunks(sha256s):
        held = and_(held_objects.c.sha256.in_(part), held_objects.c.state == HoldState.HELD)
        found |= set(tx.connection.execute(select(held_objects.c.sha256).where(held)).scalars())
    return found


def page(tx: Transaction, version_id: int, *, after: int, size: int) -> list[HeldObject]:
    """Return the object versions that a version needs, by id."""
    statement = (
        select(held_objects)
        .join(hold_members, hold_members.c.object_id == held_objects.c.id)
        .where(hold_members.c.version_id == version_id, held_objects.c.id > after)
        .order_by(held_objects.c.id)
        .limit(size)
    )
    return [_object(row) for row in tx.connection.execute(statement)]


def count_below(tx: Transaction, version_id: int, root: str) -> int:
    """Count the object versions that a version needs below an address."""
    folder = root.rstrip("/")
    statement = (
        select(func.count())
        .select_from(hold_members)
        .join(held_objects, hold_members.c.object_id == held_objects.c.id)
        .where(
            hold_members.c.version_id == version_id,
            # "0" is the character after "/".
            held_objects.c.uri >= f"{folder}/",
            held_objects.c.uri < f"{folder}0",
        )
    )
    return int(tx.connection.execute(statement).scalar_one())


def held_page(tx: Transaction, *, after: int, size: int) -> list[HeldObject]:
    """Return object versions that are held by us, by id."""
    return _page(tx, held_objects.c.state == HoldState.HELD, after, size)


def left_page(tx: Transaction, *, after: int, size: int) -> list[HeldObject]:
    """Return ours that no version needs and nobody acts on, by id."""
    is_idle = or_(held_objects.c.worker.is_(None), held_objects.c.worker_until <= tx.now())
    left = and_(held_objects.c.state.in_(_OURS), ~_IS_NEEDED, is_idle)
    return _page(tx, left, after, size)


def _page(tx: Transaction, which: ColumnElement[bool], after: int, size: int) -> list[HeldObject]:
    statement = select(held_objects).where(which, held_objects.c.id > after)
    rows = tx.connection.execute(statement.order_by(held_objects.c.id).limit(size))
    return [_object(row) for row in rows]


def _add(tx: Transaction, version_id: int, wanted: Sequence[ObjectVersion], now: datetime) -> None:
    rows = [
        {
            "sha256": one.sha256,
            "endpoint": one.endpoint,
            "uri": one.uri,
            "object_version": one.version_id,
            "kind": one.kind,
            "state": HoldState.ASKED,
            "version_id": version_id,
            "at": now,
        }
        for one in wanted
    ]
    put = tx.insert(held_objects).inline().on_conflict_do_nothing()
    tx.connection.execute(put, rows)


def _join(tx: Transaction, version_id: int, ids: Sequence[int]) -> None:
    rows = [{"version_id": version_id, "object_id": one} for one in ids]
    if rows:
        tx.connection.execute(tx.insert(hold_members).inline().on_conflict_do_nothing(), rows)


def _take(
    tx: Transaction,
    ids: Collection[int],
    worker: Worker,
    now: datetime,
    *,
    state: HoldState | None = None,
) -> None:
    values: dict[str, Any] = {"worker": worker.name, "worker_until": now + worker.lease}
    if state is not None:
        values["state"] = state
    for part in chunks(sorted(ids)):
        mine = held_objects.c.id.in_(part)
        tx.connection.execute(update(held_objects).where(mine).values(**values))


def _locked(tx: Transaction, which: ColumnElement[bool]) -> Sequence[Row[Any]]:
    statement = select(held_objects).where(which).order_by(held_objects.c.sha256)
    return tx.connection.execute(statement.with_for_update()).all()


def _needed(tx: Transaction, ids: Sequence[int]) -> set[int]:
    statement = select(hold_members.c.object_id).where(hold_members.c.object_id.in_(ids))
    return set(tx.connection.execute(statement.distinct()).scalars())


def _is_busy(row: Row[Any], worker: Worker, now: datetime) -> bool:
    return row.worker not in {None, worker.name} and row.worker_until > now


def _mine(worker: Worker, ids: Sequence[int]) -> ColumnElement[bool]:
    return and_(held_objects.c.id.in_(ids), held_objects.c.worker == worker.name)


def _object(row: Row[Any]) -> HeldObject:
    return HeldObject(
        id=row.id,
        object=ObjectVersion(
            endpoint=row.endpoint,
            uri=row.uri,
            version_id=row.object_version,
            kind=HoldKind(row.kind),
        ),
        state=HoldState(row.state),
        version=row.version_id,
    )
