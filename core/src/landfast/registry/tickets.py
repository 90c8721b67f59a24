"""Start tickets: the order in which scans began."""

from __future__ import annotations

from sqlalchemy import update

from landfast.registry.engine import Transaction
from landfast.registry.schema import counters


def draw(tx: Transaction) -> int:
    """Return the next ticket."""
    statement = (
        update(counters)
        .where(counters.c.name == "ticket")
        .values(value=counters.c.value + 1)
        .returning(counters.c.value)
    )
    return int(tx.connection.execute(statement).scalar_one())
