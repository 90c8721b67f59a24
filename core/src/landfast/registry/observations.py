"""Observations: every look at a target, whether it found something new or not."""

from __future__ import annotations

from sqlalchemy import RowMapping, select

from landfast.model.version import Observation
from landfast.registry.engine import Transaction
from landfast.registry.rows import KEY_COLUMNS, NAME_COLUMNS, NAMED_VERSIONS, key_of, name_of
from landfast.registry.schema import observations, runs, versions


def page(
    tx: Transaction, partition: int, *, version_id: int | None, below: int | None, size: int
) -> list[Observation]:
    """Return observations of a partition, or of one version of it, newest first."""
    joined = NAMED_VERSIONS.join(observations, observations.c.version_id == versions.c.id)
    statement = (
        select(*observations.c, versions.c.number, *NAME_COLUMNS, *KEY_COLUMNS)
        .select_from(joined.outerjoin(runs, observations.c.run_id == runs.c.id))
        .where(observations.c.partition_id == partition)
    )
    if version_id is not None:
        statement = statement.where(observations.c.version_id == version_id)
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
        at=row["at"],
    )
