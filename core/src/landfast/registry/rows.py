"""Rows to records and back: what several tables have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, RowMapping, func, select

from landfast.model.names import ArtifactName
from landfast.model.run import RunKey
from landfast.model.source import Skipped, Source
from landfast.redaction import redact
from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import (
    collections,
    entities,
    partitions,
    projects,
    runs,
    versions,
)

T = TypeVar("T")

# SQLite allows 32,766 parameters, PostgreSQL 65,535.
_CHUNK = 1000
_SOURCE_FIELDS = tuple(Source.__dataclass_fields__)

NAME_COLUMNS: tuple[ColumnElement[Any], ...] = (
    entities.c.name.label("entity_name"),
    projects.c.name.label("project_name"),
    collections.c.name.label("collection_name"),
    partitions.c.key.label("partition_key"),
)

KEY_COLUMNS: tuple[ColumnElement[Any], ...] = (
    runs.c.system.label("run_system"),
    runs.c.deployment.label("run_deployment"),
    runs.c.run_id.label("run_run_id"),
    runs.c.node.label("run_node"),
    runs.c.part.label("run_part"),
)

NAMED_PARTITIONS = partitions.join(collections).join(projects).join(entities)
NAMED_VERSIONS = versions.join(NAMED_PARTITIONS, versions.c.partition_id == partitions.c.id)


def name_of(row: RowMapping | Mapping[str, Any], number: int | None) -> ArtifactName:
    """Read `NAME_COLUMNS`."""
    return ArtifactName(
        entity=row["entity_name"],
        project=row["project_name"],
        collection=row["collection_name"],
        partition=row["partition_key"],
        index=number,
    )


def key_of(row: RowMapping | Mapping[str, Any]) -> RunKey | None:
    """Read `KEY_COLUMNS`; None where no run was joined."""
    if row["run_system"] is None:
        return None
    return RunKey(
        system=row["run_system"],
        deployment=row["run_deployment"],
        run_id=row["run_run_id"],
        node=row["run_node"],
        part=row["run_part"],
    )


def key_sha256(key: RunKey) -> str:
    """Return what finds a run key in an index."""
    return hashlib.sha256(recordable(key).encode().encode()).hexdigest()


def recordable(key: RunKey) -> RunKey:
    """Return the key as it is recorded: a deployment may be a URL with a password."""
    return replace(key, deployment=redact(key.deployment))


def sources_json(sources: Iterable[Source]) -> list[dict[str, Any]]:
    """Write sources; fields that say nothing are left out."""
    return [
        {k: v for k in _SOURCE_FIELDS if (v := getattr(source, k)) or k == "uri"}
        for source in sources
    ]


def sources_of(value: Sequence[Mapping[str, Any]]) -> tuple[Source, ...]:
    """Read sources; fields that a newer client added are passed over."""
    return tuple(Source(**_known(item, Source)) for item in value)


def skipped_json(skipped: Iterable[Skipped]) -> list[dict[str, Any]]:
    """Write what a scan left out."""
    return [asdict(item) for item in skipped]


def skipped_of(value: Sequence[Mapping[str, Any]]) -> tuple[Skipped, ...]:
    """Read what a scan left out."""
    return tuple(Skipped(**_known(item, Skipped)) for item in value)


def chunks(items: Iterable[T]) -> list[list[T]]:
    """Cut distinct `items` into parts that fit into one statement each."""
    whole = list(dict.fromkeys(items))
    return [whole[start : start + _CHUNK] for start in range(0, len(whole), _CHUNK)]


def distinct(tx: Transaction, column: Column[str]) -> list[str]:
    """Return the few values of an indexed column in order, each found behind the one before it."""
    least = select(func.min(column).label("value")).cte("found", recursive=True)
    above = select(func.min(column)).where(column > least.c.value).scalar_subquery()
    found = least.union_all(select(above).where(least.c.value.is_not(None)))
    values = select(found.c.value).where(found.c.value.is_not(None))
    return list(tx.connection.execute(values).scalars())


def _known(item: Mapping[str, Any], kind: type) -> dict[str, Any]:
    fields = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return {k: tuple(v) if isinstance(v, list) else v for k, v in item.items() if k in fields}
