"""A registry that was moved, or is being moved, refuses every write: triggers, which clients of every age meet.

The fence is a table that says where to, and a trigger on every table of the registry.  Both are made and taken away in
one transaction, which waits for the writers that are under way; reading goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Boolean, Column, MetaData, Table, inspect, select, text

from landfast.errors import Conflict
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.database.faults import FENCE_STATE, fence_text
from landfast.registry.schema.columns import Bytewise, Moment
from landfast.registry.schema.lock import lock_schema
from landfast.registry.schema.tables import metadata, registry

# Beside the tables of the schema: it is there only where the registry is not.
moved = Table(
    "landfast_moved",
    MetaData(),
    Column("target", Bytewise, nullable=False),
    Column("at", Moment, nullable=False),
    Column("done", Boolean, nullable=False),
)

_VERBS = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Where a registry goes.

    Args:
        target: URL of the other place, without secrets.
        at: Since when nothing is written here, which also tells one copy from a later one.
        done: Whether it is there; else it is still being copied.
    """

    target: str
    at: datetime
    done: bool


def fence_of(tx: Transaction) -> Fence | None:
    """Return the fence of a registry; None if it may be written to."""
    if not inspect(tx.connection).has_table(moved.name):
        return None
    row = tx.connection.execute(select(moved)).one()
    return Fence(target=row.target, at=row.at, done=row.done)


def raise_fence(database: Database, target: str) -> Fence:
    """Refuse writes from now on, after those that are under way.

    A copy to the same place that was killed is taken over; one to another place is `Conflict`.
    """

    def close(tx: Transaction) -> Fence:
        lock_schema(tx)
        found = fence_of(tx)
        if found is not None and (found.done or found.target != target):
            raise other_place(str(database.url), found)
        fence = Fence(target=target, at=tx.now(), done=False)
        put_fence(tx, fence)
        return fence

    return database.write(close)


def finish_fence(database: Database, fence: Fence) -> None:
    """Say that the registry is at the other place now."""
    database.write(lambda tx: put_fence(tx, replace(fence, done=True)))


def lower_fence(database: Database, mine: Fence | None = None) -> None:
    """Let writers in again; where a fence is given, only if it still stands, and no other in its place."""

    def open_up(tx: Transaction) -> None:
        lock_schema(tx)
        if mine is None or fence_of(tx) == mine:
            drop_fence(tx)

    database.write(open_up)


def put_fence(tx: Transaction, fence: Fence) -> None:
    """Put up the fence, in the place of another one."""
    drop_fence(tx)
    moved.create(tx.connection)
    tx.connection.execute(moved.insert().values(target=fence.target, at=fence.at, done=fence.done))
    told = _quoted(fence_text(fence.target, done=fence.done))
    for statement in (_sqlite if _is_sqlite(tx) else _postgresql)(told):
        # Not through `text`: a URL may hold colons and percent signs.
        tx.connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def drop_fence(tx: Transaction) -> None:
    """Take the fence away, if there is one."""
    if fence_of(tx) is None:
        return
    if _is_sqlite(tx):
        for table, verb in _guarded():
            tx.connection.execute(text(f"DROP TRIGGER IF EXISTS {_trigger(table, verb)}"))
    else:
        tx.connection.execute(text(f"DROP FUNCTION {moved.name}() CASCADE"))
    moved.drop(tx.connection)


def other_place(url: str, fence: Fence) -> Conflict:
    """Build the error for a registry that goes, or went, elsewhere."""
    if fence.done:
        hint = f"Copy it from there: landfast registry copy {fence.target} TO"
    else:
        hint = (
            f"Run that copy again, with {fence.target}, which ends it; or call it off: "
            f"landfast registry adopt {url}"
        )
    return Conflict(
        f"the registry {url} {FENCE_STATE[fence.done]} {fence.target}",
        subject=url,
        hint=hint,
    )


def _sqlite(told: str) -> Iterator[str]:
    for table, verb in _guarded():
        yield (
            f"CREATE TRIGGER {_trigger(table, verb)} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, {told}); END"
        )


def _postgresql(told: str) -> Iterator[str]:
    yield (
        f"CREATE FUNCTION {moved.name}() RETURNS trigger LANGUAGE plpgsql AS $landfast$ "
        f"BEGIN RAISE EXCEPTION USING MESSAGE = {told}; END $landfast$"
    )
    for table in sorted({table for table, _ in _guarded()}):
        yield (
            f"CREATE TRIGGER {moved.name} BEFORE {' OR '.join(_VERBS)} ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {moved.name}()"
        )
    # Who may read the registry has to learn that it is elsewhere.
    yield f"GRANT SELECT ON {moved.name} TO PUBLIC"


def _guarded() -> Iterator[tuple[str, str]]:
    for table in metadata.sorted_tables:
        if table is not registry:
            for verb in _VERBS:
                yield table.name, verb


def _trigger(table: str, verb: str) -> str:
    return f"{moved.name}_{table}_{verb.lower()}"


def _is_sqlite(tx: Transaction) -> bool:
    return tx.connection.dialect.name == "sqlite"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
