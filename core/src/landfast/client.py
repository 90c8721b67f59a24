"""Client: one flat face of the verbs.  Each method names a thing, calls one verb, and binds the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from types import EllipsisType
from typing import IO, TYPE_CHECKING, Any, Self, Unpack

from landfast import scans
from landfast.context import Context, Opener, default_context
from landfast.draft import Draft, LogOptions, log_draft, log_drafts
from landfast.drift import verify_aliases
from landfast.errors import InvalidInput, NotFound, needs_extra
from landfast.model.lineage import Direction
from landfast.model.names import LATEST, ArtifactName
from landfast.model.options import (
    CopyOptions,
    DownloadOptions,
    HoldRequestOptions,
    LineageOptions,
    PlaceOptions,
    RestoreOptions,
    RetentionOptions,
    VerifyOptions,
)
from landfast.model.reference import Reference
from landfast.model.run import JoinedRun, RunKey, RunRecord, RunStatus
from landfast.model.version import History
from landfast.openlineage.inline import tell_run
from landfast.own_run import OwnRun
from landfast.registry.values import ChangeFilter
from landfast.settings import VARIABLES, Settings, load_settings
from landfast.spelling import named_options, no_method
from landfast.version import (
    ArtifactVersion,
    Named,
    find_version,
    name_of,
    record_use,
    settle_deleted,
)
from landfast.version_storage import release_removed

if TYPE_CHECKING:
    from landfast.download.report import DownloadReport
    from landfast.filesystem.files import LandfastFileSystem
    from landfast.follow.follower import Follower
    from landfast.manifests.base import Manifest
    from landfast.manifests.reader import ManifestFile
    from landfast.model.diff import ManifestDiff
    from landfast.model.garbage import GarbageReport, PruneReport
    from landfast.model.health import RegistryCheck
    from landfast.model.imports import ImportReport
    from landfast.model.lineage import Edge, Lineage, ObjectLineage
    from landfast.model.retention.report import RetentionReport
    from landfast.model.snapshot_config import SnapshotConfig
    from landfast.model.storage.copies import CopyReport
    from landfast.model.storage.drift import AliasVerdict
    from landfast.model.storage.hold_rule import HoldRule
    from landfast.model.storage.holds import HoldReport
    from landfast.model.storage.plan import Plan
    from landfast.model.storage.restore import RestoreReport
    from landfast.model.verdict import VerifyReport
    from landfast.model.version import (
        Change,
        CollectionRecord,
        PinSet,
        VersionRecord,
    )
    from landfast.registry.copy.report import RegistryCopy
    from landfast.registry.registry import Registry
    from landfast.registry.values import RegistryInfo
    from landfast.scan.values import ScanPlan, Shard, ShardScan
    from landfast.sql import SqlResult
    from landfast.stores.base import ClientFactory, Store

# So many problems of holds are told at most.
_MOST_PROBLEMS = 1_000


class Client:
    """Access a registry, its store and your data: the entry point for scripts and integrations.

    A client opens connections when they are needed. Threads can share it. It survives `fork`, and pickles without
    secrets: in another process it opens the registry of that environment.

    Args:
        url: Registry: ``sqlite:///PATH`` or ``postgresql://...``; None is `LANDFAST_REGISTRY_URL`, else SQLite
            in the user's data folder.
        entity: Default entity of names.
        project: Default project of names.
        store_url: URL of the registry's store that you expect; `Conflict` if the registry has another store.
        options: Store options by URI prefix: endpoint, region, profile, role, anonymous, ...
        endpoint_map: Endpoints to read from, by recorded endpoint.
        clients: Functions that make provider clients, by URI prefix or scheme; the worker calls them.
        stores: Your own stores, by scheme.
        run: The run that logs and uses; None is `LANDFAST_RUN`, else a run for this process.
        settings: All settings, instead of those of the environment.
        note: Called with notes for people, such as "this bucket does not keep overwritten objects".
        opener: Makes the client again where it, or one of its versions, is unpickled: a picklable function without
            secrets, such as one that finds a connection; None opens the registry of that environment.

    Example:
        >>> client = Client()  # doctest: +SKIP
        >>> v = client.log("vision/mnist", "s3://my-bucket/datasets/mnist")  # doctest: +SKIP
        >>> v.version, v.changed  # doctest: +SKIP
        ('v0', True)
    """

    @named_options()
    def __init__(
        self,
        url: str | None = None,
        *,
        entity: str | None = None,
        project: str | None = None,
        store_url: str | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        endpoint_map: Mapping[str, str] | None = None,
        clients: Mapping[str, ClientFactory] | None = None,
        stores: Mapping[str, Store] | None = None,
        run: RunKey | None = None,
        settings: Settings | None = None,
        note: Callable[[str], None] | None = None,
        opener: Opener | None = None,
    ) -> None:
        given = settings or load_settings(
            registry_url=url, store_url=store_url, entity=entity, project=project
        )
        self._context = Context(
            replace(
                given,
                options={**given.options, **(options or {})},
                endpoint_map={**given.endpoint_map, **(endpoint_map or {})},
            ),
            clients=clients,
            stores=stores,
            run=OwnRun(key=run),
            note=note,
            opener=opener,
        )

    @classmethod
    def on(cls, context: Context) -> Self:
        """Return a client on an existing context."""
        client = cls.__new__(cls)
        client._context = context
        return client

    # -- what it stands on --------------------------------------------------------------------

    @property
    def context(self) -> Context:
        """Settings, registry, stores and cache of the client, each opened on first use."""
        return self._context

    @property
    def settings(self) -> Settings:
        """The settings of this client."""
        return self._context.settings

    @property
    def registry(self) -> Registry:
        """The registry itself: low-level access, without checks."""
        return self._context.registry

    @property
    def registry_info(self) -> RegistryInfo:
        """The registry's id, store and schema."""
        return self.registry.info

    @property
    def display_url(self) -> str:
        """The registry's URL without secrets."""
        return self._context.display_url

    def with_defaults(
        self, *, entity: str | None = None, project: str | None = None, run: RunKey | None = None
    ) -> Self:
        """Return a client with other defaults that shares this client's connections."""
        return self.on(self._context.with_defaults(entity=entity, project=project, run=run))

    def resolve_name(self, named: Named) -> ArtifactName:
        """Return the full name, with this client's default entity and project if the name has none."""
        return name_of(self._context, named)

    def is_of(self, registry_id: str | None) -> bool:
        """Return whether this client's registry exists and has this id."""
        return self._context.is_of(registry_id)

    def close(self) -> None:
        """Close all connections; you can use the client again."""
        self._context.close()

    # -- log ----------------------------------------------------------------------------------

    @named_options(PlaceOptions)
    def log(
        self,
        name: Named,
        *references: str | Path | Reference,
        type: str | None = None,
        partition: str | None = None,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
        ttl: timedelta | None = None,
        move_latest: bool = True,
        hold: bool = False,
        shards: int = 1,
        workers: int | None = None,
        executor: Executor | None = None,
        **place: Unpack[PlaceOptions],
    ) -> ArtifactVersion:
        """Scan references and log their entries; makes a new version only if the content changed.

        Args:
            name: ``[[entity/]project/]collection[~PARTITION]``.
            references: URIs, paths, or `Reference` objects.
            type: None is the collection's type, ``dataset`` for a new collection.
            partition: The partition key, instead of ``~PARTITION``.
            aliases: Aliases to move to the version; `latest` is implied.
            tags: Tags to add to the version.
            metadata: JSON object; stored on the version if it is new, and always on the observation.
            description: Description of the version, if it is new.
            ttl: How long the version is kept if it is new.
            move_latest: Whether to move `latest`; use False for backfills.
            hold: Whether the version is held too, in the name ``log``, see `hold`; what cannot be held is an error when
                the version is logged already.
            shards: Maximum number of key ranges that are listed at once; with an executor, the number of ranges.
            workers: Number of processes on this machine that list a large place; None is the setting, 1.
            executor: Runs the lists: any `concurrent.futures.Executor`, such as a process pool or Dask; it is not
                shut down.
            place: As in `Artifact.add_reference`: checksum, max_objects, include, exclude, allow_empty, inventory,
                options.

        Returns:
            The version; its `.created` and `.changed` say what happened.
        """
        if not references:
            raise InvalidInput(
                "log() needs at least one reference", hint="client.log(name, 's3://bucket/prefix/')"
            )
        draft = self._draft(name, type, description, metadata, partition=partition, ttl=ttl)
        alone = len(references) == 1
        spread = scans.Spread(shards=shards, workers=workers, executor=executor, is_alone=alone)
        for reference in references:
            draft._add(Reference.of(reference, **place), spread)
        version = self.log_artifact(draft, aliases=aliases, tags=tags, move_latest=move_latest)
        if hold:
            version.hold(holder="log")
        return version

    @named_options(PlaceOptions)
    def plan_log(
        self,
        name: Named,
        *references: str | Path | Reference,
        partition: str | None = None,
        **place: Unpack[PlaceOptions],
    ) -> Plan:
        """Count the requests that `log` would send, and list the problems that would stop it; logs nothing.

        It lists the places, because only a list shows how much there is. Requests beyond the lists are only counted.

        Args:
            name: As in `log`; entries that the latest version has at the same pins need no request.
            references: As in `log`.
            partition: As in `log`.
            place: As in `log`.
        """
        full = self.resolve_name(name).bare()
        full = full if partition is None else full.in_partition(partition)
        return scans.plan_log(
            self._context, full, [Reference.of(one, **place) for one in references]
        )

    @named_options()
    def log_artifact(
        self,
        draft: Draft,
        *,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        direction: Direction | None = Direction.LOGGED,
        move_latest: bool = True,
    ) -> ArtifactVersion:
        """Log a draft; after that, it forwards to its version.

        Args:
            draft: The draft, with its name or partition.
            aliases: Aliases to move to the version; `latest` is implied.
            tags: Tags to add to the version.
            direction: Direction of the edge; None records no edge.
            move_latest: False for backfills.

        Raises:
            Conflict: If the collection has another type, or the draft is already logged.
            InvalidInput: If nothing was added to it.
        """
        options = LogOptions(
            aliases=aliases, tags=tags, direction=direction, move_latest=move_latest
        )
        return log_draft(self._context, draft, options)

    @named_options()
    def log_all(
        self,
        drafts: Iterable[Draft],
        *,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        direction: Direction | None = Direction.LOGGED,
        move_latest: bool = True,
    ) -> list[ArtifactVersion]:
        """Log many drafts, such as the partitions of a data set, with the arguments of `log_artifact`.

        Changed drafts are logged one by one. Unchanged drafts are one transaction, and no manifest is written for
        them.

        Returns:
            The version of each draft, in order.

        Raises:
            LandfastError: The first error, with the others as notes. All other drafts are logged; `is_logged` says
                which.
        """
        options = LogOptions(
            aliases=aliases, tags=tags, direction=direction, move_latest=move_latest
        )
        return log_drafts(self._context, list(drafts), options)

    @named_options()
    def log_scans(
        self,
        name: Named,
        scans: Sequence[ShardScan],
        *,
        ticket: int | None = None,
        type: str | None = None,
        partition: str | None = None,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
        ttl: timedelta | None = None,
        direction: Direction | None = Direction.LOGGED,
        move_latest: bool = True,
        hold: bool = False,
    ) -> ArtifactVersion:
        """Log the results of all shards of one plan as one version; the other arguments are those of `log`.

        The scans are one result of `scan_shard` for every shard, the ticket is from `ticket`, drawn before `plan`; None
        draws one now.
        """
        draft = self._draft(name, type, description, metadata, partition=partition, ttl=ttl)
        draft.add_scans(scans, ticket=ticket)
        version = self.log_artifact(
            draft, aliases=aliases, tags=tags, direction=direction, move_latest=move_latest
        )
        if hold:
            version.hold(holder="log")
        return version

    def snapshot(
        self,
        config: SnapshotConfig,
        *,
        partition_key: str | None = None,
        hold: bool = False,
        workers: int | None = None,
        executor: Executor | None = None,
    ) -> ArtifactVersion:
        """Log what a snapshot of `snapshots.yaml` describes.

        Args:
            config: From `landfast.load_snapshots`.
            partition_key: Fills ``{partition_key}`` in its URIs and partition.
            hold: As in `log`.
            workers: As in `log`.
            executor: As in `log`.

        Raises:
            InvalidInput: If it needs a partition key and none is given.
        """
        filled = config.for_partition(partition_key)
        return self.log(
            filled.name,
            *filled.references(),
            **filled.log_options(),
            hold=hold,
            workers=workers,
            executor=executor,
        )

    def plan_snapshot(self, config: SnapshotConfig, *, partition_key: str | None = None) -> Plan:
        """Count the requests that `snapshot` would send, as `plan_log` does."""
        filled = config.for_partition(partition_key)
        full = self.resolve_name(filled.name).bare()
        full = full.in_partition(filled.partition) if filled.partition else full
        return scans.plan_log(self._context, full, filled.references())

    @named_options()
    def import_from(
        self,
        peer: str,
        path: str | Path,
        *,
        name: str | None = None,
        rename: Mapping[str, str] | None = None,
        type: str | None = None,
        allow_missing: bool = False,
        dry_run: bool = False,
        verify: bool = True,
        any_endpoint: bool = False,
    ) -> ImportReport:
        """Import versions of another tool: names, order, aliases, metadata and pins, but no bytes.

        Everything is read first, and nothing recorded if an entry cannot come over.  Each version is tagged with
        what the tool calls it, ``wandb-v3``; one that was imported before is left as it is.

        Args:
            peer: The tool: ``wandb``, ``dagster-wandb``, ``dvc``, ``quilt`` or ``datachain``; it need not be installed.
            path: Its files: see the page of each tool.
            name: What to call a manifest that does not say its name.
            rename: New names by old names, or by the beginnings of old names up to a slash.
            type: Of new collections; None is the tool's, else ``dataset``.
            allow_missing: Whether to record versions without the entries that cannot be imported.
            dry_run: Whether to only read, and report what would be imported.
            verify: Whether to compare the imported versions with their stores.
            any_endpoint: Whether to allow reads through another endpoint than the tool's.

        Raises:
            NotFound: If the path has no files of the tool.
            InvalidInput: If an entry cannot be imported (the message names it), or a manifest belongs to an unknown
                version.
            Conflict: If a file is damaged, a version was imported with other content, or the tool's endpoint is not
                where the settings lead.
        """
        from landfast.migration import ImportOptions, import_from

        options = ImportOptions(
            name=name,
            rename=rename or {},
            type=type,
            allow_missing=allow_missing,
            dry_run=dry_run,
            verify=verify,
            any_endpoint=any_endpoint,
        )
        return import_from(self._context, peer, str(path), options)

    def copy_into(self, place: str, local_path: str | Path) -> str:
        """Copy a file into your own folder or bucket, under the sha256 of its bytes.

        It never overwrites: other bytes get another address, and equal bytes are not written again.

        Args:
            place: A folder, ``file:///FOLDER``, ``s3://BUCKET/PREFIX`` or ``gs://BUCKET/PREFIX``.
            local_path: The file.

        Returns:
            Where it lies, a URI to reference: ``PLACE/blobs/sha256/ab/abcd...``.

        Raises:
            InvalidInput: If files cannot be copied to such a place.
            Conflict: If the place is a registry's store, where garbage collection would remove the copy.
            NotFound: If there is no such file, or no bucket.
            AccessDenied: If a permission is missing; the message names it.
        """
        from landfast.publish.log import copy_into
        from landfast.store_label import check_no_store

        blobs = self._context.blobs_at(place)
        check_no_store(blobs)
        return copy_into(blobs, Path(local_path))

    def _draft(
        self,
        name: Named,
        type: str | None,
        description: str | None,
        metadata: Mapping[str, Any] | None,
        *,
        partition: str | None,
        ttl: timedelta | None,
    ) -> Draft:
        full = self.resolve_name(name)
        kind = type or self.collection_type(full) or "dataset"
        return Draft(
            str(full),
            kind,
            description,
            metadata,
            partition=partition,
            ttl=ttl,
            context=self._context,
        )

    # -- scan ---------------------------------------------------------------------------------

    @named_options(PlaceOptions)
    def probe(
        self,
        reference: str | Path | Reference,
        name: str | None = None,
        *,
        shards: int = 1,
        workers: int | None = None,
        executor: Executor | None = None,
        **place: Unpack[PlaceOptions],
    ) -> str:
        """Return the content digest of a place, as `scan` finds it."""
        spread = scans.Spread(shards=shards, workers=workers, executor=executor)
        return scans.scan(
            self._context, Reference.of(reference, name, **place), spread=spread
        ).digest

    @named_options(PlaceOptions)
    def scan(
        self,
        reference: str | Path | Reference,
        name: str | None = None,
        *,
        shards: int = 1,
        workers: int | None = None,
        executor: Executor | None = None,
        **place: Unpack[PlaceOptions],
    ) -> ManifestFile:
        """Return the manifest of a place without logging it; its file is deleted together with the object.

        Args:
            reference: As in `log`, like how it is spread.
            name: As in `Artifact.add_reference`, like what follows.
            shards: How many key ranges are listed at once at most.
            workers: How many processes of this machine list.
            executor: Lists them.
            place: See `PlaceOptions`.
        """
        spread = scans.Spread(shards=shards, workers=workers, executor=executor)
        return scans.scan(self._context, Reference.of(reference, name, **place), spread=spread)

    @named_options(PlaceOptions)
    def plan(
        self,
        reference: str | Path | Reference,
        *,
        shards: int = 1,
        near: Named | None = None,
        **place: Unpack[PlaceOptions],
    ) -> ScanPlan:
        """Look at a reference and divide it into shards, for workers to scan.

        Args:
            reference: As in `log`.
            shards: Number of key ranges.
            near: A collection whose latest manifest shows where to divide evenly.
            place: As in `Artifact.add_reference`.
        """
        return scans.plan(
            self._context, Reference.of(reference, **place), shards=shards, near=self._near(near)
        )

    def scan_shard(self, shard: Shard, *, near: Named | None = None) -> ShardScan:
        """Scan one shard and write its manifest to the registry's store, where `log_scans` finds it.

        The result is small and pickles, so an orchestrator can pass it on.
        """
        return scans.scan_shard(self._context, shard, near=self._near(near))

    def open_scan(self, scan: ShardScan) -> ManifestFile:
        """Open the manifest of a scanned shard."""
        from landfast.manifests.reader import ManifestFile

        return ManifestFile(scans.localise(self._context, scan).manifest.path)

    def scan_folders(self, folder: Path, references: Sequence[Reference]) -> list[ShardScan]:
        """Scan several places into manifest files in a folder, for `log_scans`.

        Neighbouring folders of a bucket, such as the partitions of a data set, are scanned with one listing; other
        places one by one.

        Args:
            folder: Takes the files.
            references: The places.

        Returns:
            One result for each, in order; a place without objects gives an empty one, which
            `log_scans` refuses unless the reference says ``allow_empty=True``.

        Raises:
            LimitExceeded: If a place has more entries than its limit.
        """
        return scans.scan_folders(self._context, folder, references)

    def ticket(self) -> int:
        """Draw a ticket for `log_scans`: of two scans, the one that began later moves `latest`."""
        return self.registry.ticket()

    def _near(self, near: Named | None) -> ArtifactName | None:
        return None if near is None else self.resolve_name(near)

    # -- read ---------------------------------------------------------------------------------

    def get(self, named: Named) -> ArtifactVersion:
        """Return a version by name and record nothing; in pipelines, call `use`.

        Args:
            named: ``mnist`` (its latest), ``mnist:v3``, ``mnist:prod``, ``mnist@lf1:...``, a ``landfast://`` URI.

        Raises:
            NotFound: If it does not exist; the message lists what exists.
        """
        return find_version(self._context, named)

    def find(self, named: Named) -> ArtifactVersion | None:
        """Return a version as `get` does; None if it does not exist."""
        try:
            return self.get(named)
        except NotFound:
            return None

    def use(
        self, named: Named, *, type: str | None = None, declared: bool = False
    ) -> ArtifactVersion:
        """Return a version and record that this run used it.

        Args:
            named: As in `get`.
            type: The expected type; None accepts every type.
            declared: Whether the use is only declared by the orchestrator, and nothing is loaded.

        Raises:
            Conflict: If it has another type.
        """
        version = self.get(named).of_type(type)
        self.use_all([version], declared=declared)
        return version.on(self._context)

    def use_all(self, versions: Iterable[ArtifactVersion], *, declared: bool = False) -> None:
        """Record in one transaction that this run used many versions.

        If you can only read the registry, a note says so once, and nothing is recorded.

        Args:
            versions: What was used.
            declared: As in `use`.
        """
        record_use(self._context, versions, declared=declared)

    def as_of(self, named: Named, moment: datetime) -> ArtifactVersion:
        """Return the version that a name's alias (or latest) pointed to at a moment, in registry time."""
        return self._version(self.registry.as_of(self.resolve_name(named), moment))

    def history(self, named: Named, *, limit: int | None = None) -> History:
        """Return the observations of a collection's partition, or of one version, newest first."""
        return History(self.registry.observations(self.resolve_name(named), limit=limit))

    def versions(self, named: Named, *, deleted: bool = False) -> list[ArtifactVersion]:
        """Return the versions of a collection's partition, newest first."""
        found = self.registry.versions(self.resolve_name(named).bare(), deleted=deleted)
        return [self._version(record) for record in found]

    def collections(self, project: str | None = None) -> list[CollectionRecord]:
        """Return the collections of this client's entity, of one project if given."""
        return list(self.registry.collections(entity=self.settings.entity, project=project))

    def collection_type(self, named: Named) -> str | None:
        """Return the type of a collection; None if there is no such collection."""
        return self.registry.collection_type(self.resolve_name(named))

    def partitions(
        self, named: Named, keys: Iterable[str] | None = None
    ) -> dict[str, ArtifactVersion]:
        """Return the latest version of each partition of a collection, by key.

        Args:
            named: The collection.
            keys: Only these partitions, in one query; partitions without a version are left out.
        """
        wanted = None if keys is None else list(keys)
        found = self.registry.partitions(self.resolve_name(named).bare(), keys=wanted)
        return {key: self._version(record) for key, record in found}

    def diff(self, old: Named, new: Named) -> ManifestDiff:
        """Return what was added, removed, modified, renamed and repinned from one version to another."""
        return self.get(old).diff(self.get(new))

    def pinned_manifests(self, named: Named) -> list[tuple[PinSet, Manifest]]:
        """Return every manifest of a version, newest pins first."""
        pin_sets = self.registry.pin_sets(self.get(named).record.id)
        return [(pin_set, self._context.open_manifest(pin_set.blob)) for pin_set in pin_sets]

    # -- the feed of changes ------------------------------------------------------------------

    def changes(
        self,
        *,
        after: int = 0,
        limit: int | None = None,
        name: Named | None = None,
        partitions: bool = False,
        verdicts: bool = False,
    ) -> Iterator[Change]:
        """Yield the changes of the feed after a position, oldest first.

        Args:
            after: The position.
            limit: Maximum number of changes; None has no limit.
            name: Only of this collection's partition.
            partitions: Whether `name` means all partitions of its collection.
            verdicts: Whether to include changes of verdicts (`verify_aliases`), in which no alias moved.
        """
        full = None if name is None else self.resolve_name(name).bare()
        wanted = ChangeFilter(name=full, partitions=partitions, verdicts=verdicts)
        return self.registry.changes(wanted, after=after, limit=limit)

    def head(self) -> int:
        """Return the position of the newest change; 0 before the first."""
        return self.registry.head()

    def version_of(self, change: Change) -> ArtifactVersion:
        """Return the version that a change moved to, even if it was deleted since."""
        try:
            return self.get(change.version)
        except NotFound:
            for version in self.versions(change.version, deleted=True):
                if version.full_name == change.version:
                    return version
            raise

    def follow(
        self,
        consumer: str,
        *,
        begin: str | int | datetime = "now",
        again: str | int | datetime | None = None,
    ) -> Follower:
        """Return what follows the feed in a consumer's name, for ``with``: each change at least once, in order.

        The registry remembers the position when you ask for the next change. One process at a time can follow under
        a name.

        Args:
            consumer: Name under which the registry remembers the position; use another name for each receiver.
            begin: Where a consumer begins that nobody knows yet: ``start``, ``now``, a position, or a moment.
            again: Where to continue instead of the remembered position; None continues at that position.

        Raises:
            Conflict: On entering, if another process follows under this name; the name can be free after 30 seconds.

        Example:
            >>> with landfast.Client().follow("mirror", begin="start") as follower:  # doctest: +SKIP
            ...     for change in follower.changes():
            ...         print(change.version)
        """
        from landfast.follow.follower import Follower

        return Follower(self.registry, consumer, begin=begin, again=again)

    def announce(
        self,
        named: Named,
        consumer: str,
        send: Callable[[ArtifactVersion, Change], object],
        *,
        mark: bool = True,
    ) -> Change | None:
        """Send the pending change of `latest` to a consumer, if there is one.

        Each change is sent at least once: if an earlier attempt of this run made a change and did not send it, the
        next attempt sends it, unless `latest` has moved again.

        Args:
            named: The collection's partition.
            consumer: The name under which the registry remembers which changes were sent.
            send: Function that sends a version and its change. If it raises or returns False, the change stays
                pending.
            mark: Whether the change counts as sent when `send` returns; if False, call `mark_announced` later.

        Returns:
            The change that was sent; None if nothing was pending, or `send` returned False.

        Example:
            >>> client.announce("vision/mnist", "mail", lambda version, change: mail(version))  # doctest: +SKIP
        """
        change = self.pending_announcement(named, consumer)
        if change is None or send(self.version_of(change), change) is False:
            return None
        if mark:
            self.mark_announced(consumer, change)
        return change

    def report(self, change: Change) -> str:
        """Describe a change in Markdown: counts, digest, sources, run, and the first paths that differ."""
        from landfast.query.change_report import report

        version = self.version_of(change)
        return report(
            change,
            version,
            page=version.url,
            run=None if change.run is None else self.run(change.run),
            diff=None if change.previous is None else self.diff(change.previous, version),
        )

    def pending_announcement(self, named: Named, consumer: str) -> Change | None:
        """Return the change of `latest` that was not yet sent to a consumer, or None."""
        name = self.resolve_name(named).bare()
        return self.registry.pending_announcement(name, consumer, run=self._context.run_key)

    def mark_announced(self, consumer: str, change: Change) -> None:
        """Record that a consumer received a change."""
        self.registry.mark_announced(consumer, change)

    def announced_position(self, consumer: str, name: Named | None = None) -> int:
        """Return the position of the newest change that was sent to a consumer (of one partition, if named), else 0."""
        within = None if name is None else self.resolve_name(name).bare()
        return self.registry.announced_position(consumer, within)

    # -- runs and lineage ---------------------------------------------------------------------

    @named_options()
    def begin_run(
        self,
        *,
        job_type: str = "",
        name: str = "",
        config: Mapping[str, Any] | None = None,
        link: str | None = None,
        attempt: int = 1,
    ) -> RunRecord:
        """Record this client's run, or return it if it is already recorded.

        Args:
            job_type: Kind of work, such as ``train``.
            name: Display name.
            config: Parameters.
            link: URL of a page about the run; secrets in it are removed.
            attempt: Number of the orchestrator's attempt, from 1.
        """
        return self._context.begin_run(
            job_type=job_type, name=name, config=config, link=link, attempt=attempt
        )

    def finish_run(self, status: RunStatus) -> None:
        """Record how this client's run ended."""
        self.registry.finish_run(self._context.run_key, status)
        tell_run(self._context)

    def finish_own_run(self, status: RunStatus) -> None:
        """End the run that this client began; a run that it joined is ended by the owner of that run."""
        if self._context.own_run.begun is not None and self.settings.run is None:
            self.finish_run(status)

    def run_env(self) -> dict[str, str]:
        """Return the environment variables with which a subprocess, pod or Spark step joins this client's run.

        Returns:
            ``LANDFAST_RUN``, ``LANDFAST_ENTITY``, ``LANDFAST_PROJECT``; and ``LANDFAST_REGISTRY_URL`` unless
            it holds a secret: then it has to be there already, and another registry is refused there.
        """
        joined = JoinedRun(
            key=self._context.run_key,
            registry_id=self._context.registry_id(),
            registry_url=self.display_url,
        )
        given = {
            "run": joined.encode(),
            "entity": self.settings.entity,
            "project": self.settings.project,
        }
        if self.settings.effective_registry_url == self.display_url:
            given["registry_url"] = self.display_url
        return {VARIABLES[name]: value for name, value in given.items()}

    def run(self, run_id: str | RunKey) -> RunRecord:
        """Return a run by its short id or key."""
        return self.registry.run(run_id)

    def runs(self, *, project: str | None = None, limit: int = 100) -> Iterator[RunRecord]:
        """Yield runs, newest first; of one project if given."""
        return self.registry.runs(entity=self.settings.entity, project=project, limit=limit)

    def used_by(self, named: Named) -> Sequence[RunRecord]:
        """Return the runs that used a version, first use first."""
        return self.get(named).used_by()

    def edges(self, runs: Sequence[RunKey]) -> Sequence[Edge]:
        """Return the edges of runs: what they used and logged."""
        return self.registry.edges(runs=runs)

    def edges_within(self, run: RunKey) -> list[Edge]:
        """Return the edges of all nodes and parts of an orchestrator's run, oldest first.

        Args:
            run: Any of them.
        """
        return self.registry.edges_within(run)

    def uses(self, named: Named) -> list[Edge]:
        """Return the edges of runs that used or declared any version of a partition, oldest first."""
        full = self.resolve_name(named).bare()
        try:
            found = [record.id for record in self.registry.versions(full, deleted=True)]
        except NotFound:
            return []
        edges = self.registry.edges(versions=found) if found else []
        return [edge for edge in edges if edge.direction is not Direction.LOGGED]

    def latest_uses(self, named: Named, by: RunKey, *, partitions: bool = False) -> Iterator[Edge]:
        """Yield the edges of runs that used or declared a version of a partition, newest first.

        Args:
            named: As in `get`; a version in it is not looked at.
            by: Only runs of its system and deployment, whose run id begins with its run id.
            partitions: Whether to include all partitions of the collection.
        """
        name = self.resolve_name(named).bare()
        return self.registry.latest_uses(name, by, partitions=partitions)

    @named_options(LineageOptions)
    def lineage(self, named: Named, **options: Unpack[LineageOptions]) -> Lineage:
        """Return the versions and runs upstream and downstream of a version, over any number of steps.

        Args:
            named: As in `get`.
            options: until (a moment), declared (whether declared uses are followed too).
        """
        return self.get(named).lineage(**options)

    def lineage_of_object(self, uri: str, version_id: str | None = None) -> ObjectLineage:
        """Return which versions and runs contain an object.

        Args:
            uri: The object's URI; an explicit pin in it counts as `version_id`.
            version_id: Only this version of the object.
        """
        from landfast.query.lineage import lineage_of_object

        return lineage_of_object(
            self.registry, self._context.manifest_of, uri, version_id=version_id
        )

    # -- the bytes of a version ---------------------------------------------------------------

    @named_options(DownloadOptions)
    def download(
        self,
        named: Named,
        root: str | Path | None = None,
        **options: Unpack[DownloadOptions],
    ) -> DownloadReport:
        """Write the recorded bytes of a version to a folder.

        Args:
            named: As in `get`.
            root: Target; ``{version}`` (``v3``) and ``{partition}`` in it are filled in. None is
                `LANDFAST_ARTIFACT_DIR`, else ``./artifacts/NAME:vN/``.
            options: paths, include, exclude, allow_missing, link, workers (files at once), executor (writes them, to a
                folder that its workers share), exact, replace, any_endpoint, progress.

        Raises:
            ObjectChanged: If neither the source nor the cache has the recorded bytes.
            NotFound: If an object is gone; the message names it and its version id.
            InvalidInput: If keys cannot be files in one folder; the message names all of them.
            Conflict: If the folder has another version, or the endpoint is not the recorded one.
        """
        return self._here(named).download_report(root, **options)

    @named_options(DownloadOptions)
    def plan_download(
        self, named: Named, root: str | Path | None = None, **options: Unpack[DownloadOptions]
    ) -> Plan:
        """Count the requests that `download` would send, and list the problems that would stop it; writes nothing.

        Files that the folder or the cache has count as `done`. It lists the store to find archived or lost objects
        (`Plan.sent`).
        """
        return self._here(named).plan_download(root, **options)

    def open(self, named: Named, path: str, *, any_endpoint: bool = False) -> IO[bytes]:
        """Open one entry of a version for reading; all bytes are verified before you get the first.

        Args:
            named: As in `get`.
            path: Path of the entry.
            any_endpoint: Whether to allow reads through another endpoint than the recorded one.

        Raises:
            NotFound: If there is no such entry, or its object is gone.
            ObjectChanged: If the recorded bytes cannot be read any more.
        """
        return self._here(named).open(path, any_endpoint=any_endpoint)

    def path(self, named: Named, path: str = "") -> Path:
        """Return the verified local path of a `file://` entry, or of the folder that holds all entries; no copy.

        Raises:
            InvalidInput: If it is not a file of this machine.
            NotFound: If it has no local path.
            ObjectChanged: If the bytes there are not the recorded bytes.
        """
        return self._here(named).path(path)

    def filesystem(self, *, any_endpoint: bool = False) -> LandfastFileSystem:
        """Return an fsspec filesystem of recorded files, read by name with this client.

        Paths are ``NAME/PATH`` with a version in the name, such as ``vision/mnist:prod/labels.csv``.

        Args:
            any_endpoint: Whether to allow reads through another endpoint than the recorded one.

        Raises:
            MissingExtra: If fsspec is not installed.
        """
        with needs_extra("fsspec", "filesystem()"):
            from landfast.filesystem.files import LandfastFileSystem
        return LandfastFileSystem.on(self._context, any_endpoint=any_endpoint)

    @named_options()
    def sql(
        self,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        external_access: bool = False,
        use: bool = True,
        memory_limit: str = "1GiB",
    ) -> SqlResult:
        """Run a read-only SQL query over versions, with DuckDB.

        An artifact's name in quotes is a table. Its rows are the entries, with the columns of
        `ArtifactVersion.to_arrow`.  `entry(name, path)` has the rows of recorded files of CSV, JSON or
        Parquet, by path or glob.

        Args:
            query: One SELECT.
            parameters: For ``?`` a sequence, for ``$name`` a mapping.
            external_access: Whether the query may also read other files and URLs.
            use: Whether to record that the run used the versions, if there is a run.
            memory_limit: Memory for sorts, joins and groups, such as `1GiB`; larger ones use the disk.

        Raises:
            InvalidInput: If the query is wrong (the message names the place), or does more than read.
            NotFound: If there is no such version or file.
            ObjectChanged: If the recorded bytes cannot be read any more.
            MissingExtra: If DuckDB is not installed.

        Example:
            >>> client = Client()  # doctest: +SKIP
            >>> client.sql("select sum(size) from 'vision/mnist:prod'").fetchall()  # doctest: +SKIP
            [(1048576,)]
        """
        from landfast.sql import SqlOptions, SqlResult

        options = SqlOptions(external_access=external_access, use=use, memory_limit=memory_limit)
        return SqlResult(self._context, query, parameters, options)

    @named_options(VerifyOptions)
    def verify(self, named: Named, **options: Unpack[VerifyOptions]) -> VerifyReport:
        """Compare every entry of a version with what the stores have now, from list pages.

        Args:
            named: As in `get`.
            options: deep (read all bytes again), executor (reads them, as in `log`), workers, any_endpoint, progress.
        """
        return self._here(named).verify(**options)

    @named_options(VerifyOptions)
    def verify_aliases(
        self,
        *names: Named,
        aliases: Sequence[str] = (LATEST,),
        **options: Unpack[VerifyOptions],
    ) -> list[AliasVerdict]:
        """Verify every version that an alias points to, and record changes of its verdict in the feed.

        One row for each change, none where all is as it was: `changes` and `follow` yield them where a filter asks for
        verdicts.  A version was intact when it was logged; one whose server does not answer is ``unreachable``.

        Args:
            names: Collections (all their partitions) or partitions; none is this client's project.
            aliases: The aliases; a version with several of them is verified once.
            options: As in `verify`.

        Returns:
            One result for each version, sorted by name; a version that could not be verified has its error, and the
            others are still verified.

        Raises:
            NotFound: If no version has one of the aliases.

        Example:
            >>> for found in Client().verify_aliases("vision/mnist", aliases=["prod"]):  # doctest: +SKIP
            ...     print(found.version, found.verdict, found.change)
        """
        return verify_aliases(self._context, map(self.resolve_name, names), aliases, options)

    @named_options(VerifyOptions)
    def plan_verify(self, named: Named, **options: Unpack[VerifyOptions]) -> Plan:
        """Count the requests that `verify` would send; it lists the places to find how many entries there are."""
        return self._here(named).plan_verify(**options)

    @named_options(RestoreOptions)
    def restore(
        self,
        named: Named,
        *,
        wait: bool = False,
        timeout: float | None = None,
        **options: Unpack[RestoreOptions],
    ) -> RestoreReport:
        """Ask stores for the objects of a version that are in an archive, each by its version id.

        Objects that are already requested or readable get no new request, so you can call it again.

        Args:
            named: As in `get`.
            wait: Whether to wait until every object can be read.
            timeout: Maximum wait in seconds; None waits without a limit.
            options: tier (``Standard``, ``Bulk``, ``Expedited``), days (how long a copy stays, 7), include and exclude
                (globs of paths), any_endpoint.

        Raises:
            AccessDenied: If you have no permission to restore.
            InvalidInput: If the server has archives but no restore, or no restore in this tier.
            Unavailable: If it took longer than `timeout`; the restore goes on.

        Example:
            >>> report = Client().restore("vision/mnist:prod", tier="Bulk", wait=True)  # doctest: +SKIP
            >>> report.until  # doctest: +SKIP
            datetime.datetime(2026, 12, 4, 0, 0, tzinfo=datetime.timezone.utc)
        """
        return self._here(named).restore(wait=wait, timeout=timeout, **options)

    @named_options(RestoreOptions)
    def plan_restore(self, named: Named, **options: Unpack[RestoreOptions]) -> Plan:
        """Count the requests that `restore` would send, and list the problems that would stop it; restores nothing."""
        return self._here(named).plan_restore(**options)

    @named_options(RetentionOptions)
    def retention(self, named: Named, **options: Unpack[RetentionOptions]) -> RetentionReport:
        """Find out when the rules of a version's buckets can remove or archive its objects.

        It reads lifecycle rules, versioning and Object Lock of each bucket, and lists objects to which a rule can
        apply. If a permission is missing, the report names it.

        Args:
            named: As in `get`.
            options: within (how far ahead a date is too near, 30 days), locks (ask what holds each version that would
                expire, two requests each), workers, any_endpoint, progress.

        Returns:
            A report; `report.raise_for()` raises `ExpiresSoon` if a date is too near.

        Example:
            >>> client.retention("vision/mnist:prod", within=timedelta(days=90)).raise_for()  # doctest: +SKIP
        """
        return self._here(named).retention(**options)

    # -- hold ---------------------------------------------------------------------------------

    def plan_hold(
        self,
        named: Named,
        *,
        kind: str | None = None,
        any_endpoint: bool = False,
        own_store: bool = False,
    ) -> Plan:
        """Count the requests that `hold` would send, and list the problems that would stop it; holds nothing.

        Args:
            named: As in `get`.
            kind: As in `hold`.
            any_endpoint: Whether another endpoint than the recorded one may be asked.
            own_store: As in `hold`.
        """
        here = self._here(named)
        return here.plan_hold(kind=kind, any_endpoint=any_endpoint, own_store=own_store)

    @named_options(HoldRequestOptions)
    def hold(self, named: Named, **options: Unpack[HoldRequestOptions]) -> HoldReport:
        """Ask the stores to hold every recorded object version of a version.

        S3 puts a legal hold on each object version, which needs Object Lock. Holds of others do not change, and are
        never released. If the call is interrupted, run it again; objects that are already held cost no request.

        Args:
            named: As in `get`.
            options: kind (``legal-hold``; None is each store's default), reason, holder (name of the holder; a
                version is held while it has a holder), partial (hold the other objects if some cannot be held),
                any_endpoint, own_store (also hold its managed files, copies and manifests in the registry's own
                store).

        Raises:
            AccessDenied: If a permission is missing, naming it; nothing is held then.
            InvalidInput: If objects cannot be held, saying how many and why; nothing is held then, unless `partial`.

        Example:
            >>> client = Client()  # doctest: +SKIP
            >>> client.hold("vision/mnist:prod", reason="the model of May").summary  # doctest: +SKIP
            '1,000 object versions held'
        """
        return self._here(named).hold(**options)

    @named_options(CopyOptions)
    def copy(self, named: Named, **options: Unpack[CopyOptions]) -> CopyReport:
        """Copy the bytes that no hold can keep at their source into the registry's own store.

        The version does not change: it has the same content digest and the same entries. After the copy, readers get
        the copies, even if the originals change or disappear. Every byte is compared with the recorded content before
        the copies are used. If the copy is interrupted, run it again: it continues.

        Args:
            named: As in `get`.
            options: everything (whether also what a store can hold), any_endpoint.

        Raises:
            ObjectChanged: If recorded bytes are no longer there; no copy is named then.
            NotFound: If nothing is there any more.

        Example:
            >>> client = Client()  # doctest: +SKIP
            >>> client.copy("vision/mnist:prod").summary  # doctest: +SKIP
            "12 files (3.4 MB) copied into the registry's store"
        """
        return self._here(named).copy(**options)

    @named_options(CopyOptions)
    def plan_copy(self, named: Named, **options: Unpack[CopyOptions]) -> Plan:
        """Count the objects and bytes that `copy` would read and store; copies nothing.

        Args:
            named: As in `get`.
            options: As in `copy`.
        """
        return self._here(named).plan_copy(**options)

    def keep_holds(self, rules: Iterable[HoldRule]) -> list[HoldReport]:
        """Hold what rules name now, then release what they named before.

        Args:
            rules: From `landfast.load_holds`, or made by hand.

        Returns:
            One report for each version that is held by a rule, and for each that is not any more.

        Raises:
            LandfastError: If something cannot be held; what its rule named before stays held then.
        """
        return [report for rule in rules for report in self._keep(rule)]

    def _keep(self, rule: HoldRule) -> Iterator[HoldReport]:
        from landfast.hold.rules import keep_rule

        def hold(record: VersionRecord) -> HoldReport:
            return self._version(record).hold(
                kind=rule.kind,
                reason=rule.reason,
                holder=rule.holder,
                partial=rule.partial,
                own_store=rule.own_store,
            )

        def release(record: VersionRecord) -> HoldReport:
            return self._version(record).release(holder=rule.holder)

        return keep_rule(self.registry, rule, self.resolve_name(rule.name), hold, release)

    def release(self, named: Named, *, holder: str | None = None) -> HoldReport:
        """Take the promise of `hold` back.

        An object version that another held version needs stays held, and so does what others hold.

        Args:
            named: As in `get`; also a deleted version.
            holder: Only in this name; None is in all.
        """
        record = self.registry.get(self.resolve_name(named), deleted=True)
        return self._version(record).release(holder=holder)

    # -- edit ---------------------------------------------------------------------------------

    def promote(self, named: Named, alias: str) -> ArtifactVersion:
        """Move an alias to a version."""
        return self._here(named).promote(alias)

    def remove_alias(self, named: Named, alias: str) -> None:
        """Remove an alias; `latest` cannot be removed.

        Raises:
            Conflict: If `named` contains a version, and the alias points to another one.
        """
        name = self.resolve_name(named)
        self.registry.remove_alias(name, alias)
        release_removed(self._context, name, alias)

    @named_options()
    def update(
        self,
        named: Named,
        *,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        ttl: timedelta | EllipsisType | None = ...,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
    ) -> ArtifactVersion:
        """Edit a version's description, metadata, time to live and tags; its content never changes."""
        return self._here(named).update(
            description=description,
            metadata=metadata,
            ttl=ttl,
            add_tags=add_tags,
            remove_tags=remove_tags,
        )

    def delete(self, named: Named, *, delete_aliases: bool = False) -> ArtifactVersion:
        """Delete a version; `undelete` brings it back, and the data that it references is never touched.

        Raises:
            Conflict: If aliases name it and `delete_aliases` is False.
        """
        name = self.resolve_name(named)
        picked = name if name.picks_version else replace(name, alias=LATEST)
        record = self.registry.delete(picked, delete_aliases=delete_aliases)
        settle_deleted(self._context, record)
        return self._version(record)

    def undelete(self, named: Named) -> ArtifactVersion:
        """Bring back a deleted version, if `gc` has not yet removed its manifest and managed files.

        Its aliases do not come back; `latest` points to it only if no other version is live. An expired time to
        live is removed.

        Args:
            named: With its number, ``mnist:v3``.

        Raises:
            NotFound: If there is no such version, or its blobs were collected.
            Conflict: If the same content was logged again as another version.
            InvalidInput: If the name has no number.
        """
        from landfast.publish.undelete import undelete

        name = self.resolve_name(named)
        if name.index is None:
            raise InvalidInput(
                f"{name} does not name one deleted version",
                subject=str(name),
                expected="a name with a number, such as mnist:v3",
                hint="`client.versions(name, deleted=True)` lists them.",
            )
        context = self._context
        record = undelete(context.registry, context.owned_blobs, context.open_manifest, name)
        return self._version(record)

    # -- keep the registry --------------------------------------------------------------------

    def gc(self, *, grace: timedelta = timedelta(days=1), dry_run: bool = True) -> GarbageReport:
        """Expire versions past their time to live, and remove blobs that no version needs.

        Args:
            grace: Keep blobs that are younger than this, because a writer can be about to use them. Choose a time
                longer than the age of any backup that you restore.
            dry_run: Only report.

        Raises:
            Conflict: If the store belongs to another registry, or this registry is a copy.
        """
        from landfast import store_label
        from landfast.hold.run import finish_releases
        from landfast.upkeep.gc import collect_garbage

        context = self._context
        owner = store_label.claim(context.registry, context.blobs, dry_run=dry_run)
        store_label.check_alone(context.registry.info)
        return collect_garbage(
            context.registry,
            context.blobs,
            context.manifest_of,
            grace=grace,
            dry_run=dry_run,
            orphans_since=owner.adopted_at,
            release=lambda: finish_releases(context.registry, context.stores),
        )

    def prune_history(
        self, *, older_than: timedelta = timedelta(days=90), dry_run: bool = True
    ) -> PruneReport:
        """Remove observations that found nothing new, and runs that did nothing else; lineage stays.

        Versions, pins and moves of aliases stay, and so do runs that used something or logged new content. Looks that
        brought metadata or found new pins stay, and so does the last look at each partition and version. Runs whose
        events a consumer has not yet received stay too.

        Args:
            older_than: Minimum age of the looks to remove.
            dry_run: Only count.

        Raises:
            InvalidInput: If the age is negative.
        """
        from landfast.upkeep.prune import prune_history

        return prune_history(self.registry, older_than=older_than, dry_run=dry_run)

    def check_registry(self, *, deep: bool = False, holds: bool = False) -> RegistryCheck:
        """Compare the blobs that live versions need with the registry's store, and the holds with the records.

        Args:
            deep: Whether to read every blob again; if False, a listing gives presence and size.
            holds: Whether to ask the stores for each object version that the registry holds: 1 request each.
        """
        from landfast.hold.check import check_holds
        from landfast.upkeep.registry_check import check_registry

        context = self._context
        found = check_registry(context.registry, context.blobs, context.open_manifest, deep=deep)
        wrong = check_holds(context.registry, context.stores, ask=holds)
        return replace(found, holds=tuple(islice(wrong, _MOST_PROBLEMS)))

    def init_registry(self) -> RegistryInfo:
        """Create this client's registry and store, or check that they exist.

        Raises:
            Conflict: If the registry has another store, or the store belongs to another registry.
            InvalidInput: If you name no store for PostgreSQL.
        """
        from landfast import store_label
        from landfast.registry.opener import init_registry, open_registry

        url, store = self.settings.effective_registry_url, self.settings.store_url
        try:
            open_registry(url, create=False, store_url=store).close()
        except NotFound:
            if store is not None:
                store_label.check_unowned(self._context.blobs_at(store))
            init_registry(url, store)
        store_label.claim(self.registry, self._context.blobs)
        return self.registry.info

    def adopt_store(self, store_url: str | None = None) -> RegistryInfo:
        """Connect a registry and a store that were moved, or whose former registry no longer exists.

        Args:
            store_url: Where the store lies now, if it was restored elsewhere: ``s3://``, ``gs://`` or a folder.

        Raises:
            Conflict: If the store has no blobs of this registry, or belongs to another registry.
        """
        from landfast.registry.opener import restore_store, take_back
        from landfast.store_label import adopt, check_restored

        context = self._context
        blobs = context.blobs
        if store_url is not None:
            blobs = context.blobs_at(store_url)
            check_restored(context.registry, blobs)
            restore_store(self.settings.effective_registry_url, store_url)
        adopt(context.registry, blobs)
        take_back(self.settings.effective_registry_url)
        context.close()
        context.forget()
        return context.registry.info

    def fork_registry(self, store_url: str) -> RegistryInfo:
        """Give this registry, which is a copy of another, its own id and store.

        The blobs are copied to the new store; the old store does not change.

        Args:
            store_url: ``s3://``, ``gs://`` or a folder that no registry owns.

        Raises:
            Conflict: If the store belongs to another registry.
        """
        from landfast import store_label
        from landfast.registry.opener import fork_registry

        context = self._context
        target = context.blobs_at(store_url)
        store_label.copy_blobs(context.registry, context.blobs, target)
        info = fork_registry(self.settings.effective_registry_url, store_url)
        context.registry.close()
        context.forget()
        store_label.claim(context.registry, context.blobs)
        return info

    def copy_registry(
        self,
        target: str,
        *,
        store: str | None = None,
        fork: bool = False,
        skip_proven: bool = False,
        dry_run: bool = False,
    ) -> RegistryCopy:
        """Copy this registry, rows and blobs, to another database: from SQLite to PostgreSQL, or in any direction.

        The registry moves: its id stays, and so do the runs, change ids and consumers' positions that depend on it.
        After the move, this place refuses writes and names the new place. Writers can continue until only the rows
        are left to copy. If the copy is interrupted, run it again; the target is complete, or does not exist.

        Args:
            target: ``sqlite:///PATH`` or ``postgresql://...``, where no registry is.
            store: A store for the copies of the blobs: a folder, ``s3://``, ``gs://``. Without one the store stays as
                it is; where it is the default folder of a SQLite file, blobs are copied beside the target's file.
            fork: Whether the copy becomes another registry with its own id and store; this registry then stays in
                use.
            skip_proven: Whether to skip the read-back of blobs that this call copied.
            dry_run: Whether to only report what would be copied.

        Raises:
            Conflict: If another registry is at the target or in its store, or this one was moved elsewhere.
            InvalidInput: If the copy needs its own store, and you name none.
        """
        from landfast.registry.copy.report import CopyKind
        from landfast.system.progress import progress
        from landfast.upkeep.registry_copy import CopyRequest, copy_registry

        context = self._context
        request = CopyRequest(
            url=self.settings.effective_registry_url,
            target=target,
            store=store,
            kind=CopyKind.FORK if fork else CopyKind.MOVE,
            skip_proven=skip_proven,
        )
        with progress("copying blobs, then rows") as report:
            done = copy_registry(
                context.registry, request, context.blobs_at, dry_run=dry_run, report=report
            )
        context.close()
        context.forget()
        return done

    # -- itself -------------------------------------------------------------------------------

    def _version(self, record: VersionRecord) -> ArtifactVersion:
        return ArtifactVersion(record, self._context)

    def _here(self, named: Named) -> ArtifactVersion:
        """Return a version, read with this client's connections and settings."""
        return self.get(named).on(self._context)

    if not TYPE_CHECKING:  # a type checker shall name a wrong attribute itself

        def __getattr__(self, name: str) -> Any:
            raise no_method(name)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).on, (self._context,)

    def __repr__(self) -> str:
        return f"Client({self.display_url!r}, project={self.settings.project!r})"


def default_client() -> Client:
    """Return a client of the current run, else one for the environment."""
    return Client.on(default_context())
