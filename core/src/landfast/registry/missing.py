"""Say what is missing of a name, and what there is nearby."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, select

from landfast.errors import NotFound
from landfast.model.names import ArtifactName
from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import (
    aliases,
    collections,
    entities,
    partitions,
    projects,
    versions,
)

_SHOWN = 8
_CONSIDERED = 1000


def explain(
    tx: Transaction,
    name: ArtifactName,
    entity: int | None,
    project: int | None = None,
    collection: int | None = None,
) -> NotFound:
    """Return the error for a name whose last given id is the last that exists."""
    if entity is None:
        near = _names(tx, entities, "name", None)
        return _error(name, "entity", name.entity or "", near)
    if project is None:
        near = _names(tx, projects, "name", projects.c.entity_id == entity)
        return _error(name, "project", name.project or "", near, _elsewhere(tx, name, entity))
    if collection is None:
        near = _names(tx, collections, "name", collections.c.project_id == project)
        return _error(name, "collection", name.collection, near, _elsewhere(tx, name, entity))
    near = _names(tx, partitions, "key", partitions.c.collection_id == collection)
    return _error(name, "partition", name.partition, near)


def explain_pick(tx: Transaction, name: ArtifactName, partition: int) -> NotFound:
    """Return the error for a name that picks no version of an existing partition."""
    if name.index is not None or name.digest is not None:
        return _no_version(tx, name, partition)
    near = _names(tx, aliases, "name", aliases.c.partition_id == partition)
    return _error(name, "alias", name.alias or "latest", near)


def _no_version(tx: Transaction, name: ArtifactName, partition: int) -> NotFound:
    rows = tx.connection.execute(
        select(versions.c.number, versions.c.deleted_at)
        .where(versions.c.partition_id == partition)
        .order_by(versions.c.number.desc())
        .limit(_CONSIDERED)
    ).all()
    for number, deleted_at in rows:
        if number == name.index and deleted_at is not None:
            return NotFound(
                f"{name} was deleted at {deleted_at:%Y-%m-%d %H:%M:%S} UTC", subject=str(name)
            )
    live = [f"v{number}" for number, deleted_at in rows if deleted_at is None]
    wanted = f"v{name.index}" if name.index is not None else str(name.digest)
    return _error(name, "version", wanted, live)


def _names(
    tx: Transaction, table: Table, column: str, where: ColumnElement[bool] | None
) -> list[str]:
    statement = select(table.c[column]).order_by(table.c[column]).limit(_CONSIDERED)
    if where is not None:
        statement = statement.where(where)
    return list(tx.connection.execute(statement).scalars())


def _elsewhere(tx: Transaction, name: ArtifactName, entity: int) -> str | None:
    """Name the collections that are called so in other projects."""
    statement = (
        select(projects.c.name)
        .join(collections, collections.c.project_id == projects.c.id)
        .where(projects.c.entity_id == entity, collections.c.name == name.collection)
        .order_by(projects.c.name)
        .limit(_SHOWN)
    )
    found = [
        f"{project}/{name.collection}" for project in tx.connection.execute(statement).scalars()
    ]
    return f"There is {', '.join(found)}." if found else None


def _error(
    name: ArtifactName, noun: str, wanted: str, near: Sequence[str], hint: str | None = None
) -> NotFound:
    close = difflib.get_close_matches(wanted, near, n=3)
    shown = [*close, *(word for word in near if word not in close)][:_SHOWN]
    more = f" and {len(near) - len(shown)} more" if len(near) > len(shown) else ""
    found = ", ".join(repr(word) for word in shown) + more if near else f"no {noun} at all"
    return NotFound(
        f"{name} does not exist",
        subject=str(name),
        expected=f"a {noun} {wanted!r}" if noun[0] not in "aeiou" else f"an {noun} {wanted!r}",
        found=found,
        hint=hint,
        missing=noun,
    )
