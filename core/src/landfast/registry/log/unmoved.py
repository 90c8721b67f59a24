"""Log what `latest` names already, at pins seen before, in PostgreSQL: one statement, which is the transaction.

Nothing is locked but the rows that it writes: who moves `latest`, or deletes the version, meanwhile comes behind it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from landfast.model.names import LATEST
from landfast.registry import observations, scopes, versions
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.database.single import Single
from landfast.registry.log import places
from landfast.registry.schema.tables import aliases, edges, pin_sets, tags
from landfast.registry.schema.tables import observations as observation_rows
from landfast.registry.schema.tables import versions as version_rows
from landfast.registry.values import BlobNeeded, LogOutcome, LogRequest


def log_again(database: LazyDatabase, request: LogRequest) -> LogOutcome | None:
    """Record an observation that changes nothing; None, and nothing is done, where it is not as simple as that.

    Raises:
        BlobNeeded: If the content is not known there, and the request names no blob.
    """
    row = database.send(_WRITING, _given(request))
    if row is None:
        return None
    if row["observed"] is None:
        if request.blob is None and row["is_new"]:
            raise BlobNeeded.by(request)
        return None
    record = versions.record(row, tuple(row["alias_names"]), tuple(row["tag_names"]))
    look = observations.Look(
        request=request, version=record, partition=row["partition_id"], run_id=row["seen_run_id"]
    )
    return LogOutcome(
        version=record,
        created=False,
        changed=False,
        change=None,
        observation=look.told(row["observation_id"], row["last_pins"], row["observed"]),
    )


def _given(request: LogRequest) -> dict[str, Any]:
    return {
        **places.asked(request),
        **scopes.given(request.name, request.type),
        "has_run": request.run is not None,
        "is_linked": request.run is not None and request.direction is not None,
        "direction": "" if request.direction is None else request.direction.value,
        "metadata": request.metadata,
        "aliases": sorted({*request.aliases} - {LATEST}),
        "tags": sorted({*request.tags}),
    }


def _writing() -> Select[Any]:
    seen = places.seen()
    is_run_known = or_(bindparam("has_run", type_=Boolean()).is_(False), seen.c.run_id.is_not(None))
    named = _words(aliases, seen.c.known_id)
    tagged = _words(tags, seen.c.known_id)
    is_as_it_was = and_(
        seen.c.known_id == seen.c.latest_id,
        seen.c.has_pins,
        is_run_known,
        bindparam("aliases", type_=ARRAY(Text)).contained_by(named),
        bindparam("tags", type_=ARRAY(Text)).contained_by(tagged),
    )
    again = select(
        seen.c.known_id,
        seen.c.partition_id,
        seen.c.run_id,
        seen.c.observation_id,
        func.clock_timestamp(type_=version_rows.c.created_at.type).label("now"),
    )
    same = again.where(is_as_it_was).cte("same")
    pins = (
        update(pin_sets)
        .where(
            pin_sets.c.version_id == same.c.known_id,
            pin_sets.c.pin_digest == bindparam("pins"),
        )
        .values(seen_at=same.c.now)
    )
    look = {
        "id": same.c.observation_id,
        "partition_id": same.c.partition_id,
        "version_id": same.c.known_id,
        "run_id": same.c.run_id,
        "pin_digest": bindparam("pins", type_=Text()),
        "metadata": bindparam("metadata", type_=observation_rows.c.metadata.type),
        "created": false(),
        "moved_latest": false(),
        "at": same.c.now,
    }
    edge = {
        "run_id": same.c.run_id,
        "direction": bindparam("direction", type_=Text()),
        "version_id": same.c.known_id,
        "at": same.c.now,
    }
    linked = select(*edge.values()).where(bindparam("is_linked", type_=Boolean()))
    written = {
        "pins": pins,
        "look": observation_rows.insert().from_select(list(look), select(*look.values())),
        "edge": insert(edges).from_select(list(edge), linked).on_conflict_do_nothing(),
    }
    of_version = versions.query().subquery("version")
    answer = select(
        seen.c.partition_id,
        seen.c.observation_id,
        seen.c.last_pins,
        seen.c.run_id.label("seen_run_id"),
        and_(seen.c.known_id.is_(None), is_run_known).label("is_new"),
        same.c.now.label("observed"),
        named.label("alias_names"),
        tagged.label("tag_names"),
        *of_version.c,
    ).select_from(
        seen.outerjoin(same, true()).outerjoin(of_version, of_version.c.id == same.c.known_id)
    )
    return answer.add_cte(*(statement.cte(name) for name, statement in written.items()))


def _words(table: Table, version: ColumnElement[int]) -> ColumnElement[Any]:
    """The names in a table of a version's words, in order."""
    found = select(table.c.name).where(table.c.version_id == version).order_by(table.c.name)
    return func.array(found.scalar_subquery(), type_=ARRAY(Text))


_WRITING = Single(_writing)
