"""The rows of a registry, written to another database: streamed, in the order of their keys, and read back.

Both sides are digested in the same order, so that a copy that is not equal is never committed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Table, Text, column, func, select, table, text
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.sql.expression import TableClause

from landfast.errors import Conflict, InvalidInput
from landfast.registry.copy.report import TableCopy
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.database.faults import translate
from landfast.registry.schema.columns import Json
from landfast.registry.schema.tables import metadata, registry
from landfast.system.progress import Report

Row = tuple[Any, ...]

_BATCH = 2_000


class Rule(Enum):
    """What becomes of a table's rows."""

    AS_THEY_ARE = "every row, with its keys"
    ANEW = "the one row that says who the registry is"


RULES: dict[str, Rule] = {
    "registry": Rule.ANEW,
    "counters": Rule.AS_THEY_ARE,
    "entities": Rule.AS_THEY_ARE,
    "projects": Rule.AS_THEY_ARE,
    "collections": Rule.AS_THEY_ARE,
    "partitions": Rule.AS_THEY_ARE,
    "runs": Rule.AS_THEY_ARE,
    "versions": Rule.AS_THEY_ARE,
    "aliases": Rule.AS_THEY_ARE,
    "alias_removals": Rule.AS_THEY_ARE,
    "tags": Rule.AS_THEY_ARE,
    "pin_sets": Rule.AS_THEY_ARE,
    "sources": Rule.AS_THEY_ARE,
    "observations": Rule.AS_THEY_ARE,
    "verifications": Rule.AS_THEY_ARE,
    "edges": Rule.AS_THEY_ARE,
    "run_events": Rule.AS_THEY_ARE,
    "changes": Rule.AS_THEY_ARE,
    "verdict_changes": Rule.AS_THEY_ARE,
    "announcements": Rule.AS_THEY_ARE,
    "consumers": Rule.AS_THEY_ARE,
    "consumer_positions": Rule.AS_THEY_ARE,
    "blobs": Rule.AS_THEY_ARE,
    "manifest_bases": Rule.AS_THEY_ARE,
    "holds": Rule.AS_THEY_ARE,
    "held_objects": Rule.AS_THEY_ARE,
    "hold_members": Rule.AS_THEY_ARE,
}
"""Of every table of the schema, so that none is forgotten when one is added."""

COPIED = frozenset(name for name, rule in RULES.items() if rule is Rule.AS_THEY_ARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIdentity:
    """Who the copy is: its id, and its store as the registry's row records it."""

    uid: str
    store_url: str


def count_rows(tx: Transaction) -> dict[str, int]:
    """Return how many rows each table has, in the order in which they refer to each other."""
    return {
        one.name: tx.connection.execute(select(func.count()).select_from(one)).scalar_one()
        for one in metadata.sorted_tables
    }


def copy_rows(
    source: Transaction,
    source_database: Database,
    target: Transaction,
    new: NewIdentity,
    report: Report,
) -> list[TableCopy]:
    """Fill the empty tables of `target`; read them back, and raise if anything differs.

    Raises:
        InvalidInput: If the other database cannot hold a value.
        Conflict: If what is read back is something else.
    """
    tally = _Tally(report, sum(count_rows(source).values()))
    copied = []
    for one in metadata.sorted_tables:
        if RULES[one.name] is Rule.ANEW:
            _put_identity(source, target, new)
            continue
        plain, written = _plain(one), _Digest()
        rows = _of(source_database, _stream(source, one, plain))
        _load(target, plain, tally.counted(rows, written))
        copied.append(_read_back(target, one, plain, written.of(one)))
        _go_on_counting(source, target, one)
    return copied


class _Tally:
    """Digests rows on their way, and says how far they are."""

    def __init__(self, report: Report, total: int) -> None:
        self._report = report
        self._total = total
        self._done = 0

    def counted(self, rows: Iterable[Row], written: _Digest) -> Iterator[Row]:
        for row in rows:
            written.add(row)
            self._done += 1
            if self._done % _BATCH == 0:
                self._report(self._done, self._total)
            yield row


def digest_rows(tx: Transaction) -> list[TableCopy]:
    """Return how many rows each table has that is copied as it is, and the sha256 over them."""
    return [_digest(tx, one, _plain(one)) for one in metadata.sorted_tables if one.name in COPIED]


def _digest(tx: Transaction, one: Table, plain: TableClause) -> TableCopy:
    found = _Digest()
    for row in _stream(tx, one, plain):
        found.add(row)
    return found.of(one)


def _put_identity(source: Transaction, target: Transaction, new: NewIdentity) -> None:
    row = dict(source.connection.execute(select(registry)).mappings().one())
    row |= {"uid": new.uid, "store_url": new.store_url}
    target.connection.execute(registry.insert().values(row))


def _plain(one: Table) -> TableClause:
    """Return the table with JSON as the text that it is: what was written once is not written in other words."""
    types = ((each.name, Text() if isinstance(each.type, Json) else each.type) for each in one.c)
    return table(one.name, *(column(name, kind) for name, kind in types))


def _stream(tx: Transaction, one: Table, plain: TableClause) -> Iterator[Row]:
    """Yield the rows in the order of the primary key, a batch in memory at a time."""
    keys = [plain.c[each.name] for each in one.primary_key]
    found = tx.connection.execute(
        select(plain).order_by(*keys),
        execution_options={"stream_results": True, "yield_per": _BATCH},
    )
    for batch in found.partitions():
        yield from map(tuple, batch)


def _of(database: Database, rows: Iterator[Row]) -> Iterator[Row]:
    """Let what the source raises not be taken for the target's."""
    try:
        yield from rows
    except SQLAlchemyError as error:
        failure = translate(error, database.url)
    else:
        return
    raise failure


def _load(tx: Transaction, plain: TableClause, rows: Iterator[Row]) -> None:
    names = [each.name for each in plain.c]
    try:
        if tx.connection.dialect.name == "postgresql":
            tx.load(plain.name, names, rows)
            return
        while batch := [
            dict(zip(names, row, strict=True)) for row in itertools.islice(rows, _BATCH)
        ]:
            tx.connection.execute(plain.insert(), batch)
    except DataError as error:
        found = str(error.orig).partition("\n")[0]
    else:
        return
    raise InvalidInput(f"a row of the table {plain.name} cannot be copied", found=found)


def _read_back(tx: Transaction, one: Table, plain: TableClause, written: TableCopy) -> TableCopy:
    found = _digest(tx, one, plain)
    if found != written:
        raise Conflict(
            f"the table {one.name} was not copied as it is; nothing was committed",
            subject=one.name,
            expected=f"{written.rows} rows with sha256 {written.sha256}",
            found=f"{found.rows} with {found.sha256}",
        )
    return found


class _Digest:
    """A sha256 over rows, the same whichever database they come from."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, row: Sequence[Any]) -> None:
        self.rows += 1
        self._hash.update(json.dumps(row, separators=(",", ":"), default=_text_of).encode() + b"\n")

    def of(self, one: Table) -> TableCopy:
        return TableCopy(table=one.name, rows=self.rows, sha256=self._hash.hexdigest())


def _text_of(value: datetime) -> str:
    return value.isoformat()


def _go_on_counting(source: Transaction, target: Transaction, one: Table) -> None:
    """Let the target number its rows from where the source would have gone on; SQLite does it by itself."""
    numbered = one.autoincrement_column
    if numbered is None or target.connection.dialect.name != "postgresql":
        return
    highest = target.connection.execute(select(func.max(numbered))).scalar_one() or 0
    following = max(highest + 1, _following(source, one.name, numbered.name))
    sequence = "setval(pg_get_serial_sequence(:table, :column), :following, false)"
    target.connection.execute(
        text(f"SELECT {sequence}"),
        {"table": one.name, "column": numbered.name, "following": following},
    )


def _following(source: Transaction, table_name: str, column_name: str) -> int:
    """Return the number of the next row of a PostgreSQL source, whose numbers are never used again."""
    if source.connection.dialect.name != "postgresql":
        return 1
    name = source.connection.execute(
        text("SELECT pg_get_serial_sequence(:table, :column)"),
        {"table": table_name, "column": column_name},
    ).scalar_one()
    found: Any = source.connection.execute(
        select(column("last_value"), column("is_called")).select_from(text(name))
    ).one()
    return int(found.last_value) + bool(found.is_called)
