"""The stream of run events: what runs began, used, logged and ended, at positions that are given in order.

Writers give no position, so nobody waits for another to log or use something: who follows the stream gives them, to
all rows that are committed and have none, under a lock that is held until that is committed too.  A reader that saw
position N never later sees one below N that it had not seen, as in the change feed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Table,
    bindparam,
    case,
    func,
    literal,
    select,
    union_all,
    update,
)

from landfast.model.lineage import RunEvent, RunEventKind
from landfast.model.run import RunKey
from landfast.registry import counters
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import (
    KEY_COLUMNS,
    NAME_COLUMNS,
    NAMED_VERSIONS,
    key_of,
    key_sha256,
    name_of,
)
from landfast.registry.schema.tables import (
    edges,
    entities,
    projects,
    run_events,
    runs,
    versions,
)

BATCH = 1_000
"""The most rows that are given a position in one transaction: writers of a SQLite file wait so long."""

_FIRST, _BETWEEN, _LAST = 0, 1, 2
_run_projects = projects.alias("run_projects")
_run_entities = entities.alias("run_entities")
_RUN_PLACE = (
    _run_projects.c.name.label("run_project_name"),
    _run_entities.c.name.label("run_entity_name"),
)


def tell(tx: Transaction, key: RunKey, kind: RunEventKind, at: datetime | None = None) -> None:
    """Write that an attempt began or ended, with what the run is called now."""
    told = select(
        runs.c.id,
        literal(kind.value),
        runs.c.attempt,
        runs.c.name,
        runs.c.job_type,
        runs.c.link,
        literal(at or tx.now(), run_events.c.at.type),
    ).where(runs.c.key_sha256 == key_sha256(key))
    columns = ["run_id", "kind", "attempt", "name", "job_type", "link", "at"]
    tx.connection.execute(run_events.insert().inline().from_select(columns, told))


def is_waiting(tx: Transaction) -> bool:
    """Tell whether there are rows without a position."""
    for table in (edges, run_events):
        first = select(table.c.id).where(table.c.position.is_(None)).limit(1)
        if tx.connection.execute(first).first() is not None:
            return True
    return False


def count_waiting(tx: Transaction) -> int:
    """Return how many rows have no position yet."""
    counts = [
        select(func.count()).select_from(table).where(table.c.position.is_(None))
        for table in (edges, run_events)
    ]
    return sum(int(tx.connection.execute(count).scalar_one()) for count in counts)


def give_positions(tx: Transaction) -> bool:
    """Give positions to the oldest rows without one, at most `BATCH`; tell whether there may be more."""
    head = counters.run_event_head(tx, lock=True)
    # One statement sees one state: no end of a run without what was committed before it.
    rank = case((run_events.c.kind == RunEventKind.STARTED.value, _FIRST), else_=_LAST)
    oldest = union_all(_oldest(edges, literal(_BETWEEN)), _oldest(run_events, rank)).subquery()
    ordered = select(oldest).order_by(oldest.c.at, oldest.c.rank, oldest.c.id).limit(BATCH)
    rows = tx.connection.execute(ordered).all()
    for table in (edges, run_events):
        given = [
            {"row": row.id, "given": head + place}
            for place, row in enumerate(rows, 1)
            if (row.rank == _BETWEEN) is (table is edges)
        ]
        if given:
            statement = update(table).where(table.c.id == bindparam("row"))
            tx.connection.execute(statement.values(position=bindparam("given")), given)
    if rows:
        counters.keep_run_event_head(tx, head + len(rows))
    return len(rows) == BATCH


def _oldest(table: Table, rank: ColumnElement[int]) -> Select[Any]:
    wanted = select(table.c.id, table.c.at, rank.label("rank")).where(table.c.position.is_(None))
    # By position first, which none has: so the index is read in its order.
    part = wanted.order_by(table.c.position, table.c.at).limit(BATCH).subquery()
    return select(part)


def page(tx: Transaction, *, after: int, size: int) -> list[RunEvent]:
    """Return the next events above a position."""

    def reach(table: Table) -> ColumnElement[bool]:
        # There are gaps where runs were pruned.
        above = select(table.c.position).where(table.c.position > after)
        return table.c.position.in_(above.order_by(table.c.position).limit(size))

    return _load(tx, reach(edges), reach(run_events))[:size]


def of_run(
    tx: Transaction, key: RunKey, *, until: int | None, since: datetime | None
) -> list[RunEvent]:
    """Return the events of one run in their order: up to a position, or all that there are, those without one last."""

    def reach(table: Table) -> ColumnElement[bool]:
        wanted: ColumnElement[bool] = runs.c.key_sha256 == key_sha256(key)
        if until is not None:
            wanted &= table.c.position <= until
        return wanted if since is None else wanted & (table.c.at >= since)

    return _load(tx, reach(edges), reach(run_events))


def position_at(tx: Transaction, moment: datetime) -> int:
    """Return the position after which the stream has all that happened at a moment or later."""
    found = [
        tx.connection.execute(
            select(func.min(table.c.position)).where(table.c.at >= moment)
        ).scalar()
        for table in (edges, run_events)
    ]
    positions = [position for position in found if position is not None]
    return min(positions) - 1 if positions else counters.run_event_head(tx)


def _load(
    tx: Transaction, of_edges: ColumnElement[bool], of_events: ColumnElement[bool]
) -> list[RunEvent]:
    linked = NAMED_VERSIONS.join(edges, edges.c.version_id == versions.c.id).join(
        runs, edges.c.run_id == runs.c.id
    )
    placed = (_run_projects, runs.c.project_id == _run_projects.c.id)
    held = (_run_entities, _run_projects.c.entity_id == _run_entities.c.id)
    of_edge = (
        select(*edges.c, versions.c.number, *NAME_COLUMNS, *KEY_COLUMNS, *_RUN_PLACE)
        .select_from(linked.join(*placed).join(*held))
        .where(of_edges)
    )
    of_event = (
        select(*run_events.c, *KEY_COLUMNS, *_RUN_PLACE)
        .select_from(run_events.join(runs).join(*placed).join(*held))
        .where(of_events)
    )
    found = [_edge(row, tx.registry_uid) for row in tx.connection.execute(of_edge).mappings()]
    found += [_event(row, tx.registry_uid) for row in tx.connection.execute(of_event).mappings()]
    return sorted(found, key=_order)


def _order(event: RunEvent) -> tuple[bool, int, datetime, int]:
    kinds = {RunEventKind.STARTED: _FIRST, RunEventKind.FINISHED: _LAST, RunEventKind.FAILED: _LAST}
    return event.position == 0, event.position, event.at, kinds.get(event.kind, _BETWEEN)


def _edge(row: RowMapping, uid: str) -> RunEvent:
    return RunEvent(
        kind=RunEventKind(row["direction"]),
        version=name_of(row, row["number"]),
        version_id=row["version_id"],
        **_common(row, uid),
    )


def _event(row: RowMapping, uid: str) -> RunEvent:
    return RunEvent(
        kind=RunEventKind(row["kind"]),
        attempt=row["attempt"],
        name=row["name"],
        job_type=row["job_type"],
        link=row["link"],
        **_common(row, uid),
    )


def _common(row: RowMapping, uid: str) -> dict[str, Any]:
    position = row["position"] or 0
    return {
        "position": position,
        "id": f"{uid}:r{position}",
        "run": key_of(row),
        "entity": row["run_entity_name"],
        "project": row["run_project_name"],
        "at": row["at"],
    }
