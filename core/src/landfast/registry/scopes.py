"""Scope: the rows of entity, project, collection and partition that a name stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, bindparam, select

from landfast.errors import Conflict, InvalidInput
from landfast.model.names import ArtifactName
from landfast.registry import missing
from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import collections, entities, partitions, projects


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Ids, None from the first one that does not exist."""

    entity: int | None = None
    project: int | None = None
    collection: int | None = None
    type: str | None = None
    partition: int | None = None


def find(tx: Transaction, name: ArtifactName) -> Scope:
    """Look a name up, in one query."""
    check_filled(name)
    joined = (
        entities.outerjoin(
            projects, (projects.c.entity_id == entities.c.id) & (projects.c.name == name.project)
        )
        .outerjoin(
            collections,
            (collections.c.project_id == projects.c.id) & (collections.c.name == name.collection),
        )
        .outerjoin(
            partitions,
            (partitions.c.collection_id == collections.c.id) & (partitions.c.key == name.partition),
        )
    )
    statement = (
        select(
            entities.c.id.label("entity"),
            projects.c.id.label("project"),
            collections.c.id.label("collection"),
            collections.c.type,
            partitions.c.id.label("partition"),
        )
        .select_from(joined)
        .where(entities.c.name == name.entity)
    )
    row = tx.connection.execute(statement).mappings().one_or_none()
    return Scope() if row is None else Scope(**row)


def require_collection(tx: Transaction, name: ArtifactName) -> int:
    """Return the collection's id, else raise `NotFound` that names what there is."""
    scope = find(tx, name)
    if scope.collection is None:
        raise missing.explain(tx, name, scope.entity, scope.project)
    return scope.collection


def require_partition(tx: Transaction, name: ArtifactName) -> int:
    """Return the partition's id, else raise `NotFound` that names what there is."""
    scope = find(tx, name)
    if scope.partition is None:
        raise missing.explain(tx, name, scope.entity, scope.project, scope.collection)
    return scope.partition


def lock(tx: Transaction, name: ArtifactName, kind: str) -> int:
    """Lock a partition, made if need be, and return its id; `Conflict` if its collection is not of type `kind`."""
    wanted = given(name, kind)
    while (found := tx.connection.execute(_LOCK, wanted).scalar_one_or_none()) is None:
        ensure_partition(tx, name, kind)
    return int(found)


def given(name: ArtifactName, kind: str) -> dict[str, str | None]:
    """Return the parameters of `NAMED`."""
    check_filled(name)
    return {
        "entity": name.entity,
        "project": name.project,
        "collection": name.collection,
        "partition_key": name.partition,
        "type": kind,
    }


NAMED = (
    select(partitions.c.id)
    .select_from(partitions.join(collections).join(projects).join(entities))
    .where(
        entities.c.name == bindparam("entity"),
        projects.c.name == bindparam("project"),
        collections.c.name == bindparam("collection"),
        collections.c.type == bindparam("type"),
        partitions.c.key == bindparam("partition_key"),
    )
)
"""The partition of a name, in a collection of a type."""

_LOCK = NAMED.with_for_update(key_share=True, of=partitions)


def ensure_project(tx: Transaction, entity: str, project: str) -> int:
    """Return the project's id, made if need be."""
    entity_id = _ensure(tx, entities, {"name": entity}, {})
    return _ensure(tx, projects, {"entity_id": entity_id, "name": project}, {})


def ensure_partition(tx: Transaction, name: ArtifactName, kind: str) -> int:
    """Return the id of a partition, made if need be; `Conflict` if its collection is not of type `kind`."""
    scope = find(tx, name)
    if scope.partition is None:
        project = scope.project or ensure_project(tx, name.entity or "", name.project or "")
        key = {"project_id": project, "name": name.collection}
        _ensure(tx, collections, key, {"type": kind, "description": ""})
        scope = find(tx, name)
    if scope.type != kind:
        raise Conflict(
            f"{name.bare()} is a collection of another type",
            subject=str(name.bare()),
            expected=f"type {scope.type!r}",
            found=f"type {kind!r}",
            hint="Log under another name, or with the collection's type.",
        )
    if scope.partition is not None:
        return scope.partition
    return _ensure(
        tx,
        partitions,
        {"collection_id": scope.collection, "key": name.partition},
        {"next_index": 0, "latest_ticket": 0},
    )


def check_filled(name: ArtifactName) -> None:
    """Refuse a name without entity and project: the registry has no defaults."""
    if name.entity is None or name.project is None:
        raise InvalidInput(
            f"{name} lacks an entity or a project",
            subject=str(name),
            expected="entity/project/collection",
            hint="Fill it in with ArtifactName.within().",
        )


def _ensure(tx: Transaction, table: Table, key: dict[str, Any], rest: dict[str, Any]) -> int:
    look = select(table.c.id).where(*(table.c[column] == value for column, value in key.items()))
    found = tx.connection.execute(look).scalar_one_or_none()
    if found is None:
        # Somebody may make it at this moment: then wait for them, and find it.
        row = tx.insert(table).values(**key, **rest, created_at=tx.now())
        tx.connection.execute(row.on_conflict_do_nothing())
        found = tx.connection.execute(look).scalar_one()
    return int(found)
