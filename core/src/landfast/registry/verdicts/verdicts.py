"""Verdicts: what aliases name, and what was found of it, each change of which is a row of the feed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from landfast.model.names import LATEST, ArtifactName
from landfast.model.run import RunKey
from landfast.model.version import Change, VerdictChange, VersionRecord
from landfast.registry import changes, runs, scopes, versions
from landfast.registry.database.engine import Transaction
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.schema.tables import (
    aliases,
    collections,
    entities,
    partitions,
    projects,
)
from landfast.registry.schema.tables import versions as version_rows
from landfast.registry.values import Found, Place

_INTACT = "intact"


class Verdicts:
    """The verbs of a registry that have to do with drift."""

    def __init__(self, database: LazyDatabase) -> None:
        self._database = database

    def named(self, place: Place, wanted: Sequence[str]) -> list[VersionRecord]:
        """Return the versions that some of these aliases name, each once, by name."""
        return self._database.read(lambda tx: _named(tx, place, wanted))

    def note(
        self, record: VersionRecord, found: Found, wanted: Sequence[str], *, run: RunKey | None
    ) -> Change | None:
        """Keep how a version stands; a row of the feed, if it stood otherwise and one of the aliases still names it.

        Returns:
            The row; None if nothing changed.
        """
        return self._database.write(lambda tx: _note(tx, record, found, wanted, run))


def _named(tx: Transaction, place: Place, wanted: Sequence[str]) -> list[VersionRecord]:
    named = select(aliases.c.version_id).where(aliases.c.name.in_(list(wanted)))
    statement = versions.query().where(
        version_rows.c.id.in_(named), entities.c.name == place.entity
    )
    parts = (
        (projects.c.name, place.project),
        (collections.c.name, place.collection),
        (partitions.c.key, place.partition),
    )
    for column, value in parts:
        if value is not None:
            statement = statement.where(column == value)
    order = (projects.c.name, collections.c.name, partitions.c.key, version_rows.c.number)
    return versions.load(tx, statement.order_by(*order))


def _note(
    tx: Transaction,
    record: VersionRecord,
    found: Found,
    wanted: Sequence[str],
    run: RunKey | None,
) -> Change | None:
    partition = scopes.require_partition(tx, _bare(record))
    # Of two that look at the same time, one writes.
    versions.lock_partition(tx, partition)
    before = changes.last_verdict(tx, record.id) or _INTACT
    now = versions.by_id(tx, record.id)
    # Who does not know of verdicts takes a row of `latest` for new content.
    still = sorted((alias for alias in wanted if alias in now.aliases), key=LATEST.__eq__)
    if before == found.verdict or not still:
        return None
    told = VerdictChange(
        verdict=found.verdict,
        previous=before,
        summary=found.summary,
        counts=found.counts,
        aliases=now.aliases,
    )
    run_id = None if run is None else runs.require(tx, run)
    return changes.append_verdict(tx, partition, now, still[0], told, run_id)


def _bare(record: VersionRecord) -> ArtifactName:
    return record.name.bare()
