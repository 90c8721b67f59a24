"""Aliases move on a partition; `latest` is one of them, moved by logging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from landfast.model.version import ChangeKind
from landfast.registry import counters
from landfast.registry.database.engine import Transaction
from landfast.registry.holds.records import end_named
from landfast.registry.schema.tables import alias_removals, aliases, partitions, versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An alias that names another version than before; it becomes a change at the end of the transaction."""

    kind: ChangeKind
    alias: str
    previous_id: int | None
    previous_number: int | None


def named(tx: Transaction, partition: int, alias: str) -> tuple[int, int] | None:
    """Return id and number of the version that the alias names."""
    statement = (
        select(versions.c.id, versions.c.number)
        .join(aliases, aliases.c.version_id == versions.c.id)
        .where(aliases.c.partition_id == partition, aliases.c.name == alias)
    )
    row = tx.connection.execute(statement).one_or_none()
    return None if row is None else (row[0], row[1])


def move(
    tx: Transaction, partition: int, alias: str, version_id: int, kind: ChangeKind
) -> Move | None:
    """Let the alias name the version; None if it does already. The partition must be locked."""
    found = planned(named(tx, partition, alias), alias, version_id, kind)
    if found is not None:
        now = tx.now()
        end_holds(tx, partition, [found], now)
        apply(tx, partition, found, version_id, now)
    return found


def planned(
    before: tuple[int, int] | None, alias: str, version_id: int, kind: ChangeKind
) -> Move | None:
    """Return the move of an alias from the version, by id and number, that it names; None if it names this one."""
    previous = before or (None, None)
    if previous[0] == version_id:
        return None
    return Move(kind=kind, alias=alias, previous_id=previous[0], previous_number=previous[1])


def end_holds(tx: Transaction, partition: int, moves: Sequence[Move], now: datetime) -> int:
    """End the holds that versions have in the name of aliases that are about to move; return how many."""
    names = [move.alias for move in moves if move.previous_id is not None]
    return end_named(tx, partition, names, now) if names else 0


def apply(tx: Transaction, partition: int, move: Move, version_id: int, now: datetime) -> None:
    """Move an alias to the version, after `end_holds`. The partition must be locked."""
    values = {"version_id": version_id, "moved_at": now}
    if move.previous_id is None:
        tx.put(aliases, {"partition_id": partition, "name": move.alias, **values})
        return
    mine = (aliases.c.partition_id == partition, aliases.c.name == move.alias)
    tx.connection.execute(update(aliases).where(*mine).values(**values))


def keep_ticket(tx: Transaction, partition: int, ticket: int) -> None:
    """Remember which scan moved `latest` last."""
    tx.connection.execute(
        update(partitions).where(partitions.c.id == partition).values(latest_ticket=ticket)
    )


def remove(tx: Transaction, partition: int, names: Sequence[str]) -> None:
    """Take aliases away, and remember when. The partition must be locked; nothing may follow but the feed."""
    if not names:
        return
    end_named(tx, partition, names, tx.now())
    tx.connection.execute(
        delete(aliases).where(aliases.c.partition_id == partition, aliases.c.name.in_(names))
    )
    position, at = counters.lock_feed(tx)
    rows = [
        {"partition_id": partition, "name": name, "position": position, "at": at} for name in names
    ]
    tx.connection.execute(alias_removals.insert(), rows)
