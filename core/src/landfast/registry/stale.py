"""Stale rows: looks that found nothing new, and the runs that did nothing but look.

What stays is what anybody could ask of lineage: versions, pins, moves of aliases, every run that used something or
logged content that was new, and of each partition and version the last look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, or_, select

from landfast.model.garbage import PrunedRows
from landfast.model.lineage import Direction
from landfast.model.run import RunStatus
from landfast.registry.database.engine import Transaction
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.rows import chunks
from landfast.registry.schema.tables import (
    changes,
    consumer_positions,
    edges,
    observations,
    run_events,
    runs,
    versions,
)
from landfast.registry.values import Stream

_BATCH = 500  # looks or runs of one transaction: writers of a SQLite file wait so long
_newer = observations.alias("newer")
_earlier = observations.alias("earlier")


class StaleRows:
    """Finds and removes stale rows, some in each transaction: killed in between, the next call goes on.

    Args:
        database: Of the registry.
    """

    def __init__(self, database: LazyDatabase) -> None:
        self._database = database

    def remove(self, before: datetime, *, dry_run: bool) -> Iterator[PrunedRows]:
        """Yield how many rows were, or would be, removed, transaction by transaction.

        Args:
            before: Only what is older; UTC.
            dry_run: Only count.
        """
        for kind in (_LOOKS, _RUNS):
            yield from self._each(kind, before, dry_run=dry_run)

    def _each(self, kind: _Kind, before: datetime, *, dry_run: bool) -> Iterator[PrunedRows]:
        after = 0
        while ids := self._database.read(lambda tx: kind.find(tx, before, after)):  # noqa: B023 - run at once
            after = ids[-1]
            if dry_run:
                yield self._database.read(lambda tx: kind.count(tx, ids))
            else:
                yield self._database.write(lambda tx: kind.remove(tx, before, ids))


@dataclass(frozen=True, slots=True)
class _Kind:
    """How rows of a kind are found, above an id; counted; and removed."""

    find: Callable[[Transaction, datetime, int], list[int]]
    count: Callable[[Transaction, Sequence[int]], PrunedRows]
    remove: Callable[[Transaction, datetime, Sequence[int]], PrunedRows]


def _stale_looks(tx: Transaction, before: datetime, after: int) -> list[int]:
    statement = select(observations.c.id).where(observations.c.id > after, _is_stale(before))
    ordered = statement.order_by(observations.c.id).limit(_BATCH)
    return list(tx.connection.execute(ordered).scalars())


def _is_stale(before: datetime) -> ColumnElement[bool]:
    """The look found what `latest` named, at the pins seen before, brought no metadata, and others came later."""
    return and_(
        observations.c.at < before,
        ~observations.c.created,
        ~observations.c.moved_latest,
        observations.c.metadata == {},
        _has_newer(_newer.c.partition_id == observations.c.partition_id),
        _has_newer(_newer.c.version_id == observations.c.version_id),
        # Else it told that the version was repinned.
        _pins_before() == observations.c.pin_digest,
    )


def _has_newer(same: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(same, _newer.c.id > observations.c.id)


def _pins_before() -> ColumnElement[Any]:
    same = _earlier.c.version_id == observations.c.version_id
    newest_first = select(_earlier.c.pin_digest).where(same, _earlier.c.id < observations.c.id)
    return newest_first.order_by(_earlier.c.id.desc()).limit(1).scalar_subquery()


def _count_looks(tx: Transaction, ids: Sequence[int]) -> PrunedRows:  # noqa: ARG001
    return PrunedRows(looks=len(ids))


def _remove_looks(tx: Transaction, before: datetime, ids: Sequence[int]) -> PrunedRows:  # noqa: ARG001
    # What was stale stays so: later looks only add to the reasons.
    return PrunedRows(looks=_remove(tx, observations, observations.c.id, ids))


def _idle_runs(tx: Transaction, before: datetime, after: int) -> list[int]:
    statement = select(runs.c.id).where(runs.c.id > after, _is_idle(tx, before))
    return list(tx.connection.execute(statement.order_by(runs.c.id).limit(_BATCH)).scalars())


def _is_idle(tx: Transaction, before: datetime) -> ColumnElement[bool]:
    """The run has ended, used nothing, and all that it logged was there already; no look of it stays."""
    of_run = edges.c.run_id == runs.c.id
    return and_(
        runs.c.status != RunStatus.RUNNING.value,
        runs.c.finished_at < before,
        exists().where(of_run, edges.c.direction == Direction.LOGGED.value),
        ~exists().where(of_run, edges.c.direction != Direction.LOGGED.value),
        ~exists().where(versions.c.run_id == runs.c.id),
        ~exists().where(changes.c.run_id == runs.c.id),
        ~exists().where(observations.c.run_id == runs.c.id, ~_is_stale(before)),
        *_is_told(tx),
    )


def _is_told(tx: Transaction) -> Iterator[ColumnElement[bool]]:
    """Every consumer of run events has been told of all that the run did."""
    slowest = select(func.min(consumer_positions.c.position)).where(
        consumer_positions.c.stream == Stream.RUNS.value
    )
    told = tx.connection.execute(slowest).scalar()
    if told is None:
        return
    for table in (edges, run_events):
        is_ahead = or_(table.c.position.is_(None), table.c.position > told)
        yield ~exists().where(table.c.run_id == runs.c.id, is_ahead)


def _count_runs(tx: Transaction, ids: Sequence[int]) -> PrunedRows:
    of_runs = select(func.count()).select_from(edges).where(edges.c.run_id.in_(ids))
    return PrunedRows(runs=len(ids), edges=tx.connection.execute(of_runs).scalar_one())


def _remove_runs(tx: Transaction, before: datetime, ids: Sequence[int]) -> PrunedRows:
    # Locked, then looked at again: one may have been begun anew.
    held = select(runs.c.id).where(runs.c.id.in_(ids)).with_for_update(skip_locked=True)
    locked = list(tx.connection.execute(held).scalars())
    still = select(runs.c.id).where(runs.c.id.in_(locked), _is_idle(tx, before))
    idle = list(tx.connection.execute(still).scalars())
    looks = _remove(tx, observations, observations.c.run_id, idle)
    removed = _remove(tx, edges, edges.c.run_id, idle)
    _remove(tx, run_events, run_events.c.run_id, idle)
    return PrunedRows(looks=looks, edges=removed, runs=_remove(tx, runs, runs.c.id, idle))


def _remove(tx: Transaction, table: Table, key: ColumnElement[int], ids: Sequence[int]) -> int:
    return sum(
        tx.connection.execute(delete(table).where(key.in_(part))).rowcount for part in chunks(ids)
    )


_LOOKS = _Kind(_stale_looks, _count_looks, _remove_looks)
_RUNS = _Kind(_idle_runs, _count_runs, _remove_runs)
