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
    """The door for scripts and integrations.

    Nothing is opened before it is needed.  A client is safe to share between threads, survives `fork`,
    and pickles without secrets: elsewhere it opens the registry of that environment.

    Args:
        url: Registry: ``sqlite:///PATH`` or ``postgresql://...``; None is `LANDFAST_REGISTRY_URL`, else SQLite
            in the user's data folder.
        entity: Default entity of names.
        project: Default project of names.
        store_url: What the caller believes the registry's blob store to be; another one is `Conflict`.
        options: Store options by URI prefix: endpoint, region, profile, role, anonymous, ...
        endpoint_map: Endpoints to read at, by the recorded ones.
        clients: Functions that make provider clients, by URI prefix or scheme; called on the worker.
        stores: Own stores by scheme.
        run: The run in whose name to log; None is `LANDFAST_RUN`, else one for this process.
        settings: All settings at once, instead of the environment's.
        note: Called with sentences for a person, such as "this bucket does not keep overwritten objects".
        opener: Makes this client again where it, or a version of it, is unpickled: a picklable function
            without secrets, such as one that looks a connection up; None opens that environment's registry.

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
        """Return a client on a context that is there already."""
        client = cls.__new__(cls)
        client._context = context
        return client

    # -- what it stands on --------------------------------------------------------------------

    @property
    def context(self) -> Context:
        """What it stands on: settings, registry, stores and cache, each opened on first use."""
        return self._context

    @property
    def settings(self) -> Settings:
        """The settings that count here."""
        return self._context.settings

    @property
    def registry(self) -> Registry:
        """The registry itself, for those who know what they do."""
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
        """Return a client on the same connections with other defaults."""
        return self.on(self._context.with_defaults(entity=entity, project=project, run=run))

    def resolve_name(self, named: Named) -> ArtifactName:
        """Return the full name: entity and project filled in with this client's defaults."""
        return name_of(self._context, named)

    def is_of(self, registry_id: str | None) -> bool:
        """Whether this client's registry is there, and is the one with this id."""
        return self._context.is_of(registry_id)

    def close(self) -> None:
        """Close connections; the client may be used again."""
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
        """Scan references and log what is there; a new version only if the content changed.

        Args:
            name: ``[[entity/]project/]collection[~PARTITION]``.
            references: URIs, paths, or `Reference` objects.
            type: None is the collection's type, ``dataset`` for a new collection.
            partition: The partition key, instead of ``~PARTITION``.
            aliases: To move to the version; `latest` is implied.
            tags: To add to the version.
            metadata: JSON object; of the version if it is new, on the observation always.
            description: Of the version if it is new.
            ttl: How long the version is kept if it is new.
            move_latest: False for backfills.
            hold: Whether the version is held too, in the name ``log``, see `hold`; what cannot be held is an error when
                the version is logged already.
            shards: How many key ranges are listed at once at most; with an executor, how many there are.
            workers: How many processes of this machine list what proves to be large; None is the setting, 1.
            executor: Lists them: any `concurrent.futures.Executor`, as of processes or of Dask; it is not shut down.
            place: As in `Artifact.add_reference`: checksum, max_objects, include, exclude, allow_empty, inventory,
                options.

        Returns:
            The version; `.created` and `.changed` tell what happened.
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
        """Count what `log` would ask of the places, and say what stands in its way; nothing is logged.

        They are listed, as nothing else tells how much there is; what lists do not tell is only counted.

        Args:
            name: As in `log`; what its latest version has at the same pins needs nothing.
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
        """Log a draft; from then on it forwards to its version.

        Args:
            draft: With a name or a partition of its own.
            aliases: To move to the version; `latest` is implied.
            tags: To add to the version.
            direction: Of the edge; None records none.
            move_latest: False for backfills.

        Raises:
            Conflict: If the collection has another type, or the draft is logged already.
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
        """Log many drafts, such as the partitions of a data set; with the arguments of `log_artifact`.

        What changed is logged one by one.  All that is as it was is one transaction, and no manifest is
        written for it.

        Returns:
            The version of each draft, in order.

        Raises:
            LandfastError: The first error, the others as notes; every other draft is logged all the same, as
                its `is_logged` tells.
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
        """Log what all shards of one plan found, as one version; all other arguments are those of `log`.

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
        """Count what `snapshot` would ask for, as `plan_log` does."""
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
        """Import what another tool recorded: names, versions in order, aliases, metadata and pins; no bytes.

        Everything is read first, and nothing recorded if an entry cannot come over.  Each version is tagged with
        what the tool calls it, ``wandb-v3``; one that was imported before is left as it is.

        Args:
            peer: The tool: ``wandb``, ``dagster-wandb``, ``dvc``, ``quilt`` or ``datachain``; it need not be installed.
            path: Its files: see the page of each tool.
            name: What to call a manifest that does not say its name.
            rename: Names here by names there, or by their beginnings up to a slash.
            type: Of new collections; None is the tool's, else ``dataset``.
            allow_missing: Whether versions are recorded without the entries that cannot come over.
            dry_run: Only read, and tell what would be done.
            verify: Whether what was imported is compared with its stores.
            any_endpoint: Whether another endpoint than the tool's may be looked at.

        Raises:
            NotFound: If nothing of the tool is there.
            InvalidInput: If an entry cannot come over, naming it; or a manifest is of a version that is not known.
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
        """Copy a file into a folder or bucket of yours, under the sha256 of its bytes.

        Nothing there is ever overwritten: other bytes have another address, and equal bytes are left as they are.

        Args:
            place: A folder, ``file:///FOLDER``, ``s3://BUCKET/PREFIX`` or ``gs://BUCKET/PREFIX``.
            local_path: The file.

        Returns:
            Where it lies, a URI to reference: ``PLACE/blobs/sha256/ab/abcd...``.

        Raises:
            InvalidInput: If files cannot be copied to such a place.
            Conflict: If it is the store of a registry, whose garbage collection would take them.
            NotFound: If there is no such file, or no bucket.
            AccessDenied: Naming the missing permission.
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
        """Return the manifest of a place, without logging it; its file goes with it.

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
        """Find out what a reference is and cut it into shards, for workers to scan.

        Args:
            reference: As in `log`.
            shards: How many key ranges to cut.
            near: A collection whose latest manifest gives even cuts.
            place: As in `Artifact.add_reference`.
        """
        return scans.plan(
            self._context, Reference.of(reference, **place), shards=shards, near=self._near(near)
        )

    def scan_shard(self, shard: Shard, *, near: Named | None = None) -> ShardScan:
        """Scan one shard and put its manifest into the registry's store, where `log_scans` finds it.

        The result is small and pickles, so an orchestrator can pass it on.
        """
        return scans.scan_shard(self._context, shard, near=self._near(near))

    def open_scan(self, scan: ShardScan) -> ManifestFile:
        """Open what a shard found."""
        from landfast.manifests.reader import ManifestFile

        return ManifestFile(scans.localise(self._context, scan).manifest.path)

    def scan_folders(self, folder: Path, references: Sequence[Reference]) -> list[ShardScan]:
        """Scan several places into manifest files in a folder, for `log_scans`.

        Folders that lie side by side in a bucket, such as the partitions of a data set, are scanned
        with one listing; others one by one.

        Args:
            folder: Takes the files.
            references: The places.

        Returns:
            One result for each, in order; a place without objects gives an empty one, which
            `log_scans` refuses unless the reference says ``allow_empty=True``.

        Raises:
            LimitExceeded: If one holds more than its limit.
        """
        return scans.scan_folders(self._context, folder, references)

    def ticket(self) -> int:
        """Draw a start ticket, for `log_scans`: of two scans the one that began later counts."""
        return self.registry.ticket()

    def _near(self, near: Named | None) -> ArtifactName | None:
        return None if near is None else self.resolve_name(near)

    # -- read ---------------------------------------------------------------------------------

    def get(self, named: Named) -> ArtifactVersion:
        """Return a version by name, without an edge; `use` is for pipelines.

        Args:
            named: ``mnist`` (its latest), ``mnist:v3``, ``mnist:prod``, ``mnist@lf1:...``, a ``landfast://`` URI.

        Raises:
            NotFound: Naming what is missing, and what there is.
        """
        return find_version(self._context, named)

    def find(self, named: Named) -> ArtifactVersion | None:
        """Return a version as `get` does; None if there is none of that name."""
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
            type: The type expected.
            declared: Whether the orchestrator only says so and nothing is loaded.

        Raises:
            Conflict: If it has another type.
        """
        version = self.get(named).of_type(type)
        self.use_all([version], declared=declared)
        return version.on(self._context)

    def use_all(self, versions: Iterable[ArtifactVersion], *, declared: bool = False) -> None:
        """Record that this run used many versions, in one transaction; as `use` does each.

        Where the registry may only be read, that is said once, and nothing is recorded.

        Args:
            versions: What was used.
            declared: As in `use`.
        """
        record_use(self._context, versions, declared=declared)

    def as_of(self, named: Named, moment: datetime) -> ArtifactVersion:
        """Return what a name's alias (or latest) meant at a moment, registry time."""
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
            keys: Only these partitions, asked for at once; those that have no version are left out.
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
        """Yield the change feed after a position, ascending.

        Args:
            after: The position.
            limit: The most changes.
            name: Only of this collection's partition.
            partitions: Whether `name` means all partitions of its collection.
            verdicts: Whether also with changes of verdicts (`verify_aliases`), of which nothing moved.
        """
        full = None if name is None else self.resolve_name(name).bare()
        wanted = ChangeFilter(name=full, partitions=partitions, verdicts=verdicts)
        return self.registry.changes(wanted, after=after, limit=limit)

    def head(self) -> int:
        """Return the position of the newest change; 0 before the first."""
        return self.registry.head()

    def version_of(self, change: Change) -> ArtifactVersion:
        """Return the version that a change moved to, also one that was deleted since."""
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

        The position is remembered in the registry as soon as the next change is asked for; one process at a time
        follows in a name.

        Args:
            consumer: The name, one for each thing that is told.
            begin: Where a consumer begins that nobody knows yet: ``start``, ``now``, a position, or a moment.
            again: Where to go on instead of the remembered position; None goes on there.

        Raises:
            Conflict: When entered, if somebody else follows in this name; it may be free after 30 seconds.

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
        """Tell a consumer of the change of `latest` that it still has to be told, if there is one.

        That is at least once: what an earlier attempt of this client's run changed and did not tell is told by the
        next one, as long as it still stands.

        Args:
            named: The collection's partition.
            consumer: The name under which the registry remembers what was told.
            send: Tells of a version and the change that brought it. If it raises, or answers False, the
                change stays pending.
            mark: Whether the change is told when `send` returns; else call `mark_announced` once it is.

        Returns:
            The change that was sent; None if there was nothing new, or `send` answered False.

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
        """Describe a change in Markdown: counts, digest, sources, who did it, and the first paths that differ."""
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
        """Return the change of `latest` that a consumer still has to be told, or None."""
        name = self.resolve_name(named).bare()
        return self.registry.pending_announcement(name, consumer, run=self._context.run_key)

    def mark_announced(self, consumer: str, change: Change) -> None:
        """Record that a consumer was told of a change."""
        self.registry.mark_announced(consumer, change)

    def announced_position(self, consumer: str, name: Named | None = None) -> int:
        """Return the position of the newest change, of one partition if named, that a consumer was told of, else 0."""
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
        """Record this client's run, or meet it again.

        Args:
            job_type: Such as ``train``.
            name: Display name.
            config: Parameters.
            link: A page about the run elsewhere; secrets in it are taken out.
            attempt: Of the orchestrator, from 1.
        """
        return self._context.begin_run(
            job_type=job_type, name=name, config=config, link=link, attempt=attempt
        )

    def finish_run(self, status: RunStatus) -> None:
        """Say how this client's run ended."""
        self.registry.finish_run(self._context.run_key, status)
        tell_run(self._context)

    def finish_own_run(self, status: RunStatus) -> None:
        """End the run that this client began for itself; one that it joined is ended by its owner."""
        if self._context.own_run.begun is not None and self.settings.run is None:
            self.finish_run(status)

    def run_env(self) -> dict[str, str]:
        """Return the variables by which a subprocess, a pod or a Spark step joins this client's run.

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
        """Return what runs used and logged."""
        return self.registry.edges(runs=runs)

    def edges_within(self, run: RunKey) -> list[Edge]:
        """Return the edges of all that belongs to an orchestrator's run, oldest first: of each of its nodes and parts.

        Args:
            run: Any of them.
        """
        return self.registry.edges_within(run)

    def uses(self, named: Named) -> list[Edge]:
        """Return who used any version of a collection's partition, first use first; declared uses too."""
        full = self.resolve_name(named).bare()
        try:
            found = [record.id for record in self.registry.versions(full, deleted=True)]
        except NotFound:
            return []
        edges = self.registry.edges(versions=found) if found else []
        return [edge for edge in edges if edge.direction is not Direction.LOGGED]

    def latest_uses(self, named: Named, by: RunKey, *, partitions: bool = False) -> Iterator[Edge]:
        """Yield who used or declared a version of a collection's partition, newest first.

        Args:
            named: As in `get`; a version in it is not looked at.
            by: Only runs of its system and deployment, whose run id begins with its run id.
            partitions: Whether all partitions of the collection are meant.
        """
        name = self.resolve_name(named).bare()
        return self.registry.latest_uses(name, by, partitions=partitions)

    @named_options(LineageOptions)
    def lineage(self, named: Named, **options: Unpack[LineageOptions]) -> Lineage:
        """Return the versions and runs up- and downstream of a version, transitively.

        Args:
            named: As in `get`.
            options: until (a moment), declared (whether declared uses are followed too).
        """
        return self.get(named).lineage(**options)

    def lineage_of_object(self, uri: str, version_id: str | None = None) -> ObjectLineage:
        """Return which versions and runs contain an object.

        Args:
            uri: The object; an explicit pin in it counts as `version_id`.
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
            ObjectChanged: If recorded bytes are neither at the source nor in the cache.
            NotFound: If an object is gone; names it, and the version id.
            InvalidInput: If keys cannot be files side by side in a folder; all of them are named.
            Conflict: If the folder holds another version, or the source's endpoint is another one.
        """
        return self._here(named).download_report(root, **options)

    @named_options(DownloadOptions)
    def plan_download(
        self, named: Named, root: str | Path | None = None, **options: Unpack[DownloadOptions]
    ) -> Plan:
        """Count what `download` would ask for with these arguments, and say what stands in its way; nothing is written.

        What the folder or the cache has is `done`.  Lists tell what is archived or lost (`Plan.sent`).
        """
        return self._here(named).plan_download(root, **options)

    def open(self, named: Named, path: str, *, any_endpoint: bool = False) -> IO[bytes]:
        """Open one entry of a version; the bytes are verified before the first is returned.

        Args:
            named: As in `get`.
            path: Of the entry.
            any_endpoint: Whether another endpoint than the recorded one may be read.

        Raises:
            NotFound: If there is no such entry, or its object is gone.
            ObjectChanged: If only other bytes are to be had.
        """
        return self._here(named).open(path, any_endpoint=any_endpoint)

    def path(self, named: Named, path: str = "") -> Path:
        """Return the verified local path of a `file://` entry, or of the folder that holds all entries; no copy.

        Raises:
            InvalidInput: If it is not a file of this machine.
            NotFound: If it has no local path.
            ObjectChanged: If what is there is not what was recorded.
        """
        return self._here(named).path(path)

    def filesystem(self, *, any_endpoint: bool = False) -> LandfastFileSystem:
        """Return an fsspec filesystem of recorded files, read by name with this client.

        Paths are ``NAME/PATH`` with a version in the name, such as ``vision/mnist:prod/labels.csv``.

        Args:
            any_endpoint: Whether another endpoint than the recorded one may be read.

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
        """Answer a query over versions, on DuckDB, which only reads.

        A table whose name is that of an artifact, in quotes, has its entries as rows: the columns of
        `ArtifactVersion.to_arrow`.  `entry(name, path)` has the rows of recorded files of CSV, JSON or
        Parquet, by path or glob.

        Args:
            query: One SELECT.
            parameters: For ``?`` a sequence, for ``$name`` a mapping.
            external_access: Whether other files and addresses may be read too.
            use: Whether versions are recorded as used where there is a run.
            memory_limit: For sorting, joining and grouping; what needs more goes to disk.

        Raises:
            InvalidInput: If the query is wrong, naming the place, or does more than read.
            NotFound: If there is no such version or file.
            ObjectChanged: If recorded contents are not to be had any more.
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
        """Verify every version that an alias names, on a schedule: a change of its verdict is a row of the feed.

        One row for each change, none where all is as it was: `changes` and `follow` yield them where a filter asks for
        verdicts.  A version was intact when it was logged; one whose server does not answer is ``unreachable``.

        Args:
            names: Collections (all their partitions) or partitions; none is this client's project.
            aliases: Which; what several of them name is looked at once.
            options: As in `verify`.

        Returns:
            How each stands, by name; of one that could not be looked at with the error, the others all the same.

        Raises:
            NotFound: If no version has one of the aliases.

        Example:
            >>> for found in Client().verify_aliases("vision/mnist", aliases=["prod"]):  # doctest: +SKIP
            ...     print(found.version, found.verdict, found.change)
        """
        return verify_aliases(self._context, map(self.resolve_name, names), aliases, options)

    @named_options(VerifyOptions)
    def plan_verify(self, named: Named, **options: Unpack[VerifyOptions]) -> Plan:
        """Count what `verify` would ask for with these options; lists are asked for, as they tell how much there is."""
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
        """Ask stores for what of a version lies in their archives, each object version by its id.

        What is on its way, or back, is left alone: call it as often as you like.

        Args:
            named: As in `get`.
            wait: Whether to wait until all can be read.
            timeout: The longest wait, in seconds; None waits as long as it takes.
            options: tier (``Standard``, ``Bulk``, ``Expedited``), days (how long a copy stays, 7), include and exclude
                (globs of paths), any_endpoint.

        Raises:
            AccessDenied: If asking is not permitted.
            InvalidInput: If a server has archives and no restore, or not in this tier.
            Unavailable: If it took longer than `timeout`; the restore goes on.

        Example:
            >>> report = Client().restore("vision/mnist:prod", tier="Bulk", wait=True)  # doctest: +SKIP
            >>> report.until  # doctest: +SKIP
            datetime.datetime(2026, 12, 4, 0, 0, tzinfo=datetime.timezone.utc)
        """
        return self._here(named).restore(wait=wait, timeout=timeout, **options)

    @named_options(RestoreOptions)
    def plan_restore(self, named: Named, **options: Unpack[RestoreOptions]) -> Plan:
        """Count what `restore` would ask for, and say what stands in its way; nothing is asked for."""
        return self._here(named).plan_restore(**options)

    @named_options(RetentionOptions)
    def retention(self, named: Named, **options: Unpack[RetentionOptions]) -> RetentionReport:
        """Say of a version when the rules of its buckets can remove or archive what it refers to.

        Reads lifecycle rules, versioning and Object Lock of each bucket, and list pages where a rule may apply. What
        may not be asked is named, and never taken for "there is nothing".

        Args:
            named: As in `get`.
            options: within (how far ahead a date is too near, 30 days), locks (ask what holds each version that would
                expire, two requests each), workers, any_endpoint, progress.

        Returns:
            A report; `report.raise_for()` makes an error of what is too near.

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
        """Return what `hold` would send to the stores, and what stands in its way; nothing is held.

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
        """Let the stores promise that every recorded object version of a version stays.

        S3 puts a legal hold on each, which needs Object Lock.  What others hold is left as it is, and never released.
        Killed, it is run again; what is held already costs nothing then.

        Args:
            named: As in `get`.
            options: kind (``legal-hold``; None is each store's default), reason, holder (in whose name; a version is
                held as long as it is in one), partial (hold what can be held where something cannot), any_endpoint,
                own_store (whether also its managed files, copies and manifests in the registry's own store).

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
        """Keep the bytes that no hold can keep where they lie in the registry's own store.

        The version stays what it is: the same content digest, the same entries. It is read from the copies from then
        on, whatever becomes of the originals. Every byte is compared with what was recorded before the copies are
        named; killed, it is run again and goes on.

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
        """Count what `copy` would read and store; nothing of it is done.

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
        """Take an alias away; `latest` cannot be.

        Raises:
            Conflict: If `named` says a version, and the alias names another one.
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
        """Edit a version's description, metadata, TTL and tags; content never changes."""
        return self._here(named).update(
            description=description,
            metadata=metadata,
            ttl=ttl,
            add_tags=add_tags,
            remove_tags=remove_tags,
        )

    def delete(self, named: Named, *, delete_aliases: bool = False) -> ArtifactVersion:
        """Soft-delete a version; the objects it refers to are never touched.

        Raises:
            Conflict: If aliases name it and `delete_aliases` is False.
        """
        name = self.resolve_name(named)
        picked = name if name.picks_version else replace(name, alias=LATEST)
        record = self.registry.delete(picked, delete_aliases=delete_aliases)
        settle_deleted(self._context, record)
        return self._version(record)

    def undelete(self, named: Named) -> ArtifactVersion:
        """Make a deleted version live again, as long as `gc` has not taken its manifest and managed files.

        Its aliases do not come back; `latest` names it only if no other version is live.  A time to live
        that is over is taken away.

        Args:
            named: With its number, ``mnist:v3``.

        Raises:
            NotFound: If there is no such version, or its blobs were collected.
            Conflict: If its content was logged again since, as another version.
            InvalidInput: If the name has no number.
        """
        from landfast.publish.undelete import undelete

        name = self.resolve_name(named)
        if name.index is None:
            raise InvalidInput(
                f"{name} does not say which deleted version is meant",
                subject=str(name),
                expected="a name with a number, such as mnist:v3",
                hint="`client.versions(name, deleted=True)` lists them.",
            )
        context = self._context
        record = undelete(context.registry, context.owned_blobs, context.open_manifest, name)
        return self._version(record)

    # -- keep the registry --------------------------------------------------------------------

    def gc(self, *, grace: timedelta = timedelta(days=1), dry_run: bool = True) -> GarbageReport:
        """Expire versions past their TTL and remove blobs that nothing names.

        Args:
            grace: Blobs younger than this stay: a writer may be about to name them.  Longer than the age of any
                backup that may be restored.
            dry_run: Only report.

        Raises:
            Conflict: If the store is another registry's, or a copy's.
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
        """Remove looks that found nothing new, and the runs that did nothing but look; lineage survives.

        Versions, pins, moves of aliases, runs that used something or logged new content, looks that brought metadata
        or found new pins, and the last look at each partition and version stay.  So do runs that a consumer of run
        events has still to be told of.

        Args:
            older_than: Only what is older.
            dry_run: Only count.

        Raises:
            InvalidInput: If the age is negative.
        """
        from landfast.upkeep.prune import prune_history

        return prune_history(self.registry, older_than=older_than, dry_run=dry_run)

    def check_registry(self, *, deep: bool = False, holds: bool = False) -> RegistryCheck:
        """Compare what live versions need with what the registry's store has, and what is held with what should be.

        Args:
            deep: Whether to read every blob again; else presence and size are taken from a listing.
            holds: Whether to ask stores of each object version that the registry holds: one request each.
        """
        from landfast.hold.check import check_holds
        from landfast.upkeep.registry_check import check_registry

        context = self._context
        found = check_registry(context.registry, context.blobs, context.open_manifest, deep=deep)
        wrong = check_holds(context.registry, context.stores, ask=holds)
        return replace(found, holds=tuple(islice(wrong, _MOST_PROBLEMS)))

    def init_registry(self) -> RegistryInfo:
        """Make the registry that this client names, or find that it is there, with its store.

        Raises:
            Conflict: If the registry has another store, or the store belongs to another registry.
            InvalidInput: If PostgreSQL gets no store.
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
        """Say that the registry's store belongs to it: it was moved, or the store's owner is gone for good.

        Args:
            store_url: Where the store lies now, if it was restored elsewhere: ``s3://``, ``gs://`` or a folder.

        Raises:
            Conflict: If there are no blobs of this registry there, or it belongs to another one.
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
        """Give this registry, which was made by copying another, an id and a store of its own.

        Its blobs are copied there; the store that it was copied with stays as it is.

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
        """Copy this registry, rows and blobs, to another database: from SQLite to PostgreSQL, or as you like.

        It moves: its id and all that stands on it, runs, change ids, consumers' positions, stay, and this place refuses
        writes from then on and names the new one. Writers go on until everything but the rows is copied. Killed, it is
        run again; the target is whole, or not there.

        Args:
            target: ``sqlite:///PATH`` or ``postgresql://...``, where no registry is.
            store: A store for the copies of the blobs: a folder, ``s3://``, ``gs://``. Without one the store stays as
                it is; where it is the default folder of a SQLite file, blobs are copied beside the target's file.
            fork: Whether the copy is another registry, with an id and a store of its own; this one goes on then.
            skip_proven: Whether not to read back from the store what this run copied to it.
            dry_run: Whether to say only what would be copied.

        Raises:
            Conflict: If another registry is at the target or in its store, or this one was moved elsewhere.
            InvalidInput: If the copy needs a store of its own, and none is named.
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
