"""Registry: names, versions, runs and changes in SQLite or PostgreSQL; each verb is one transaction.

What holds of all of them (`landfast.testing.RegistrySuite` checks it on every database):

- A verb is applied whole or not at all, and does no network work but SQL.
- Index, aliases, `latest` and "equal to an earlier version" are per (collection, partition).  Indices have no gaps and
  are never reused.
- The change feed is gapless and becomes visible in commit order: a reader that saw position N will never later see a
  position below N that it had not seen.
- Names in arguments have entity and project filled in (`ArtifactName.within`).
- Errors: `NotFound` (names what exists nearby), `Conflict`, `InvalidInput`, `Unavailable` (not reachable, busy or
  full), `AccessDenied` (read-only).  No message holds a password.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from landfast.model.garbage import BlobRow
from landfast.model.health import NeededManifest
from landfast.model.lineage import Direction, Edge
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey, RunRecord, RunStatus
from landfast.model.times import check_moment
from landfast.model.verdict import Verification, VerifyReport
from landfast.model.version import Change, CollectionRecord, Observation, PinSet, VersionRecord
from landfast.registry import (
    announcements,
    blobs,
    changes,
    collections,
    counters,
    deletion,
    edges,
    observations,
    pins,
    promotion,
    runs,
    scopes,
    sources,
    versions,
)
from landfast.registry.consumers.consumers import Consumers
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.holds.holds import Holds
from landfast.registry.log import log, unchanged
from landfast.registry.overview.overview import Overview
from landfast.registry.rows import chunks
from landfast.registry.stale import StaleRows
from landfast.registry.values import (
    ChangeFilter,
    LogOutcome,
    LogRequest,
    RegistryInfo,
    RunStart,
    VersionEdit,
)
from landfast.registry.verdicts.verdicts import Verdicts

COLLECTION_LEASE = timedelta(seconds=60)
_EVERY_CHANGE = ChangeFilter()


class Registry:
    """A database of versions and lineage.

    Threads share one; a child made by fork opens its own connections.  The lease is how long `gc` may take to delete.
    """

    def __init__(self, database: LazyDatabase, *, lease: timedelta = COLLECTION_LEASE) -> None:
        self._database = database
        self._lease = lease
        self.overview = Overview(database)
        self.stale = StaleRows(database)
        self.consumers = Consumers(database)
        self.holds = Holds(database)
        self.verdicts = Verdicts(database)

    def __reduce__(self) -> str:
        raise TypeError("a registry cannot be pickled: open it by its URL where it is needed")

    def __repr__(self) -> str:
        return f"Registry({str(self._database.url)!r})"

    @property
    def info(self) -> RegistryInfo:
        """What it says of itself."""
        return self._database.info

    def close(self) -> None:
        """Close connections; the registry may be used again afterwards."""
        self._database.close()

    # -- logging ------------------------------------------------------------------------------

    def ticket(self) -> int:
        """Draw the next start ticket: ascending, unique; gaps are harmless."""
        return counters.next_ticket(self._database)

    def log(self, request: LogRequest) -> LogOutcome:
        """Record content: a new version, or an observation of an equal live one.

        Locks the (collection, partition) row, compares, bumps, inserts.  Equal content at pins not
        seen before needs `blob` too, for the pin set.

        Raises:
            BlobNeeded: If a blob is needed and `request.blob` is None, or the blob was condemned meanwhile.
            Conflict: If the collection has another type.
        """
        return log.log(self._database, request)

    def log_unchanged(self, requests: Sequence[LogRequest]) -> list[LogOutcome | None]:
        """Log those of many requests that change nothing, in one transaction; the others are None.

        Nothing changes where `latest` has the content at pins that were seen before, and the aliases and tags.
        Then the observation and the edge are written, as `log` does; who gets None has to ask `log`.
        """
        return self._database.write(lambda tx: unchanged.log_unchanged(tx, requests))

    def mend_manifest(self, id: int, lost: Collection[str], request: LogRequest) -> VersionRecord:
        """Let the version with this id name `request.blob` in place of lost manifests of the same content; as `log`."""
        return self._database.write(lambda tx: log.mend(tx, id, lost, request))

    def add_copy(self, id: int, request: LogRequest) -> None:
        """Name `request.blob`, a manifest of copies, as a pin set of the version with this id; raises as `log`."""
        self._database.write(lambda tx: log.add_copy(tx, id, request))

    # -- reading ------------------------------------------------------------------------------

    def get(self, name: ArtifactName, *, deleted: bool = False) -> VersionRecord:
        """Return the version that the name picks; without a pick, `latest`.

        Raises:
            NotFound: Naming what is missing (project, collection, partition, version, alias) and what there is.
        """
        return self._database.read(lambda tx: versions.pick(tx, name, deleted=deleted))

    def collections(self, *, entity: str, project: str | None = None) -> Iterator[CollectionRecord]:
        """Yield the collections of an entity, by project and name."""
        return self._database.stream(
            lambda tx, after, size: collections.page(tx, entity, project, after=after, size=size),
            lambda record: (record.project, record.name),
        )

    def collection_type(self, name: ArtifactName) -> str | None:
        """Return the type of a collection; None if there is no such collection."""
        if not self._database.is_there:
            return None
        return self._database.read(lambda tx: scopes.find(tx, name).type)

    def partitions(
        self, name: ArtifactName, *, keys: Sequence[str] | None = None
    ) -> Iterator[tuple[str, VersionRecord]]:
        """Yield each partition with its `latest`, by key; only those of `keys`, if given, that there are."""
        database = self._database
        collection = database.read(lambda tx: scopes.require_collection(tx, name))

        def among(part: Sequence[str]) -> list[VersionRecord]:
            return database.read(lambda tx: collections.latest_among(tx, collection, part))

        found: Iterator[VersionRecord]
        if keys is not None:
            found = itertools.chain.from_iterable(map(among, chunks(sorted(keys))))
        else:
            found = database.stream(
                lambda tx, after, size: collections.latest_page(
                    tx, collection, after=after, size=size
                ),
                lambda record: record.name.partition,
            )
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
        scope = self._database.read(lambda tx: observations.scope(tx, name))
        return self._database.stream(
            lambda tx, below, size: observations.page(tx, scope, below=below, size=size),
            lambda observation: observation.id,
            limit=limit,
        )

    def add_verification(self, version_id: int, report: VerifyReport) -> Verification:
        """Keep what a look at the sources of a version found."""
        return self._database.write(
            lambda tx: observations.add_verification(tx, version_id, report)
        )

    def verifications(self, version_id: int) -> list[Verification]:
        """Return what the last looks at the sources of a version found, newest first."""
        return self._database.read(lambda tx: observations.verifications_of(tx, version_id))

    def pin_sets(self, version_id: int) -> list[PinSet]:
        """Return every pin set of a version, newest seen first; its own manifest is among them."""
        return self._database.read(lambda tx: pins.of_version(tx, version_id))

    def as_of(self, name: ArtifactName, moment: datetime) -> VersionRecord:
        """Return the version that the name's alias (or `latest`) named at a moment, registry time, else `NotFound`."""
        check_moment(moment)
        return self._database.read(lambda tx: versions.as_of(tx, name, moment))

    def containing(
        self, uri: str, *, entity: str | None = None, deleted_since: datetime | None = None
    ) -> Iterator[VersionRecord]:
        """Yield live versions with a source that is, contains, or lies below `uri`: candidates that may hold it.

        Newest first.  With `deleted_since` also versions that were deleted then or later: they can be restored.
        """
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
        """Move `alias` to the version that `name` picks; no change row if it is there already.

        `latest` may be moved too: scans that are under way then leave it there.
        """
        return self._database.write(lambda tx: promotion.promote(tx, name, alias, run))

    def remove_alias(self, name: ArtifactName, alias: str) -> None:
        """Remove an alias; `latest` cannot be removed.

        Raises:
            NotFound: If the partition has no such alias.
            Conflict: If the name picks a version, and the alias names another one.
        """
        self._database.write(lambda tx: promotion.remove_alias(tx, name, alias))

    def update(self, name: ArtifactName, edit: VersionEdit) -> VersionRecord:
        """Edit what is editable of a version."""
        return self._database.write(lambda tx: versions.edit(tx, name, edit))

    def delete(self, name: ArtifactName, *, delete_aliases: bool = False) -> VersionRecord:
        """Soft-delete a version.

        If `latest` named it, `latest` falls back to the highest live index, with a change row, or goes.

        Raises:
            Conflict: If aliases (`latest` included) name it and `delete_aliases` is False; they are named.
        """
        return self._database.write(
            lambda tx: deletion.delete(tx, name, delete_aliases=delete_aliases)
        )

    def undelete(self, name: ArtifactName) -> VersionRecord:
        """Make a deleted version live again; `latest` names it only if it names nothing.

        Raises:
            Conflict: If another live version has its content.
            NotFound: If its manifest was collected.
        """
        return self._database.write(lambda tx: deletion.undelete(tx, name))

    def expire(self, now: datetime | None = None, *, dry_run: bool = True) -> list[VersionRecord]:
        """Soft-delete versions past their TTL that no alias names; return them."""
        if now is not None:
            check_moment(now)
        run = self._database.read if dry_run else self._database.write
        return run(lambda tx: deletion.expire(tx, now, dry_run=dry_run))

    # -- runs and lineage ---------------------------------------------------------------------

    def begin_run(self, start: RunStart) -> RunRecord:
        """Record a run, or meet it again: idempotent on the key, keeps the highest attempt.

        What is given replaces what was, unless by an older attempt; the project stays.  A higher one runs again.
        """
        return self._database.write(lambda tx: runs.begin(tx, start), create=True)

    def finish_run(self, key: RunKey, status: RunStatus) -> None:
        """Set how a run ended."""
        self._database.write(lambda tx: runs.finish(tx, key, status))

    def run(self, id_or_key: str | RunKey) -> RunRecord:
        """Return a run by its short id or key."""
        return self._database.read(lambda tx: runs.one(tx, id_or_key))

    def runs(
        self, *, entity: str, project: str | None = None, limit: int = 100
    ) -> Iterator[RunRecord]:
        """Yield runs, newest first."""
        found = self._database.stream(
            lambda tx, below, size: runs.page(tx, entity, project, below=below, size=size),
            lambda row: row[0],
            limit=limit,
        )
        return (record for _, record in found)

    def add_edges(self, run: RunKey, direction: Direction, version_ids: Sequence[int]) -> None:
        """Record edges of a run, idempotent on (run, direction, version); all of them or none."""
        self._database.write(
            lambda tx: edges.add_all(tx, runs.require(tx, run), direction, version_ids)
        )

    def edges(
        self,
        *,
        versions: Sequence[int] = (),
        runs: Sequence[RunKey] = (),
        until: datetime | None = None,
    ) -> Sequence[Edge]:
        """Return the edges that touch any of these versions or runs, oldest first; many lie in a temporary file."""
        return self._database.read(lambda tx: edges.touching(tx, versions, runs, until))

    def edges_within(self, of: RunKey) -> list[Edge]:
        """Return the edges of all nodes and parts of a run, oldest first; `of` is one of them."""
        return self._database.read(lambda tx: edges.within(tx, of))

    def latest_uses(
        self, name: ArtifactName, by: RunKey, *, partitions: bool = False
    ) -> Iterator[Edge]:
        """Yield who used or declared a version of a partition, or of any one, newest first.

        Only runs like `by` count: of its system and deployment, with a run id that begins with its run id.
        A collection that does not exist yet was used by nobody.
        """
        found = self._database.stream(
            lambda tx, below, size: edges.uses_page(
                tx, name, by, whole=partitions, below=below, size=size
            ),
            lambda row: row[0],
        )
        return (edge for _, edge in found)

    # -- the change feed ----------------------------------------------------------------------

    def changes(
        self, of: ChangeFilter = _EVERY_CHANGE, *, after: int = 0, limit: int | None = None
    ) -> Iterator[Change]:
        """Yield changes with a position above `after`, ascending; a collection that is not there has none."""
        if not self._database.is_there:
            return iter(())
        return self._database.stream(
            lambda tx, position, size: changes.page(tx, of, after=position, size=size),
            lambda change: change.position,
            start=after,
            limit=limit,
        )

    def head(self) -> int:
        """Return the position of the newest change, 0 if there is none."""
        return self._database.read(counters.head) if self._database.is_there else 0

    def pending_announcement(
        self, name: ArtifactName, consumer: str, *, run: RunKey | None = None
    ) -> Change | None:
        """Return the change of `latest` that this consumer still has to be told, or None.

        The change that an earlier attempt of `run` wrote, if `latest` still names its version and it was not
        announced; else, where the digest of `latest` differs from the one last announced to the consumer, the newest
        change of `latest`.  Superseded changes are not replayed.
        """
        if not self._database.is_there:
            return None
        return self._database.read(lambda tx: announcements.pending(tx, name, consumer, run))

    def mark_announced(self, consumer: str, change: Change) -> None:
        """Record that the consumer was told of a change of `latest`; never moves backwards.

        Raises:
            InvalidInput: If the change moved another alias.
            Conflict: If it is of another registry.
        """
        self._database.write(lambda tx: announcements.mark(tx, consumer, change))

    def announced_position(self, consumer: str, name: ArtifactName | None = None) -> int:
        """Return the position of the newest change, of one partition if given, that this consumer was told of, else 0.

        A consumer that is told in the order of the feed goes on from there.
        """
        if not self._database.is_there:
            return 0
        return self._database.read(lambda tx: announcements.position(tx, consumer, name))

    # -- blobs --------------------------------------------------------------------------------

    @property
    def collection_lease(self) -> timedelta:
        """How long a collector may take to delete what it condemned; a writer that wants it waits so long."""
        return self._lease

    def record_blobs(self, sizes: Mapping[str, int]) -> set[str]:
        """Say that a writer is about to upload or reuse blobs; return those condemned: upload them again.

        Waits while a collector is deleting one of them, so that what is uploaded afterwards stays.
        """
        return blobs.record_all(self._database, sizes, self._lease)

    def manifest_bases(self, sha256s: Iterable[str]) -> dict[str, list[str]]:
        """Return what those of some manifests that are deltas stand on, down to the full file."""
        return self._database.read(lambda tx: blobs.bases_of(tx, sha256s))

    def needed_manifests(self) -> Iterator[NeededManifest]:
        """Yield the manifests of every pin set of every live version, by blob; then what those stand on."""
        for page in (blobs.needed_page, blobs.needed_bases_page):
            yield from self._database.stream(
                lambda tx, after, size: page(tx, after=after, size=size),  # noqa: B023 - used up at once
                lambda need: (need.blob, need.pin_set),
                start=("", 0),
            )

    def garbage(self, *, older_than: datetime) -> Iterator[BlobRow]:
        """Yield blobs that no live or restorable version needs, recorded before `older_than`.

        Needed is what a pin set names, and what that stands on where it is a delta.  A deleted version is restorable
        if it was deleted at `older_than` or later.  Manifests alone are known: the caller leaves out managed files.
        """
        check_moment(older_than)
        return self._database.stream(
            lambda tx, after, size: blobs.garbage_page(tx, older_than, after=after, size=size),
            lambda row: row.sha256,
            start="",
        )

    def condemn(self, sha256s: Sequence[str], *, older_than: datetime) -> list[str]:
        """Condemn those of the blobs that are still garbage; return them.  Only they may be deleted.

        What another collector condemned within `collection_lease` is left to it.  Delete at once: who wants one waits.
        """
        check_moment(older_than)
        return self._database.write(lambda tx: blobs.condemn(tx, sha256s, older_than, self._lease))

    def forget_blobs(self, sha256s: Sequence[str], held: Sequence[str] = ()) -> None:
        """Remove the rows of condemned blobs whose bytes are gone; those that are `held` are condemned no more."""
        self._database.write(lambda tx: blobs.forget(tx, sha256s, held))

    def known_blobs(self, sha256s: Sequence[str]) -> dict[str, int]:
        """Return the sizes of those that have a row; bytes without one are orphans of a killed upload."""
        return self._database.read(lambda tx: blobs.known(tx, sha256s))
