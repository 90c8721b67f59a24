"""Runs: executions that used and logged versions."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, select, update

from landfast.errors import InvalidInput, NotFound
from landfast.model.lineage import RunEventKind
from landfast.model.names import check_name
from landfast.model.run import RunKey, RunRecord, RunStatus
from landfast.redaction import redact
from landfast.registry import scopes
from landfast.registry.consumers import run_events
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import KEY_COLUMNS, key_of, key_sha256, recordable
from landfast.registry.schema.tables import entities, projects, runs
from landfast.registry.values import RunStart

# Without letters and digits that look alike: people type it.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_ID_LENGTH = 8


def begin(
    tx: Transaction,
    start: RunStart,
) -> RunRecord:
    """Record a run, or meet it again; what is given replaces what was, unless the attempt is an older one."""
    if start.attempt < 1:
        raise InvalidInput(f"{start.attempt} is no attempt", expected="1 or more")
    check_name(start.entity, "entity")
    check_name(start.project, "project")
    facts = {
        "name": start.name,
        "job_type": start.job_type,
        "link": None if start.link is None else redact(start.link),
        "config": start.config,
    }
    given = {column: value for column, value in facts.items() if value}
    row = _locked(tx, start.key)
    if row is None:
        _insert(tx, start, given)
    elif start.attempt >= row["attempt"]:
        _again(tx, row, start.attempt, given)
    if row is None or start.attempt > row["attempt"]:
        run_events.tell(tx, start.key, RunEventKind.STARTED)
    return one(tx, start.key)


def finish(tx: Transaction, key: RunKey, status: RunStatus) -> None:
    """Set how a run ended; see `Registry.finish_run`."""
    ended = None if status is RunStatus.RUNNING else tx.now()
    row = _locked(tx, key)
    if row is None:
        raise unknown(str(key))
    ending = {"status": status.value, "finished_at": ended}
    tx.connection.execute(update(runs).where(runs.c.id == row["id"]).values(**ending))
    if ended is not None and row["status"] != status.value:
        run_events.tell(tx, key, RunEventKind(status.value), ended)


def require(tx: Transaction, key: RunKey) -> int:
    """Return the id of a run that was begun, else raise `NotFound`."""
    statement = select(runs.c.id).where(_is_key(key))
    found = tx.connection.execute(statement).scalar_one_or_none()
    if found is None:
        raise unknown(str(key))
    return int(found)


def one(tx: Transaction, id_or_key: str | RunKey) -> RunRecord:
    """Return the run of a short id or a key, else raise `NotFound`."""
    found = runs.c.short_id == id_or_key if isinstance(id_or_key, str) else _is_key(id_or_key)
    row = tx.connection.execute(query().where(found)).mappings().one_or_none()
    if row is None:
        raise unknown(str(id_or_key))
    return record(row)


def _is_key(key: RunKey) -> ColumnElement[bool]:
    return runs.c.key_sha256 == key_sha256(key)


def page(
    tx: Transaction, entity: str, project: str | None, *, below: int | None, size: int
) -> list[tuple[int, RunRecord]]:
    """Return runs with their row ids, newest first."""
    statement = query().where(entities.c.name == entity)
    if project is not None:
        statement = statement.where(projects.c.name == project)
    if below is not None:
        statement = statement.where(runs.c.id < below)
    rows = tx.connection.execute(statement.order_by(runs.c.id.desc()).limit(size)).mappings()
    return [(row["id"], record(row)) for row in rows]


def _locked(tx: Transaction, key: RunKey) -> RowMapping | None:
    statement = select(runs).where(_is_key(key))
    return tx.connection.execute(statement.with_for_update(key_share=True)).mappings().one_or_none()


def _insert(tx: Transaction, start: RunStart, given: Mapping[str, Any]) -> None:
    project_id = scopes.ensure_project(tx, start.entity, start.project)
    values = {"name": "", "job_type": "", "link": None, "config": {}, **given}
    kept = recordable(start.key)
    # The same run begun twice at once, or a short id drawn twice: the transaction is tried again.
    row = runs.insert().values(
        short_id="".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH)),
        key_sha256=key_sha256(start.key),
        system=kept.system,
        deployment=kept.deployment,
        run_id=kept.run_id,
        node=kept.node,
        part=kept.part,
        project_id=project_id,
        status=RunStatus.RUNNING.value,
        attempt=start.attempt,
        started_at=tx.now(),
        **values,
    )
    tx.connection.execute(row)


def _again(tx: Transaction, row: RowMapping, attempt: int, given: dict[str, Any]) -> None:
    if attempt > row["attempt"]:
        # A retry: the run is under way once more.
        given |= {"attempt": attempt, "status": RunStatus.RUNNING.value, "finished_at": None}
    if given:
        tx.connection.execute(update(runs).where(runs.c.id == row["id"]).values(**given))


def query() -> Select[Any]:
    """Select runs with their projects; `record` reads a row."""
    return select(
        *runs.c,
        *KEY_COLUMNS,
        projects.c.name.label("project_name"),
        entities.c.name.label("entity_name"),
    ).select_from(runs.join(projects).join(entities))


def record(row: RowMapping) -> RunRecord:
    """Read a row of `query()`."""
    key = key_of(row)
    assert key is not None
    return RunRecord(
        id=row["short_id"],
        key=key,
        entity=row["entity_name"],
        project=row["project_name"],
        name=row["name"],
        job_type=row["job_type"],
        status=RunStatus(row["status"]),
        attempt=row["attempt"],
        link=row["link"],
        config=row["config"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def unknown(wanted: str) -> NotFound:
    """Return the error for a run that nobody began."""
    return NotFound(
        f"there is no run {wanted!r}",
        subject=wanted,
        hint="Begin it first; `landfast run ls` lists the runs of a project.",
    )
