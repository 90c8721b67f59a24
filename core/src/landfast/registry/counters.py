"""Counters: start tickets, the order in which scans began, and the head of the change feed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import counters

_IS_TICKET = counters.c.name == "ticket"
_IS_CHANGE = counters.c.name == "change"


def draw_ticket(tx: Transaction) -> int:
    """Return the next ticket."""
    drawn = update(counters).where(_IS_TICKET).values(value=counters.c.value + 1)
    return int(tx.connection.execute(drawn.returning(counters.c.value)).scalar_one())


def head(tx: Transaction) -> int:
    """Return the newest position of the feed."""
    return int(tx.connection.execute(select(counters.c.value).where(_IS_CHANGE)).scalar_one())


def lock_feed(tx: Transaction) -> tuple[int, datetime]:
    """Keep others from writing changes until the transaction ends; return the newest position and the time there."""
    statement = select(counters.c.value, counters.c.at).where(_IS_CHANGE).with_for_update()
    position, at = tx.connection.execute(statement).one()
    return int(position), max(tx.now(), at)


def advance_feed(tx: Transaction, by: int) -> tuple[int, datetime]:
    """Take the next positions of the feed; return the last of them and the time there."""
    # Registry time never runs backwards along the feed, whatever the clock does.
    if tx.connection.dialect.name == "sqlite":
        later: ColumnElement[Any] = func.max(counters.c.at, tx.now(), type_=counters.c.at.type)
    else:
        later = func.greatest(counters.c.at, func.clock_timestamp(), type_=counters.c.at.type)
    taken = update(counters).where(_IS_CHANGE).values(value=counters.c.value + by, at=later)
    position, at = tx.connection.execute(taken.returning(counters.c.value, counters.c.at)).one()
    return int(position), at
