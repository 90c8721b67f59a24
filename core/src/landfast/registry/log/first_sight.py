"""Log content that nobody logged before, in PostgreSQL: look and write in one statement, which is the transaction.

The partition is locked from the middle of that statement to its end, as long as anybody has to who numbers rows without
a gap; no message to a client lies between.  Where there is more to do than this, nothing is written, and it is left to
`log`, which locks first and asks then.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)

from landfast.model.names import LATEST
from landfast.model.version import Change, ChangeKind
from landfast.registry import counters, observations, scopes, sources
from landfast.registry.database.engine import Transaction
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.database.single import Row, Single
from landfast.registry.holds.records import ended_by_name
from landfast.registry.log import places
from landfast.registry.log.places import Place
from landfast.registry.rows import recordable
from landfast.registry.schema.tables import (
    aliases,
    changes,
    edges,
    holds,
    partitions,
    pin_sets,
    versions,
)
from landfast.registry.schema.tables import (
    observations as observation_rows,
)
from landfast.registry.schema.tables import (
    sources as source_rows,
)
from landfast.registry.values import LogOutcome, LogRequest


def log_new(database: LazyDatabase, request: LogRequest) -> LogOutcome | None:
    """Record content as a new version; None, and nothing is done, where it is not as simple as that."""
    if request.blob is None or request.bases or request.tags or request.ttl_seconds:
        return None
    if set(request.aliases) - {LATEST}:
        return None
    row = database.send(_WRITING, _given(request))
    if row is None or row["number"] is None:
        return None
    outcome = _outcome(database, request, row)
    if not row["moved"] or row["previous_id"] == row["latest_id"]:
        return outcome
    # Written since the statement began, which therefore did not see it.
    return database.read(lambda tx: _with_previous(tx, outcome, row["previous_id"]))


def _outcome(database: LazyDatabase, request: LogRequest, row: Row) -> LogOutcome:
    now = row["now"]
    place = Place(
        partition=row["partition_id"],
        next_index=row["number"],
        latest_ticket=row["latest_ticket"],
        latest=(row["latest_id"], row["latest_number"]),
        known=None,
        run_id=row["run_id"],
        has_blob=True,
        version_id=row["version_id"],
        observation_id=row["observation_id"],
        now=now,
    )
    record = places.created(request, place, latest=row["moved"])
    look = observations.Look(
        request=request,
        version=record,
        partition=place.partition,
        run_id=place.run_id,
        created=True,
        moved_latest=row["moved"],
    )
    change = None
    if row["moved"]:
        position = row["position"]
        change = Change(
            position=position,
            id=f"{database.info.id}:{position}",
            kind=ChangeKind.CREATED,
            alias=LATEST,
            version=record.name,
            type=record.type,
            digest=record.summary.digest,
            previous=record.name.at(row["latest_number"]),
            run=None if request.run is None else recordable(request.run),
            at=row["at"],
        )
    return LogOutcome(
        version=record,
        created=True,
        changed=row["moved"],
        change=change,
        observation=look.told(place.observation_id, None, now),
        ended=row["ended"],
    )


def _with_previous(tx: Transaction, outcome: LogOutcome, previous_id: int) -> LogOutcome:
    """Name the version that `latest` named before."""
    statement = select(versions.c.number).where(versions.c.id == previous_id)
    number = int(tx.connection.execute(statement).scalar_one())
    assert outcome.change is not None
    previous = outcome.version.name.at(number)
    return replace(outcome, change=replace(outcome.change, previous=previous))


def _given(request: LogRequest) -> dict[str, Any]:
    uris = sorted(sources.spellings(request.sources))
    return {
        **places.asked(request),
        **scopes.given(request.name, request.type),
        **places.recorded(request),
        "moves": request.move_latest,
        "ticket": request.ticket,
        "has_run": request.run is not None,
        "is_linked": request.run is not None and request.direction is not None,
        "direction": "" if request.direction is None else request.direction.value,
        "uris": uris,
        "uri_starts": [uri[: sources.INDEXED] for uri in uris],
    }


def _writing() -> Select[Any]:
    """Look, bump, insert and move, each behind the lock of the one before: partition, alias, feed."""
    seen = places.seen()
    is_simple = and_(
        seen.c.known_id.is_(None),
        seen.c.latest_id.is_not(None),
        seen.c.has_blob,
        or_(bindparam("has_run", type_=Boolean()).is_(False), seen.c.run_id.is_not(None)),
    )
    place = _numbered(select(seen.c.partition_id).where(is_simple))
    version = _insert(
        versions,
        place,
        {
            "id": _of(seen, "version_id"),
            "partition_id": place.c.id,
            "number": place.c.number,
            "created_at": place.c.now,
            "run_id": _of(seen, "run_id"),
        },
        *("digest", "pin_digest", "count", "size", "unverified", "unpinned"),
        *("blob", "sources", "skipped", "description", "metadata"),
    )
    made = version.returning(
        versions.c.id, versions.c.partition_id, versions.c.run_id, versions.c.created_at
    ).cte("made")
    own = {"version_id": made.c.id}
    is_moved = exists(select(place.c.id).where(place.c.moved))
    is_latest = (aliases.c.partition_id == _of(made, "partition_id"), aliases.c.name == LATEST)
    was = select(aliases.c.version_id).where(*is_latest, is_moved).with_for_update().cte("was")
    head = counters.advanced(1).where(exists(select(was.c.version_id))).cte("head")
    uris = (
        func.unnest(
            bindparam("uris", type_=ARRAY(Text)), bindparam("uri_starts", type_=ARRAY(Text))
        )
        .table_valued("uri", "uri_start")
        .render_derived(name="named_by")
    )
    change = {
        "position": _of(head, "value"),
        "kind": literal_column(f"'{ChangeKind.CREATED.value}'"),
        "alias": literal_column(f"'{LATEST}'"),
        "previous_id": _of(was, "version_id"),
        "at": _of(head, "at"),
        "partition_id": made.c.partition_id,
        "run_id": made.c.run_id,
        **own,
    }
    pins = {"seen_at": made.c.created_at, **own}
    edge = {"at": made.c.created_at, "run_id": made.c.run_id, **own}
    look = {
        "id": _of(seen, "observation_id"),
        "created": true(),
        "moved_latest": _of(place, "moved"),
        "at": made.c.created_at,
        "partition_id": made.c.partition_id,
        "run_id": made.c.run_id,
        **own,
    }
    ended = ended_by_name(select(was.c.version_id), [LATEST])
    ended_holds = ended.values(ended_at=_of(made, "created_at")).returning(holds.c.id).cte("ended")
    written = {
        "pins": _insert(pin_sets, made, pins, "pin_digest", "blob", "sources"),
        "named": _insert(
            source_rows, made, {"uri": uris.c.uri, "uri_start": uris.c.uri_start, **own}
        ),
        "edge": _insert(
            edges, made, edge, "direction", only=bindparam("is_linked", type_=Boolean())
        ),
        "alias": update(aliases)
        .where(*is_latest, exists(select(was.c.version_id)))
        .values(moved_at=_of(made, "created_at"), version_id=_of(made, "id")),
        "look": _insert(observation_rows, made, look, "pin_digest", "metadata"),
        # Without a position, which no row may be, if `latest` went meanwhile: then all is done again from the start.
        "change": _insert(changes, made, change, only=is_moved),
    }
    found = ("partition_id", "latest_ticket", "latest_id", "latest_number", "run_id")
    answer = select(
        *(seen.c[name] for name in (*found, "version_id", "observation_id")),
        place.c.number,
        place.c.moved,
        place.c.now,
        *(change[name].label(name) for name in ("previous_id", "position", "at")),
        select(func.count()).select_from(ended_holds).scalar_subquery().label("ended"),
    ).select_from(seen.outerjoin(place, true()))
    return answer.add_cte(*(statement.cte(name) for name, statement in written.items()))


_WRITING = Single(_writing)


def _numbered(partition: Select[tuple[int]]) -> CTE:
    """Lock the partition, if there is one to lock, and take a number."""
    ticket = bindparam("ticket", type_=BigInteger())
    moves = bindparam("moves", type_=Boolean())
    wins = and_(moves, partitions.c.latest_ticket <= ticket)
    return (
        update(partitions)
        .where(partitions.c.id == partition.scalar_subquery())
        .values(
            next_index=partitions.c.next_index + 1,
            latest_ticket=case((wins, ticket), else_=partitions.c.latest_ticket),
        )
        .returning(
            partitions.c.id,
            (partitions.c.next_index - 1).label("number"),
            and_(moves, partitions.c.latest_ticket == ticket).label("moved"),
            func.clock_timestamp(type_=versions.c.created_at.type).label("now"),
        )
        .cte("place")
    )


def _of(part: CTE, column: str) -> ColumnElement[Any]:
    """Take a value of another part of the statement, which runs before this one."""
    return select(part.c[column]).scalar_subquery()


def _insert(
    table: Table,
    behind: CTE,
    columns: dict[str, ColumnElement[Any]],
    *given: str,
    only: ColumnElement[bool] | None = None,
) -> Any:
    """Insert, `behind` a part of the statement, what it says beside what is given under the names of columns."""
    values = {name: bindparam(name, type_=table.c[name].type) for name in given} | columns
    source = select(*(value.label(name) for name, value in values.items())).select_from(behind)
    return table.insert().from_select(list(values), source if only is None else source.where(only))
