"""Counters: start tickets, the order in which scans began, and the heads of the feed and of the run events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from landfast.registry.database.engine import Transaction
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.database.single import Single
from landfast.registry.schema.tables import counters

_IS_TICKET = counters.c.name == "ticket"
_IS_CHANGE = counters.c.name == "change"
_IS_RUN_EVENT = counters.c.name == "run_event"


def draw_ticket(tx: Transaction) -> int:
    """Return the next ticket."""
    return int(tx.connection.execute(_drawn()).scalar_one())


def next_ticket(database: LazyDatabase) -> int:
    """Return the next ticket, drawn in a transaction of its own."""
    if database.url.is_sqlite:
        return database.write(draw_ticket, create=True)
    row = database.send(_DRAWN, {})
    assert row is not None
    return int(row["value"])


def _drawn() -> ReturningUpdate[Any]:
    drawn = update(counters).where(_IS_TICKET).values(value=counters.c.value + 1)
    return drawn.returning(counters.c.value)


_DRAWN = Single(_drawn)


def head(tx: Transaction) -> int:
    """Return the newest position of the feed."""
    return int(tx.connection.execute(select(counters.c.value).where(_IS_CHANGE)).scalar_one())


def run_event_head(tx: Transaction, *, lock: bool = False) -> int:
    """Return the newest position of the stream of run events; with `lock` nobody else gives any until the end."""
    statement = select(counters.c.value).where(_IS_RUN_EVENT)
    if lock:
        statement = statement.with_for_update()
    return int(tx.connection.execute(statement).scalar_one())


def keep_run_event_head(tx: Transaction, position: int) -> None:
    """Say which position of the stream of run events is the newest one now."""
    moved = update(counters).where(_IS_RUN_EVENT).values(value=position, at=tx.now())
    tx.connection.execute(moved)


def lock_feed(tx: Transaction) -> tuple[int, datetime]:
    """Keep others from writing changes until the transaction ends; return the newest position and the time there."""
    statement = select(counters.c.value, counters.c.at).where(_IS_CHANGE).with_for_update()
    position, at = tx.connection.execute(statement).one()
    return int(position), max(tx.now(), at)


def advanced(by: int, now: datetime | None = None) -> ReturningUpdate[Any]:
    """Take the next positions of the feed; it answers the last of them, and the time there.

    `now` is the time of a SQLite file; a server has its own.  Along the feed neither ever runs backwards.
    """
    kind = counters.c.at.type
    if now is None:
        later = func.greatest(counters.c.at, func.clock_timestamp(), type_=kind)
    else:
        later = func.max(counters.c.at, now, type_=kind)
    taken = update(counters).where(_IS_CHANGE).values(value=counters.c.value + by, at=later)
    return taken.returning(counters.c.value, counters.c.at)
