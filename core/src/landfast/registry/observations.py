"""Observations: every look at a target, whether it found something new or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import RowMapping, func, select

from landfast.model.names import ArtifactName
from landfast.model.version import Observation
from landfast.registry import scopes, versions
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import (
    KEY_COLUMNS,
    NAME_COLUMNS,
    NAMED_VERSIONS,
    chunks,
    key_of,
    name_of,
)
from landfast.registry.schema.tables import observations, runs
from landfast.registry.schema.tables import versions as version_rows


@dataclass(frozen=True, slots=True)
class Scope:
    """A partition, or one version of it."""

    partition: int
    version: int | None


def scope(tx: Transaction, name: ArtifactName) -> Scope:
    """Return what a name stands for; a version may be deleted."""
    picked = versions.pick(tx, name, deleted=True).id if name.picks_version else None
    return Scope(scopes.require_partition(tx, name), picked)


def last_pins(tx: Transaction, version_ids: Iterable[int]) -> dict[int, str]:
    """Return the digest of the pins that the newest observation of each version saw."""
    found: dict[int, str] = {}
    for part in chunks(version_ids):
        newest = (
            select(func.max(observations.c.id))
            .where(observations.c.version_id.in_(part))
            .group_by(observations.c.version_id)
        )
        statement = select(observations.c.version_id, observations.c.pin_digest).where(
            observations.c.id.in_(newest)
        )
        found |= {row.version_id: row.pin_digest for row in tx.connection.execute(statement)}
    return found


def page(tx: Transaction, of: Scope, *, below: int | None, size: int) -> list[Observation]:
    """Return observations, newest first."""
    joined = NAMED_VERSIONS.join(observations, observations.c.version_id == version_rows.c.id)
    earlier = observations.alias("earlier")
    seen_before = (
        select(earlier.c.pin_digest)
        .where(earlier.c.version_id == observations.c.version_id, earlier.c.id < observations.c.id)
        .order_by(earlier.c.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("seen_before")
    )
    statement = (
        select(*observations.c, seen_before, version_rows.c.number, *NAME_COLUMNS, *KEY_COLUMNS)
        .select_from(joined.outerjoin(runs, observations.c.run_id == runs.c.id))
        .where(observations.c.partition_id == of.partition)
    )
    if of.version is not None:
        statement = statement.where(observations.c.version_id == of.version)
    if below is not None:
        statement = statement.where(observations.c.id < below)
    rows = tx.connection.execute(statement.order_by(observations.c.id.desc()).limit(size))
    return [_record(row) for row in rows.mappings()]


def _record(row: RowMapping) -> Observation:
    return Observation(
        id=row["id"],
        version=name_of(row, row["number"]),
        run=key_of(row),
        pin_digest=row["pin_digest"],
        metadata=row["metadata"],
        created=row["created"],
        moved_latest=row["moved_latest"],
        repinned=row["seen_before"] not in {None, row["pin_digest"]},
        at=row["at"],
    )
