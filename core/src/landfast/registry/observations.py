"""Observations: every look at a target, whether it found something new or not; and what was verified."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, func, select

from landfast.model.names import ArtifactName
from landfast.model.verdict import Verification, VerifyReport
from landfast.model.version import Observation, VersionRecord
from landfast.registry import scopes, versions
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import (
    KEY_COLUMNS,
    NAME_COLUMNS,
    NAMED_VERSIONS,
    chunks,
    key_of,
    name_of,
    recordable,
)
from landfast.registry.schema.tables import observations, runs, verifications
from landfast.registry.schema.tables import versions as version_rows
from landfast.registry.values import LogRequest

KEPT_VERIFICATIONS = 20
"""So many are kept of each version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look that is to be recorded, and the version that it found."""

    request: LogRequest
    version: VersionRecord
    partition: int
    run_id: int | None
    created: bool = False
    moved_latest: bool = False

    def row(self, at: datetime) -> dict[str, Any]:
        """Return what is recorded."""
        return {
            "partition_id": self.partition,
            "version_id": self.version.id,
            "run_id": self.run_id,
            "pin_digest": self.request.summary.pin_digest,
            "metadata": self.request.metadata,
            "created": self.created,
            "moved_latest": self.moved_latest,
            "at": at,
        }

    def told(self, id: int, last_pins: str | None, at: datetime) -> Observation:
        """Return what was recorded, beside the pins that the version's observation before it saw."""
        request = self.request
        return Observation(
            id=id,
            version=self.version.name,
            run=None if request.run is None else recordable(request.run),
            pin_digest=request.summary.pin_digest,
            metadata=request.metadata,
            created=self.created,
            moved_latest=self.moved_latest,
            repinned=last_pins not in {None, request.summary.pin_digest},
            at=at,
        )


def add(tx: Transaction, looks: Sequence[Look], at: datetime) -> list[Observation]:
    """Record looks, each at another partition, and return them in order."""
    before = last_pins(tx, [look.version.id for look in looks])
    # Told apart by the partition: to ask for the order of the rows costs SQLite a statement for each.
    insert = observations.insert().returning(observations.c.partition_id, observations.c.id)
    rows = tx.connection.execute(insert, [look.row(at) for look in looks])
    ids = {row.partition_id: row.id for row in rows}
    return [look.told(ids[look.partition], before.get(look.version.id), at) for look in looks]


def add_one(tx: Transaction, look: Look, id: int, at: datetime) -> None:
    """Record a look under an id that was drawn for it."""
    tx.put(observations, {"id": id, **look.row(at)})


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


def add_verification(tx: Transaction, version_id: int, report: VerifyReport) -> Verification:
    """Keep what a look at the sources of a version found, and of earlier ones the newest few."""
    found = Verification(
        ok=report.ok,
        deep=report.deep,
        summary=report.summary,
        counts={str(verdict): count for verdict, count in report.counts.items() if count},
        at=tx.now(),
    )
    facts = ("ok", "deep", "summary", "counts", "at")
    values = {name: getattr(found, name) for name in facts}
    tx.connection.execute(verifications.insert().values(version_id=version_id, **values))
    of_version = verifications.c.version_id == version_id
    newest = select(verifications.c.id).where(of_version).order_by(verifications.c.id.desc())
    kept = list(tx.connection.execute(newest.limit(KEPT_VERIFICATIONS)).scalars())
    old = delete(verifications).where(of_version, verifications.c.id < kept[-1])
    tx.connection.execute(old)
    return found


def verifications_of(tx: Transaction, version_id: int) -> list[Verification]:
    """Return what the last looks at the sources of a version found, newest first."""
    statement = select(verifications).where(verifications.c.version_id == version_id)
    rows = tx.connection.execute(statement.order_by(verifications.c.id.desc()))
    return [
        Verification(ok=row.ok, deep=row.deep, summary=row.summary, counts=row.counts, at=row.at)
        for row in rows
    ]
