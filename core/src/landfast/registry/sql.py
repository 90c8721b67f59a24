"""SqlRegistry: the registry on SQLite or PostgreSQL; each verb is one transaction."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import EllipsisType
from typing import Any

from landfast.errors import InvalidInput, NotFound
from landfast.model.garbage import BlobRow
from landfast.model.health import NeededManifest
from landfast.model.lineage import Direction, Edge
from landfast.model.names import LATEST, ArtifactName
from landfast.model.run import RunKey, RunRecord, RunStatus
from landfast.model.version import Change, CollectionRecord, Observation, PinSet, VersionRecord
from landfast.registry import (
    announcements,
    blobs,
    catalog,
    changes,
    deleting,
    edges,
    observations,
    observing,
    pins,
    promoting,
    publishing,
    runs,
    scopes,
    sources,
    tickets,
    versions,
)
from landfast.registry.base import LogOutcome, LogRequest
from landfast.registry.engine import Database, Transaction
from landfast.registry.late import Find, LateDatabase
from landfast.registry.rows import chunks
from landfast.registry.schema import runs as run_rows

COLLECTION_LEASE = timedelta(seconds=60)
"""How long a collector may take to delete what it condemned; a writer that wants it waits so long."""


class SqlRegistry(LateDatabase):
    """A registry in a database; see `landfast.registry.base.Registry` for what each verb means.

    Threads share one; a child made by fork opens connections of its own.

    Args:
        database: Where it is.
        find: Finds out what is there, and makes it if told to.
        blank: See `LateDatabase`.
        lease: How long a garbage collector may take to delete what it condemned.
    """

    def __init__(
        self,
        database: Database,
        find: Find,
        *,
        blank: Callable[[], Database] | None = None,
        lease: timedelta = COLLECTION_LEASE,
    ) -> None:
        super().__init__(database, find, blank)
        self._lease = lease

    def __reduce__(self) -> str:
        raise TypeError("a registry cannot be pickled: open it by its URL where it is needed")

    # -- logging ------------------------------------------------------------------------------

    def ticket(self) -> int:
        """Draw the next start ticket."""
        return self.open(create=True).write(tickets.draw)

    def find_content(self, name: ArtifactName, digest: str) -> VersionRecord | None:
        """Return the live version with this content, if any."""

        def find(tx: Transaction) -> VersionRecord | None:
            partition = scopes.find(tx, name).partition
            found = None if partition is None else versions.live_with_digest(tx, partition, digest)
            return None if found is None else versions.by_id(tx, found)

        return self._database.read(find)

    def log(self, request: LogRequest) -> LogOutcome:
        """Record content: a new version, or an observation of an equal live one."""
        return self.open(create=True).write(lambda tx: publishing.log(tx, request))

    def log_unchanged(self, requests: Sequence[LogRequest]) -> list[LogOutcome | None]:
        """Log those of many requests that change nothing, in one transaction; the others are None."""
        return self._database.write(lambda tx: observing.log_unchanged(tx, requests))

    def mend_manifest(self, id: int, lost: Collection[str], request: LogRequest) -> VersionRecord:
        """Name `request.blob` in place of lost manifests of the same content."""
        return self._database.write(lambda tx: publishing.mend(tx, id, lost, request))

    # -- reading ------------------------------------------------------------------------------

    def get(self, name: ArtifactName, *, deleted: bool = False) -> VersionRecord:
        """Return the version that the name picks; without a pick, `latest`."""
        return self._database.read(lambda tx: versions.pick(tx, name, deleted=deleted))

    def collections(self, *, entity: str, project: str | None = None) -> Iterator[CollectionRecord]:
        """Yield the collections of an entity, by project and name."""
        return self._database.stream(
            lambda tx, after, size: catalog.page(
                tx, entity=entity, project=project, after=after, size=size
            ),
            lambda record: (record.project, record.name),
        )

    def collection(self, name: ArtifactName) -> CollectionRecord:
        """Return one collection."""
        return self._database.read(lambda tx: catalog.one(tx, name))

    def partitions(
        self, name: ArtifactName, *, keys: Sequence[str] | None = None
    ) -> Iterator[tuple[str, VersionRecord]]:
        """Yield each partition with its `latest`, by key; only those of `keys`, if given, that there are."""
        collection = self._database.read(lambda tx: scopes.require_collection(tx, name))
        found: Iterator[VersionRecord] = self._database.stream(
            lambda tx, after, size: catalog.latest_page(tx, collection, after=after, size=size),
            lambda record: record.name.partition,
        )
        if keys is not None:
            pages = (
                self._database.read(partial(catalog.latest_among, collection=collection, keys=part))
                for part in chunks(sorted(keys))
            )
            found = itertools.chain.from_iterable(pages)
        return ((record.name.partition, record) for record in found)

    def versions(self, name: ArtifactName, *, deleted: bool = False) -> Iterator[VersionRecord]:
        """Yield the versions of one partition, newest first."""
        partition = self._database.read(lambda tx: scopes.require_partition(tx, name))
        return self._database.stream(
            lambda tx, below, size: versions.page(
                tx, partition, below=below, size=size, deleted=deleted
            ),
            lambda record: record.index,
        )

    def observations(
        self, name: ArtifactName, *, limit: int | None = None
    ) -> Iterator[Observation]:
        """Yield the observations of one partition (or of one version, if picked), newest first."""

        def look(tx: Transaction) -> tuple[int, int | None]:
            version = versions.pick(tx, name, deleted=True).id if name.picks_version else None
            return scopes.require_partition(tx, name), version

        partition, version_id = self._database.read(look)
        return self._database.stream(
            lambda tx, below, size: observations.page(
                tx, partition, version_id=version_id, below=below, size=size
            ),
            lambda observation: observation.id,
            limit=limit,
        )

    def pin_sets(self, version_id: int) -> list[PinSet]:
        """Return every pin set of a version, newest seen first."""
        return self._database.read(lambda tx: pins.of_version(tx, version_id))

    def as_of(self, name: ArtifactName, moment: datetime) -> VersionRecord:
        """Return the version that the name's alias (or `latest`) named at `moment`, registry time."""
        _check_moment(moment)
        if name.index is not None or name.digest is not None:
            raise InvalidInput(
                f"{name} names one version", subject=str(name), expected="an alias, or no version"
            )

        def find(tx: Transaction) -> VersionRecord:
            partition = scopes.require_partition(tx, name)
            alias = name.alias or LATEST
            found = changes.version_as_of(tx, partition, alias, moment)
            if found is None:
                raise NotFound(
                    f"{name.bare()} had no {alias!r} at {moment.isoformat()}", subject=str(name)
                )
            return versions.by_id(tx, found)

        return self._database.read(find)

    def containing(
        self, uri: str, *, entity: str | None = None, deleted_since: datetime | None = None
    ) -> Iterator[VersionRecord]:
        """Yield live versions with a source that is, contains, or lies below `uri`, newest first."""
        return self._database.stream(
            lambda tx, below, size: sources.page(
                tx, uri, entity=entity, deleted_since=deleted_since, below=below, size=size
            ),
            lambda record: record.id,
        )

    # -- changing -----------------------------------------------------------------------------

    def promote(
        self, name: ArtifactName, alias: str, *, run: RunKey | None = None
    ) -> tuple[VersionRecord, Change | None]:
        """Move `alias` to the version that `name` picks; no change row if it is there already."""
        return self._database.write(lambda tx: promoting.promote(tx, name, alias, run))

    def remove_alias(self, name: ArtifactName, alias: str) -> None:
        """Take an alias away; `latest` cannot be."""
        self._database.write(lambda tx: promoting.remove_alias(tx, name, alias))

    def update(
        self,
        name: ArtifactName,
        *,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        ttl_seconds: int | EllipsisType | None = ...,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
    ) -> VersionRecord:
        """Edit what is editable of a version."""
        added, removed = tuple(add_tags), tuple(remove_tags)
        return self._database.write(
            lambda tx: versions.edit(
                tx,
                name,
                description=description,
                metadata=metadata,
                ttl_seconds=ttl_seconds,
                add_tags=added,
                remove_tags=removed,
            )
        )

    def update_collection(self, name: ArtifactName, *, description: str) -> CollectionRecord:
        """Edit a collection's description."""
        return self._database.write(lambda tx: catalog.describe(tx, name, description))

    def delete(self, name: ArtifactName, *, delete_aliases: bool = False) -> VersionRecord:
        """Soft-delete a version."""
        return self._database.write(
            lambda tx: deleting.delete(tx, name, delete_aliases=delete_aliases)
        )

    def undelete(self, name: ArtifactName) -> VersionRecord:
        """Make a deleted version live again."""
        return self._database.write(lambda tx: deleting.undelete(tx, name))

    def expire(self, now: datetime | None = None, *, dry_run: bool = True) -> list[VersionRecord]:
        """Soft-delete versions past their TTL that no alias names; return them."""
        if now is not None:
            _check_moment(now)
        run = self._database.read if dry_run else self._database.write
        return run(lambda tx: deleting.expire(tx, now, dry_run=dry_run))

    # -- runs and lineage ---------------------------------------------------------------------

    def begin_run(
        self,
        key: RunKey,
        *,
        entity: str,
        project: str,
        name: str = "",
        job_type: str = "",
        attempt: int = 1,
        link: str | None = None,
        config: dict[str, Any] | None = None,
    ) -> RunRecord:
        """Record a run, or meet it again: idempotent on the key, keeps the highest attempt."""
        return self.open(create=True).write(
            lambda tx: runs.begin(
                tx,
                key,
                entity=entity,
                project=project,
                name=name,
                job_type=job_type,
                attempt=attempt,
                link=link,
                config=config,
            )
        )

    def finish_run(self, key: RunKey, status: RunStatus) -> None:
        """Set how a run ended."""
        self._database.write(lambda tx: runs.finish(tx, key, status))

    def run(self, id_or_key: str | RunKey) -> RunRecord:
        """Return a run by its short id or key."""
        where = (
            run_rows.c.short_id == id_or_key
            if isinstance(id_or_key, str)
            else runs.is_key(id_or_key)
        )
        return self._database.read(lambda tx: runs.one(tx, where, str(id_or_key)))

    def runs(
        self, *, entity: str, project: str | None = None, limit: int = 100
    ) -> Iterator[RunRecord]:
        """Yield runs, newest first."""
        found = self._database.stream(
            lambda tx, below, size: runs.page(
                tx, entity=entity, project=project, below=below, size=size
            ),
            lambda row: row[0],
            limit=limit,
        )
        return (record for _, record in found)

    def add_edge(self, run: RunKey, direction: Direction, version_id: int) -> Edge:
        """Record an edge; idempotent on (run, direction, version)."""
        return self._database.write(
            lambda tx: edges.add_checked(tx, runs.require(tx, run), direction, version_id)
        )

    def add_edges(self, run: RunKey, direction: Direction, version_ids: Sequence[int]) -> None:
        """Record edges of one kind in one transaction; see `Registry.add_edges`."""
        self._database.write(
            lambda tx: edges.add_all(tx, runs.require(tx, run), direction, version_ids)
        )

    def edges(
        self,
        *,
        versions: Sequence[int] = (),
        runs: Sequence[RunKey] = (),
        until: datetime | None = None,
    ) -> list[Edge]:
        """Return the edges that touch any of these versions or runs, oldest first."""
        return self._database.read(lambda tx: edges.touching(tx, versions, runs, until))

    def latest_uses(
        self, name: ArtifactName, by: RunKey, *, partitions: bool = False
    ) -> Iterator[Edge]:
        """Yield who used a version, newest first; see `Registry.latest_uses`."""
        found = self._database.stream(
            lambda tx, below, size: edges.uses_page(
                tx, name, by, whole=partitions, below=below, size=size
            ),
            lambda row: row[0],
        )
        return (edge for _, edge in found)

    # -- the change feed ----------------------------------------------------------------------

    def changes(
        self,
        *,
        after: int = 0,
        limit: int | None = None,
        name: ArtifactName | None = None,
        partitions: bool = False,
        entity: str | None = None,
    ) -> Iterator[Change]:
        """Yield changes with a position above `after`, ascending; of one partition if named."""
        if not self.is_there:
            return iter(())
        return self._database.stream(
            lambda tx, position, size: changes.page(
                tx, after=position, size=size, name=name, whole=partitions, entity=entity
            ),
            lambda change: change.position,
            start=after,
            limit=limit,
        )

    def head(self) -> int:
        """Return the position of the newest change, 0 if there is none."""
        return self._database.read(changes.head) if self.is_there else 0

    def pending_announcement(
        self, name: ArtifactName, consumer: str, *, run: RunKey | None = None
    ) -> Change | None:
        """Return the change of `latest` that this consumer still has to be told, or None."""
        ask = partial(announcements.pending, name=name, consumer=consumer, run=run)
        return self._database.read(ask) if self.is_there else None

    def mark_announced(self, consumer: str, change: Change) -> None:
        """Record that the consumer was told; never moves backwards."""
        self._database.write(lambda tx: announcements.mark(tx, consumer, change))

    def announced_position(self, consumer: str, name: ArtifactName | None = None) -> int:
        """Return the position of the newest change that the consumer was told of, 0 if of none."""
        ask = partial(announcements.position, consumer=consumer, name=name)
        return self._database.read(ask) if self.is_there else 0

    # -- blobs --------------------------------------------------------------------------------

    @property
    def collection_lease(self) -> timedelta:
        """How long a collector may take to delete what it condemned; a writer that wants it waits so long."""
        return self._lease

    def record_blob(self, sha256: str, size: int) -> bool:
        """Say that a writer is about to upload or reuse a blob; tell whether it was condemned.

        Waits while a collector is deleting the blob, so that what is uploaded afterwards stays.
        """
        waited = False
        while True:
            condemned = self.open(create=True).write(
                lambda tx: blobs.record(tx, sha256, size, self._lease)
            )
            if condemned is not None:
                return condemned or waited
            waited = True
            time.sleep(random.uniform(0.02, 0.2))  # noqa: S311 - jitter

    def needed_manifests(self) -> Iterator[NeededManifest]:
        """Yield the manifests of every pin set of every live version, by blob."""
        return self._database.stream(
            lambda tx, after, size: blobs.needed_page(tx, after=after, size=size),
            lambda need: (need.blob, need.pin_set),
            start=("", 0),
        )

    def garbage(self, *, older_than: datetime) -> Iterator[BlobRow]:
        """Yield blobs that no live or restorable version and no pin set names."""
        _check_moment(older_than)
        return self._database.stream(
            lambda tx, after, size: blobs.garbage_page(
                tx, older_than=older_than, after=after, size=size
            ),
            lambda row: row.sha256,
            start="",
        )

    def condemn(self, sha256s: Sequence[str], *, older_than: datetime) -> list[str]:
        """Condemn those of the blobs that are still garbage; return them."""
        _check_moment(older_than)
        return self._database.write(lambda tx: blobs.condemn(tx, sha256s, older_than, self._lease))

    def forget_blobs(self, sha256s: Sequence[str]) -> None:
        """Remove the rows of condemned blobs, after their bytes are gone."""
        self._database.write(lambda tx: blobs.forget(tx, sha256s))

    def known_blobs(self, sha256s: Sequence[str]) -> dict[str, int]:
        """Return the sizes of those of the blobs that have a row."""
        return self._database.read(lambda tx: blobs.known(tx, sha256s))


def _check_moment(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise InvalidInput(
            f"{moment.isoformat()} has no time zone", expected="an aware datetime, such as UTC"
        )
