"""Log content that nobody logged before, in PostgreSQL: one question, then everything in one statement.

The partition is locked from the middle of that statement to the commit, as long as anybody has to who numbers rows
without a gap.  Where there is more to do than this, it is left to `log`, which locks first and asks then.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    ScalarSelect,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    true,
    update,
)

from landfast.model.names import LATEST
from landfast.model.version import Change, ChangeKind
from landfast.registry import counters, observations, sources
from landfast.registry.database.engine import Transaction
from landfast.registry.log import places
from landfast.registry.log.places import Place
from landfast.registry.rows import recordable
from landfast.registry.schema.tables import (
    aliases,
    changes,
    edges,
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

T = TypeVar("T")


def log_new(tx: Transaction, request: LogRequest) -> tuple[LogOutcome, int | None] | None:
    """Record content as a new version; None, and nothing is done, where it is not as simple as that.

    Where another moved `latest` since the look, the outcome lacks the number of the version that it named before, and
    the id of that version is returned too: it may have been written since the statement began, which does not see it.
    """
    if request.blob is None or request.bases or request.tags or request.ttl_seconds:
        return None
    if set(request.aliases) - {LATEST}:
        return None
    place = places.glance(tx, request)
    if place is None or place.known or place.latest is None or not place.has_blob:
        return None
    latest_id, latest_number = place.latest
    row = tx.connection.execute(_writing(), _given(request, place)).one()
    place = replace(place, next_index=row.number, now=row.now)
    record = places.created(request, place, latest=row.moved)
    look = observations.Look(
        request=request,
        version=record,
        partition=place.partition,
        run_id=place.run_id,
        created=True,
        moved_latest=row.moved,
    )
    change = None
    is_as_seen = row.previous_id == latest_id
    if row.moved:
        change = Change(
            position=row.position,
            id=f"{tx.registry_uid}:{row.position}",
            kind=ChangeKind.CREATED,
            alias=LATEST,
            version=record.name,
            type=record.type,
            digest=record.summary.digest,
            previous=record.name.at(latest_number) if is_as_seen else None,
            run=None if request.run is None else recordable(request.run),
            at=row.at,
        )
    outcome = LogOutcome(
        version=record,
        created=True,
        changed=row.moved,
        change=change,
        observation=look.told(place.observation_id, None, place.now),
    )
    return outcome, None if is_as_seen else row.previous_id


def with_previous(tx: Transaction, outcome: LogOutcome, previous_id: int) -> LogOutcome:
    """Name the version that `latest` named before."""
    statement = select(versions.c.number).where(versions.c.id == previous_id)
    number = int(tx.connection.execute(statement).scalar_one())
    assert outcome.change is not None
    previous = outcome.version.name.at(number)
    return replace(outcome, change=replace(outcome.change, previous=previous))


def _given(request: LogRequest, place: Place) -> dict[str, Any]:
    uris = sorted(sources.spellings(request.sources))
    values = {
        "moves": request.move_latest,
        "ticket": request.ticket,
        "id": place.version_id,
        "observation_id": place.observation_id,
        "partition_id": place.partition,
        "run_id": place.run_id,
        **places.recorded(request),
        "is_linked": request.run is not None and request.direction is not None,
        "direction": "" if request.direction is None else request.direction.value,
        "uris": uris,
        "uri_starts": [uri[: sources.INDEXED] for uri in uris],
    }
    # Not by the names of columns: SQLAlchemy would take them for what an UPDATE sets.
    return {f"p_{name}": value for name, value in values.items()}


@functools.cache
def _writing() -> Select[Any]:
    """Bump, insert and move, each behind the lock of the one before: partition, alias, feed."""
    ticket = bindparam("p_ticket", type_=versions.c.id.type)
    moves = bindparam("p_moves", type_=Boolean())
    wins = and_(moves, partitions.c.latest_ticket <= ticket)
    place = (
        update(partitions)
        .where(partitions.c.id == bindparam("p_partition_id"))
        .values(
            next_index=partitions.c.next_index + 1,
            latest_ticket=case((wins, ticket), else_=partitions.c.latest_ticket),
        )
        .returning(
            (partitions.c.next_index - 1).label("number"),
            and_(moves, partitions.c.latest_ticket == ticket).label("moved"),
            func.clock_timestamp(type_=versions.c.created_at.type).label("now"),
        )
        .cte("place")
    )
    number, moved, now = (_of(place.c[name]) for name in ("number", "moved", "now"))
    version = _insert(
        versions,
        {"number": number, "created_at": now},
        *("id", "partition_id", "digest", "pin_digest", "count", "size", "unverified", "unpinned"),
        *("blob", "sources", "skipped", "description", "metadata", "run_id"),
    )
    own = {"version_id": _of(version.returning(versions.c.id).cte("version").c.id)}
    mine = (aliases.c.partition_id == bindparam("p_partition_id"), aliases.c.name == LATEST)
    was = select(aliases.c.version_id).where(*mine, moved).with_for_update().cte("was")
    is_moved = select(was.c.version_id).exists()
    head = counters.advanced(1).where(is_moved).cte("head")
    uris = (
        func.unnest(
            bindparam("p_uris", type_=ARRAY(Text)), bindparam("p_uri_starts", type_=ARRAY(Text))
        )
        .table_valued("uri", "uri_start")
        .render_derived(name="named_by")
    )
    change = {
        "position": _of(head.c.value),
        "kind": literal_column(f"'{ChangeKind.CREATED.value}'"),
        "alias": literal_column(f"'{LATEST}'"),
        "previous_id": _of(was.c.version_id),
        "at": _of(head.c.at),
        **own,
    }
    written = {
        "pins": _insert(pin_sets, {"seen_at": now, **own}, "pin_digest", "blob", "sources"),
        "named": _insert(source_rows, {"uri": uris.c.uri, "uri_start": uris.c.uri_start, **own}),
        "edge": _insert(
            edges,
            {"at": now, **own},
            *("run_id", "direction"),
            only=bindparam("p_is_linked", type_=Boolean()),
        ),
        "alias": update(aliases).where(*mine, is_moved).values(moved_at=now, **own),
        "look": _insert(
            observation_rows,
            {
                "id": bindparam("p_observation_id", type_=observation_rows.c.id.type),
                "created": true(),
                "moved_latest": moved,
                "at": now,
                **own,
            },
            *("partition_id", "run_id", "pin_digest", "metadata"),
        ),
        "change": _insert(changes, change, "partition_id", "run_id", only=is_moved),
    }
    told = {
        "number": number,
        "moved": moved,
        "now": now,
        "previous_id": change["previous_id"],
        "position": change["position"],
        "at": change["at"],
    }
    answer = select(*(value.label(name) for name, value in told.items()))
    return answer.add_cte(*(statement.cte(name) for name, statement in written.items()))


def _of(column: ColumnElement[T]) -> ScalarSelect[T]:
    """Take a value of another part of the statement, which runs before this one."""
    return select(column).scalar_subquery()


def _insert(
    table: Table,
    columns: dict[str, ColumnElement[Any]],
    *given: str,
    only: ColumnElement[bool] | None = None,
) -> Any:
    """Insert what other parts of the statement say, beside what is given under the names of columns."""
    values = {name: bindparam(f"p_{name}", type_=table.c[name].type) for name in given} | columns
    source = select(*(value.label(name) for name, value in values.items()))
    return table.insert().from_select(list(values), source if only is None else source.where(only))
