"""Leases and positions of consumers: one holder at a time, and a position that only the holder moves."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update

from landfast.errors import Conflict, InvalidInput
from landfast.registry import counters
from landfast.registry.consumers import run_events
from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import changes, consumer_positions, consumers
from landfast.registry.values import ConsumerRecord, Stream

_MAX_NAME_BYTES = 1024


def take(tx: Transaction, name: str, holder: str, lease: timedelta) -> None:
    """Become the one who follows in a consumer's name, made now if it is a new one; else `Conflict`."""
    if not 0 < len(name.encode()) <= _MAX_NAME_BYTES:
        raise InvalidInput(
            "a consumer needs a name", subject=name[:40], expected=f"1 to {_MAX_NAME_BYTES} bytes"
        )
    now = tx.now()
    new = tx.insert(consumers).values(name=name, created_at=now)
    tx.connection.execute(new.on_conflict_do_nothing().inline())
    if not _hold(tx, name, holder, now + lease, or_(_IS_FREE, consumers.c.held_until <= now)):
        row = tx.connection.execute(select(consumers).where(consumers.c.name == name)).one()
        raise Conflict(
            f"somebody else follows as {name}",
            subject=name,
            found=f"{row.holder}, until {row.held_until:%F %T} UTC unless it goes on",
            hint="Stop it, or follow under another name of the consumer.",
            until=row.held_until,
        )


_IS_FREE = consumers.c.holder.is_(None)


def _hold(
    tx: Transaction, name: str, holder: str, until: datetime, others: ColumnElement[bool]
) -> bool:
    may = or_(consumers.c.holder == holder, others)
    held = update(consumers).where(consumers.c.name == name, may)
    done = tx.connection.execute(held.values(holder=holder, held_until=until))
    return done.rowcount == 1


def renew(tx: Transaction, name: str, holder: str, lease: timedelta) -> None:
    """Hold on for another lease; `Conflict` if somebody else has taken over."""
    if not _hold(tx, name, holder, tx.now() + lease, _IS_FREE):
        raise Conflict(
            f"somebody else follows as {name} by now",
            subject=name,
            hint="The process that took over sends again what this one did not remember as sent.",
        )


def release(tx: Transaction, name: str, holder: str) -> None:
    """Let others follow at once."""
    own = update(consumers).where(consumers.c.name == name, consumers.c.holder == holder)
    tx.connection.execute(own.values(holder=None, held_until=None))


def positions(tx: Transaction, name: str) -> dict[Stream, int]:
    """Return how far a consumer has come in each stream that it follows."""
    rows = tx.connection.execute(
        select(consumer_positions.c.stream, consumer_positions.c.position).where(
            consumer_positions.c.consumer == name
        )
    )
    return {Stream(stream): position for stream, position in rows}


def remember(
    tx: Transaction, name: str, holder: str, lease: timedelta, told: Mapping[Stream, int]
) -> None:
    """Set positions, and hold on; `Conflict` if somebody else has taken over."""
    renew(tx, name, holder, lease)
    now = tx.now()
    rows = [
        {"consumer": name, "stream": stream.value, "position": position, "moved_at": now}
        for stream, position in told.items()
    ]
    put = tx.insert(consumer_positions).inline()
    key = [consumer_positions.c.consumer, consumer_positions.c.stream]
    new = {"position": put.excluded.position, "moved_at": put.excluded.moved_at}
    tx.connection.execute(put.on_conflict_do_update(index_elements=key, set_=new), rows)


def reach(tx: Transaction, name: str, told: Mapping[Stream, int]) -> None:
    """Set positions of a consumer that nobody holds, never backwards; `Conflict` if somebody does."""
    holder, known = secrets.token_hex(8), positions(tx, name)
    ahead = {stream: at for stream, at in told.items() if at > known.get(stream, -1)}
    if ahead:
        take(tx, name, holder, timedelta())
        remember(tx, name, holder, timedelta(), ahead)
        release(tx, name, holder)


def heads(tx: Transaction) -> dict[Stream, int]:
    """Return the newest position of each stream."""
    return {Stream.CHANGES: counters.head(tx), Stream.RUNS: counters.run_event_head(tx)}


def positions_at(tx: Transaction, moment: datetime) -> dict[Stream, int]:
    """Return the positions after which each stream has all that happened at a moment or later."""
    first = select(func.min(changes.c.position)).where(changes.c.at >= moment)
    found = tx.connection.execute(first).scalar()
    return {
        Stream.CHANGES: counters.head(tx) if found is None else found - 1,
        Stream.RUNS: run_events.position_at(tx, moment),
    }


def records(tx: Transaction) -> list[ConsumerRecord]:
    """Return every consumer with its position in each stream that it follows, by name."""
    now = tx.now()
    rows = tx.connection.execute(
        select(*consumer_positions.c, consumers.c.holder, consumers.c.held_until)
        .select_from(consumer_positions.join(consumers))
        .order_by(consumer_positions.c.consumer, consumer_positions.c.stream)
    ).all()
    newest = heads(tx)
    if any(row.stream == Stream.RUNS.value for row in rows):
        newest[Stream.RUNS] += run_events.count_waiting(tx)
    return [
        ConsumerRecord(
            name=row.consumer,
            stream=Stream(row.stream),
            position=row.position,
            behind=max(0, newest[Stream(row.stream)] - row.position),
            moved_at=row.moved_at,
            holder=row.holder if row.held_until is not None and row.held_until > now else None,
        )
        for row in rows
    ]
