"""The change feed: positions without gaps, visible in commit order."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, bindparam, or_, select, union_all
from sqlalchemy.sql.dml import ReturningInsert

from landfast.model.run import RunKey
from landfast.model.version import Change, ChangeKind, VerdictChange, VersionRecord
from landfast.registry import counters, scopes
from landfast.registry.aliases import Move
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import (
    KEY_COLUMNS,
    NAME_COLUMNS,
    NAMED_VERSIONS,
    key_of,
    name_of,
    recordable,
)
from landfast.registry.schema.tables import (
    alias_removals,
    changes,
    collections,
    entities,
    partitions,
    runs,
    verdict_changes,
    versions,
)
from landfast.registry.values import ChangeFilter

NEAR = 1_000
"""Positions in which the changes of a collection are looked for first."""

_previous = versions.alias("previous_versions")

IS_MOVE = verdict_changes.c.position.is_(None)
"""That a row of a `query()` tells of an alias that moved."""

_VERDICT = {
    name: verdict_changes.c[name].label(f"told_{name}")
    for name in ("verdict", "previous", "summary", "counts", "aliases")
}


def append(
    tx: Transaction,
    partition: int,
    version: VersionRecord,
    moves: Sequence[Move],
    *,
    run_id: int | None = None,
    run: RunKey | None = None,
) -> list[Change]:
    """Write one change per move to `version`.

    It has to be the last thing that a transaction does: from here to the commit everybody waits who has
    a change to write, and therefore nobody sees a position before all below it are there.
    """
    if not moves:
        return []
    rows = [
        {
            "kind": move.kind.value,
            "alias": move.alias,
            "partition_id": partition,
            "version_id": version.id,
            "previous_id": move.previous_id,
            "run_id": run_id,
        }
        for move in moves
    ]
    first, at = _append(tx, rows)
    # Put together here rather than read back: the fewer questions now, the shorter all wait.
    return [
        _written(tx, position, move, version, run, at) for position, move in enumerate(moves, first)
    ]


def append_verdict(
    tx: Transaction,
    partition: int,
    version: VersionRecord,
    alias: str,
    told: VerdictChange,
    run_id: int | None,
) -> Change:
    """Write that a version stands otherwise than before; what is said of `append` holds here too."""
    move = {
        "kind": ChangeKind.ALIAS.value,
        "alias": alias,
        "partition_id": partition,
        "version_id": version.id,
        "previous_id": version.id,
        "run_id": run_id,
    }
    position, _ = _append(tx, [move])
    facts = told.to_dict()
    tx.put(
        verdict_changes,
        {
            "position": position,
            "version_id": version.id,
            "verdict": told.verdict,
            "previous": told.previous,
            "summary": told.summary,
            "counts": facts["counts"],
            "aliases": f",{','.join(told.aliases)},",
        },
    )
    return load(tx, query().where(changes.c.position == position))[0]


def last_verdict(tx: Transaction, version_id: int) -> str | None:
    """Return how a version stood by the feed; None if that never told of it."""
    statement = select(verdict_changes.c.verdict).where(verdict_changes.c.version_id == version_id)
    last = statement.order_by(verdict_changes.c.position.desc()).limit(1)
    found: str | None = tx.connection.execute(last).scalar_one_or_none()
    return found


def _append(tx: Transaction, rows: Sequence[dict[str, Any]]) -> tuple[int, datetime]:
    """Write rows at the next positions; return the first of these and the time there."""
    if tx.connection.dialect.name == "sqlite":
        last, at = tx.connection.execute(counters.advanced(len(rows), tx.now())).one()
        first = last - len(rows) + 1
        tx.put(changes, *({"position": n, "at": at, **row} for n, row in enumerate(rows, first)))
    else:
        given = {f"{key}_{n}": value for n, row in enumerate(rows) for key, value in row.items()}
        written = tx.connection.execute(_appending(len(rows)), given).all()
        last, at = max(tuple(row) for row in written)
        first = last - len(rows) + 1
    return first, at


@functools.cache
def _appending(count: int) -> ReturningInsert[Any]:
    """Take positions and write rows in one statement of PostgreSQL: nobody waits for a message between the two."""
    head = counters.advanced(count).cte("head")
    given = [column for column in changes.c if column.name not in {"position", "at"}]
    rows = [
        select(
            (head.c.value - (count - 1 - n)).label("position"),
            head.c.at,
            *(bindparam(f"{column.name}_{n}", type_=column.type) for column in given),
        )
        for n in range(count)
    ]
    names = ["position", "at", *(column.name for column in given)]
    written = changes.insert().from_select(names, union_all(*rows)).add_cte(head)
    return written.returning(changes.c.position, changes.c.at)


def _written(
    tx: Transaction,
    position: int,
    move: Move,
    version: VersionRecord,
    run: RunKey | None,
    at: datetime,
) -> Change:
    previous = move.previous_number
    return Change(
        position=position,
        id=f"{tx.registry_uid}:{position}",
        kind=move.kind,
        alias=move.alias,
        version=version.name,
        type=version.type,
        digest=version.summary.digest,
        previous=None if previous is None else version.name.at(previous),
        run=None if run is None else recordable(run),
        at=at,
    )


def query() -> Select[Any]:
    """Select changes in ascending order; `load` reads it."""
    joined = (
        NAMED_VERSIONS.join(changes, changes.c.version_id == versions.c.id)
        .outerjoin(_previous, changes.c.previous_id == _previous.c.id)
        .outerjoin(runs, changes.c.run_id == runs.c.id)
        .outerjoin(verdict_changes, verdict_changes.c.position == changes.c.position)
    )
    return (
        select(
            *changes.c,
            *_VERDICT.values(),
            versions.c.number,
            versions.c.digest,
            collections.c.type.label("collection_type"),
            _previous.c.number.label("previous_number"),
            *NAME_COLUMNS,
            *KEY_COLUMNS,
        )
        .select_from(joined)
        .order_by(changes.c.position)
    )


def load(tx: Transaction, statement: Select[Any]) -> list[Change]:
    """Run a `query()`."""
    rows = tx.connection.execute(statement).mappings()
    return [_record(row, tx.registry_uid) for row in rows]


def page(
    tx: Transaction,
    of: ChangeFilter,
    *,
    after: int,
    size: int,
) -> list[Change]:
    """Return the next changes above a position."""
    statement = query().where(changes.c.position > after, *passing(tx, of))
    return window(
        tx, statement, of, size, near=changes.c.position <= after + NEAR, far=after + NEAR
    )


def window(
    tx: Transaction,
    statement: Select[Any],
    of: ChangeFilter,
    size: int,
    *,
    near: ColumnElement[bool],
    far: int,
) -> list[Change]:
    """Return the first changes of a `query()`.

    Those of a whole collection are looked for `near`, as who follows the feed does, where a page that is not full
    is the last one if the feed ends before `far`.  Else the partitions are asked, so that a collection in which
    nothing happened for long does not read what happened in all others.
    """
    if of.name is None or not of.partitions:
        return load(tx, statement.limit(size))
    found = load(tx, statement.where(near).limit(size))
    if len(found) == size or not 0 < far < counters.head(tx):
        return found
    scope = scopes.find(tx, of.name)
    own = select(partitions.c.id).where(partitions.c.collection_id == scope.collection)
    return load(tx, statement.where(changes.c.partition_id.in_(own)).limit(size))


def passing(tx: Transaction, of: ChangeFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter on a `query()`."""
    wanted: list[ColumnElement[bool]] = []
    if of.name is not None:
        scope = scopes.find(tx, of.name)
        if of.partitions:
            wanted.append(collections.c.id == scope.collection)
        else:
            wanted.append(changes.c.partition_id == scope.partition)
        if of.name.alias is not None:
            wanted.append(_of_alias(of.name.alias, of))
    if of.entity is not None:
        wanted.append(entities.c.name == of.entity)
    if of.kind is ChangeKind.VERDICT:
        wanted.append(~IS_MOVE)
    elif of.kind is not None:
        wanted += [IS_MOVE, changes.c.kind == of.kind.value]
    elif not of.verdicts:
        wanted.append(IS_MOVE)
    return wanted


def _of_alias(alias: str, of: ChangeFilter) -> ColumnElement[bool]:
    is_its = changes.c.alias == alias
    if of.kind is not ChangeKind.VERDICT and not of.verdicts:
        return is_its  # by an index
    named = verdict_changes.c.aliases.contains(f",{alias},", autoescape=True)
    return or_(and_(IS_MOVE, is_its), named)


def newest(
    tx: Transaction, partition: int, alias: str, *where: ColumnElement[bool]
) -> Change | None:
    """Return the last change of an alias that meets the conditions."""
    statement = (
        query()
        .where(changes.c.partition_id == partition, changes.c.alias == alias, IS_MOVE, *where)
        .order_by(None)
        .order_by(changes.c.position.desc())
        .limit(1)
    )
    found = load(tx, statement)
    return found[0] if found else None


def version_as_of(tx: Transaction, partition: int, alias: str, moment: datetime) -> int | None:
    """Return the id of the version that the alias named at `moment`.

    A version is current from its `created_at` on, though its change is stamped later, under the feed's lock.
    """
    created = and_(changes.c.kind == ChangeKind.CREATED.value, versions.c.created_at <= moment)
    last = tx.connection.execute(
        select(changes.c.position, changes.c.version_id)
        .join(versions, changes.c.version_id == versions.c.id)
        .where(
            changes.c.partition_id == partition,
            changes.c.alias == alias,
            or_(changes.c.at <= moment, created),
        )
        .order_by(changes.c.position.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        return None
    removed = select(alias_removals.c.id).where(
        alias_removals.c.partition_id == partition,
        alias_removals.c.name == alias,
        alias_removals.c.position >= last.position,
        alias_removals.c.at <= moment,
    )
    if tx.connection.execute(removed.limit(1)).one_or_none() is not None:
        return None
    return int(last.version_id)


def _record(row: RowMapping, uid: str) -> Change:
    name = name_of(row, row["number"])
    told = _told(row)
    previous = row["previous_number"] if told is None else None
    return Change(
        position=row["position"],
        id=f"{uid}:{row['position']}",
        kind=ChangeKind(row["kind"]) if told is None else ChangeKind.VERDICT,
        alias=row["alias"],
        version=name,
        type=row["collection_type"],
        digest=row["digest"],
        previous=None if previous is None else name.at(previous),
        run=key_of(row),
        at=row["at"],
        verdict=told,
    )


def _told(row: RowMapping) -> VerdictChange | None:
    if row["told_verdict"] is None:
        return None
    return VerdictChange(
        verdict=row["told_verdict"],
        previous=row["told_previous"],
        summary=row["told_summary"],
        counts=row["told_counts"],
        aliases=tuple(row["told_aliases"].strip(",").split(",")),
    )
