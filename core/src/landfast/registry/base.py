"""The registry seam: one transaction per verb, the same meaning on every database.

The contract that `landfast.testing.RegistrySuite` checks over every implementation:

- Each method is one transaction; it is applied whole or not at all, and does no network work but SQL.
- Index, aliases, `latest` and "equal to an earlier version" are per (collection, partition).  Indices
  have no gaps and are never reused.
- The change feed is gapless and becomes visible in commit order: a reader that saw position N will never
  later see a position below N that it had not seen.
- Names in arguments have entity and project filled in (`ArtifactName.within`).
- Errors: `NotFound` (names what exists nearby), `Conflict`, `InvalidInput`, `Unavailable` (database not
  reachable, busy or full), `AccessDenied` (read-only).  No message holds a password.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import EllipsisType
from typing import Any, Protocol, runtime_checkable

from landfast.model.garbage import BlobRow
from landfast.model.health import NeededManifest
from landfast.model.lineage import Direction, Edge
from landfast.model.manifest import ManifestSummary
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey, RunRecord, RunStatus
from landfast.model.source import Skipped, Source
from landfast.model.version import Change, CollectionRecord, Observation, PinSet, VersionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryInfo:
    """What a registry says of itself.

    Args:
        id: Unique id, given when it was made; part of every change id.
        url: Its URL without secrets.
        database: What tells it from a copy of itself: the path of the SQLite file, the name of the database.
        store_url: Where its blobs lie.
        schema: Revision of its schema.
        oldest_reader: Oldest client version that may read it.
        oldest_writer: Oldest client version that may write it.
    """

    id: str
    url: str
    database: str
    store_url: str | None
    schema: str
    oldest_reader: str
    oldest_writer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """Everything the registry needs to decide whether content is new, and to record it.

    Args:
        name: Collection and partition; no version.
        type: Of the collection; another type than recorded is `Conflict`.
        summary: Of the manifest.
        blob: sha256 of the uploaded manifest blob; None if the writer believes that it needs none.
        sources: What was scanned.
        skipped: What was left out.
        metadata: Of the version if it is new; kept on the observation always.
        description: Of the version if it is new.
        aliases: To move to the version, new or not; `latest` is implied.
        tags: To add to the version, new or not.
        ttl_seconds: Of the version if it is new.
        run: Key of the run that logs; must have been begun.
        direction: The edge: `LOGGED`, or `USED` for a draft handed to `use_artifact`; None for no edge.
        ticket: From `ticket`, taken before the first request of the scan. `latest` stays where it is if a
            scan with a later ticket has moved it.
        move_latest: False leaves `latest` where it is, unless the partition has none.
    """

    name: ArtifactName
    type: str
    summary: ManifestSummary
    blob: str | None = None
    sources: tuple[Source, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ttl_seconds: int | None = None
    run: RunKey | None = None
    direction: Direction | None = Direction.LOGGED
    ticket: int
    move_latest: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOutcome:
    """What `log` did.

    Args:
        version: The version that has this content now.
        created: Whether it is new.
        changed: Whether `latest` moved, to it or back to it.
        change: The feed row of `latest`, if it moved.
        observation: The row that was written.
    """

    version: VersionRecord
    created: bool
    changed: bool
    change: Change | None
    observation: Observation


class BlobNeeded(Exception):
    """The log needs a manifest blob that the request did not name: upload it and ask again.

    Not a `LandfastError`: it never leaves the publish service.
    """


@runtime_checkable
class Registry(Protocol):
    """A database of versions and lineage."""

    @property
    def info(self) -> RegistryInfo:
        """What it says of itself."""
        ...

    def close(self) -> None:
        """Close connections; the registry may be used again afterwards."""
        ...

    # -- logging ------------------------------------------------------------------------------

    def ticket(self) -> int:
        """Draw the next start ticket: ascending, unique; gaps are harmless."""
        ...

    def find_content(self, name: ArtifactName, digest: str) -> VersionRecord | None:
        """Return the live version of this (collection, partition) with this content, if any."""
        ...

    def log(self, request: LogRequest) -> LogOutcome:
        """Record content: a new version, or an observation of an equal live one.

        Locks the (collection, partition) row, compares, bumps, inserts.  Equal content at pins not
        seen before needs `blob` too, for the pin set.

        Raises:
            BlobNeeded: If a blob is needed and `request.blob` is None, or the blob was condemned meanwhile.
            Conflict: If the collection has another type.
        """
        ...

    def log_unchanged(self, requests: Sequence[LogRequest]) -> list[LogOutcome | None]:
        """Log those of many requests that change nothing, in one transaction; the others are None.

        Nothing changes where `latest` has the content at pins that were seen before, and the aliases and tags
        already. Then all that is written is the observation and the edge, as `log` writes them; who gets None
        has to ask `log`.
        """
        ...

    def mend_manifest(self, id: int, lost: Collection[str], request: LogRequest) -> VersionRecord:
        """Let the version with this id name `request.blob` in place of lost manifests of the same content.

        Raises:
            BlobNeeded: As in `log`.
        """
        ...

    # -- reading ------------------------------------------------------------------------------

    def get(self, name: ArtifactName, *, deleted: bool = False) -> VersionRecord:
        """Return the version that the name picks; without a pick, `latest`.

        Raises:
            NotFound: Naming what is missing (project, collection, partition, version, alias) and what there is.
        """
        ...

    def collections(self, *, entity: str, project: str | None = None) -> Iterator[CollectionRecord]:
        """Yield the collections of an entity, by project and name."""
        ...

    def collection(self, name: ArtifactName) -> CollectionRecord:
        """Return one collection."""
        ...

    def partitions(
        self, name: ArtifactName, *, keys: Sequence[str] | None = None
    ) -> Iterator[tuple[str, VersionRecord]]:
        """Yield each partition with its `latest`, by key; only those of `keys`, if given, that there are."""
        ...

    def versions(self, name: ArtifactName, *, deleted: bool = False) -> Iterator[VersionRecord]:
        """Yield the versions of one partition, newest first."""
        ...

    def observations(
        self, name: ArtifactName, *, limit: int | None = None
    ) -> Iterator[Observation]:
        """Yield the observations of one partition (or of one version, if picked), newest first."""
        ...

    def pin_sets(self, version_id: int) -> list[PinSet]:
        """Return every pin set of a version, newest seen first; its own manifest is among them."""
        ...

    def as_of(self, name: ArtifactName, moment: datetime) -> VersionRecord:
        """Return the version that the name's alias (or `latest`) named at `moment`, registry time.

        Raises:
            NotFound: If it named none.
        """
        ...

    def containing(
        self, uri: str, *, entity: str | None = None, deleted_since: datetime | None = None
    ) -> Iterator[VersionRecord]:
        """Yield live versions with a source that is, contains, or lies below `uri`: candidates that may hold it.

        With `deleted_since` also versions that were deleted then or later: they can be restored.
        """
        ...

    # -- changing -----------------------------------------------------------------------------

    def promote(
        self, name: ArtifactName, alias: str, *, run: RunKey | None = None
    ) -> tuple[VersionRecord, Change | None]:
        """Move `alias` to the version that `name` picks; no change row if it is there already.

        `latest` may be moved too: scans that are under way then leave it there.
        """
        ...

    def remove_alias(self, name: ArtifactName, alias: str) -> None:
        """Take an alias away; `latest` cannot be.

        Raises:
            NotFound: If the partition has no such alias.
            Conflict: If the name picks a version, and the alias names another one.
        """
        ...

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
        """Edit what is editable of a version; None leaves a field as it is, ``ttl_seconds=None`` keeps it for ever."""
        ...

    def update_collection(self, name: ArtifactName, *, description: str) -> CollectionRecord:
        """Edit a collection's description."""
        ...

    def delete(self, name: ArtifactName, *, delete_aliases: bool = False) -> VersionRecord:
        """Soft-delete a version.

        If `latest` named it, `latest` falls back to the highest live index, with a change row; if there is
        none the alias goes.

        Raises:
            Conflict: If aliases (`latest` included) name it and `delete_aliases` is False; they are named.
        """
        ...

    def undelete(self, name: ArtifactName) -> VersionRecord:
        """Make a deleted version live again; `latest` names it only if it names nothing.

        Raises:
            Conflict: If another live version has its content.
            NotFound: If its manifest was collected.
        """
        ...

    def expire(self, now: datetime | None = None, *, dry_run: bool = True) -> list[VersionRecord]:
        """Soft-delete versions past their TTL that no alias names; return them."""
        ...

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
        """Record a run, or meet it again: idempotent on the key, keeps the highest attempt.

        What is given replaces what was, unless by an older attempt; the project stays.  A higher attempt
        makes the run a running one again.
        """
        ...

    def finish_run(self, key: RunKey, status: RunStatus) -> None:
        """Set how a run ended."""
        ...

    def run(self, id_or_key: str | RunKey) -> RunRecord:
        """Return a run by its short id or key."""
        ...

    def runs(
        self, *, entity: str, project: str | None = None, limit: int = 100
    ) -> Iterator[RunRecord]:
        """Yield runs, newest first."""
        ...

    def add_edge(self, run: RunKey, direction: Direction, version_id: int) -> Edge:
        """Record an edge; idempotent on (run, direction, version)."""
        ...

    def add_edges(self, run: RunKey, direction: Direction, version_ids: Sequence[int]) -> None:
        """Record many edges of a run at once, as `add_edge` does each; all of them or none."""
        ...

    def edges(
        self,
        *,
        versions: Sequence[int] = (),
        runs: Sequence[RunKey] = (),
        until: datetime | None = None,
    ) -> list[Edge]:
        """Return the edges that touch any of these versions or runs, oldest first."""
        ...

    def latest_uses(
        self, name: ArtifactName, by: RunKey, *, partitions: bool = False
    ) -> Iterator[Edge]:
        """Yield who used or declared a version of a partition, or of any one, newest first.

        Only runs like `by` count: of its system and deployment, with a run id that begins with its run id.
        A collection that does not exist yet was used by nobody.
        """
        ...

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
        """Yield changes with a position above `after`, ascending; of one partition, one alias if named.

        With `partitions` a name means all partitions of its collection; without, ``partition=""`` means the
        unpartitioned sequence.  `name.alias == "*"` is not a thing:
        ask without a name to see everything.  A collection that does not exist yet has no changes.
        """
        ...

    def head(self) -> int:
        """Return the position of the newest change, 0 if there is none."""
        ...

    def pending_announcement(
        self, name: ArtifactName, consumer: str, *, run: RunKey | None = None
    ) -> Change | None:
        """Return the change of `latest` that this consumer still has to be told, or None.

        The change that an earlier attempt of `run` wrote, if `latest` still names its version and it was not
        announced; else, where the digest of `latest` differs from the one last announced to the consumer, the newest
        change of `latest`.  Superseded changes are not replayed.
        """
        ...

    def mark_announced(self, consumer: str, change: Change) -> None:
        """Record that the consumer was told of a change of `latest`; never moves backwards.

        Raises:
            InvalidInput: If the change moved another alias.
            Conflict: If it is of another registry.
        """
        ...

    def announced_position(self, consumer: str, name: ArtifactName | None = None) -> int:
        """Return the position of the newest change that this consumer was told of, 0 if of none.

        A consumer that is told in the order of the feed goes on from there.

        Args:
            consumer: Who was told.
            name: Only changes of this collection's partition; None is all.
        """
        ...

    # -- blobs --------------------------------------------------------------------------------

    @property
    def collection_lease(self) -> timedelta:
        """How long a collector may take to delete what it condemned; a writer that wants it waits so long."""
        ...

    def record_blob(self, sha256: str, size: int) -> bool:
        """Say that a writer is about to upload or reuse a blob; tell whether it was condemned (upload it again)."""
        ...

    def needed_manifests(self) -> Iterator[NeededManifest]:
        """Yield the manifests of every pin set of every live version, by blob."""
        ...

    def garbage(self, *, older_than: datetime) -> Iterator[BlobRow]:
        """Yield blobs that no live or restorable version and no pin set names, recorded before `older_than`.

        A deleted version is restorable if it was deleted at `older_than` or later.  The registry knows
        manifests only: what their entries name, managed files, the caller has to leave out.
        """
        ...

    def condemn(self, sha256s: Sequence[str], *, older_than: datetime) -> list[str]:
        """Condemn those of the blobs that are still garbage; return them.  Only they may be deleted.

        What another collector condemned within `collection_lease` is left to it.  The caller deletes at
        once: a writer that wants a condemned blob waits until its row is forgotten or the lease is over.
        """
        ...

    def forget_blobs(self, sha256s: Sequence[str]) -> None:
        """Remove the rows of condemned blobs, after their bytes are gone."""
        ...

    def known_blobs(self, sha256s: Sequence[str]) -> dict[str, int]:
        """Return the sizes of those that have a row; bytes without one are orphans of a killed upload."""
        ...
