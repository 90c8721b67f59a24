"""ArtifactVersion: one immutable version, a record of the registry and the context that reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import EllipsisType
from typing import IO, TYPE_CHECKING, Any, TypeAlias, Unpack
from urllib.parse import quote

from landfast.context import Context, Opener, default_context
from landfast.errors import AccessDenied, Conflict, NotFound, Unavailable
from landfast.manifests.base import Manifest
from landfast.manifests.frames import Rows
from landfast.model.lineage import Direction
from landfast.model.manifest import ManifestEntry
from landfast.model.names import LATEST, ArtifactName
from landfast.model.options import DownloadOptions, LineageOptions, VerifyOptions
from landfast.model.storage.holds import holder_of
from landfast.model.version_facts import VersionFacts
from landfast.openlineage.inline import tell_run
from landfast.registry.values import VersionEdit
from landfast.spelling import named_options
from landfast.system.progress import progress
from landfast.version_storage import VersionStorage, follow_aliases, release_ended
from landfast.wandb_names import advise

if TYPE_CHECKING:
    import pyarrow as pa

    from landfast.cache.blob_cache import BlobCache
    from landfast.download.blocks import Ranges
    from landfast.download.report import DownloadReport
    from landfast.model.diff import ManifestDiff
    from landfast.model.lineage import Lineage
    from landfast.model.run import RunRecord
    from landfast.model.source import Source
    from landfast.model.verdict import Verification, VerifyReport
    from landfast.model.version import Change, PinSet, VersionRecord
    from landfast.pins.sets import PinSets


# So many sources are named in an event.
_MAX_TOLD_SOURCES = 20


class ArtifactVersion(VersionFacts, VersionStorage, Rows):
    """A version as the registry recorded it, with the context that reads it.

    It pickles without connections and secrets. In another process it uses the client that `opener` finds there,
    else the registry of that environment, which must be the same registry.

    Args:
        record: The registry's row.
        context: The context that reads it; None finds one when it is needed.
        created: Whether the log that returned this made the version.
        changed: Whether that log moved `latest`.
        change: The row of the change feed, if it did.
        registry_id: Id of the registry that recorded it; None is the context's.
        opener: Finds a client where this was unpickled; None is the context's.
    """

    def __init__(
        self,
        record: VersionRecord,
        context: Context | None,
        *,
        created: bool = False,
        changed: bool = False,
        change: Change | None = None,
        registry_id: str | None = None,
        opener: Opener | None = None,
    ) -> None:
        super().__init__(record, created=created, changed=changed, change=change)
        self._context_here = context
        self._registry_id = registry_id or (context.registry.info.id if context else None)
        self._opener = opener or (context.opener if context else None)

    @property
    def is_restorable(self) -> bool:
        """Whether the stores return every entry even after it is overwritten.

        True if one scan saw all the pins: the first scan, or a scan when the version was logged again.
        """
        record = self._record
        if _are_kept(record.sources) and record.summary.unpinned == 0:
            return True
        if all(source.versioning == "none" for source in record.sources):
            return False
        return any(map(self._is_pinned_by, self.context.registry.pin_sets(record.id)))

    def _is_pinned_by(self, pins: PinSet) -> bool:
        if pins.blob == self._record.blob or not _are_kept(pins.sources):
            return False
        try:
            return self.context.open_manifest(pins.blob).summary.unpinned == 0
        except (NotFound, Conflict):
            return False  # these pins are lost

    @property
    def url(self) -> str | None:
        """URL of its web page; None unless `LANDFAST_UI_URL` is the address of `landfast ui`."""
        base = self.context.settings.ui_url
        return self.page(base) if base else None

    def facts(self, change: Change | None = None) -> dict[str, Any]:
        """Return the JSON for an orchestrator's event: the same keys everywhere, no entries, no secrets.

        Args:
            change: The change to describe; None describes only the version.

        Example:
            >>> version.facts(version.change)["name"]  # doctest: +SKIP
            'default/vision/mnist:v3'
        """
        said: dict[str, Any] = {
            "name": self.qualified_name,
            "uri": self.uri,
            "entity": self.entity,
            "project": self.project,
            "collection": self.collection,
            "partition": self.partition,
            "version": self.version,
            "type": self.type,
            "digest": self.digest,
            "files": self.file_count,
            "bytes": self.size,
            "uris": [source.uri for source in self.sources[:_MAX_TOLD_SOURCES]],
            "page": self.url,
        }
        return said if change is None else said | change.facts()

    @property
    def manifest(self) -> Manifest:
        """Entries of the version, with the pins of its creation. `download` uses newer pins if there are any."""
        return self.context.open_manifest(self._record.blob)

    # -- what is in it ------------------------------------------------------------------------

    def entries(self, prefix: str = "") -> Iterable[ManifestEntry]:
        """Yield the entries whose path starts with `prefix`, sorted by path."""
        return self.manifest.entries(prefix)

    def to_arrow_batch_reader(
        self, prefix: str = "", *, columns: Sequence[str] | None = None
    ) -> pa.RecordBatchReader:
        """Return the rows of `manifest` as a stream of Arrow batches; `Rows` describes the arguments."""
        return self.manifest.to_arrow_batch_reader(prefix, columns=columns)

    def get_entry(self, path: str) -> ManifestEntry:
        """Return the entry at a path; `NotFound` if there is none."""
        return self.manifest.get(path)

    def uris(self, prefix: str = "") -> list[str]:
        """Return the URIs of the entries, with the pin if the URI can carry it (``?versionId=``, ``#generation``)."""
        return [entry.pinned_uri for entry in self.entries(prefix)]

    def subtree_digest(self, prefix: str) -> str:
        """Return the content digest that one folder of the version would have if you logged it alone."""
        return self.manifest.subtree_digest(prefix)

    def path(self, path: str = "") -> Path:
        """Return the verified local path of a `file://` entry, or of the folder of all entries; see `Client.path`."""
        from landfast.download.in_place import folder_in_place
        from landfast.download.open import path_in_place
        from landfast.verify.run import verify

        if not path:
            sources, stores = self.sources, self.context.stores
            return folder_in_place(sources, stores, lambda: verify(self.manifest, sources, stores))
        pins = self._pins()
        return path_in_place(pins, pins.newest.get(path))

    def open(self, path: str, *, any_endpoint: bool = False) -> IO[bytes]:
        """Open one entry for reading and verify its bytes; `Client.open` describes the options."""
        from landfast.download.open import open_entry
        from landfast.restore.refusal import named_restore

        pins = self._pins(any_endpoint=any_endpoint)
        entry = pins.newest.get(path)
        with named_restore(self.qualified_name, self.context.stores):
            return open_entry(pins, entry, cache=self.context.cache, ranges=self._ranges())

    def _ranges(self) -> Ranges:
        from landfast.download.blocks import Ranges

        settings = self.context.settings
        return Ranges(count=settings.ranges, threshold=settings.range_threshold)

    def _pins(self, *, any_endpoint: bool = False) -> PinSets:
        return _pins(self.context, self._record, any_endpoint=any_endpoint)

    # -- what can be done with it -------------------------------------------------------------

    @named_options(DownloadOptions)
    def download(self, root: str | Path | None = None, **options: Unpack[DownloadOptions]) -> str:
        """Write the recorded bytes to a folder and return it; `Client.download` has the options.

        Example:
            >>> folder = landfast.Client().get("vision/mnist").download()  # doctest: +SKIP
        """
        return str(self.download_report(root, **options).root)

    @named_options(DownloadOptions)
    def download_report(
        self, root: str | Path | None = None, **options: Unpack[DownloadOptions]
    ) -> DownloadReport:
        """Download as `download` does, and return what was fetched, reused and missing."""
        from landfast.download.run import download
        from landfast.restore.refusal import named_restore

        told = named_restore(self.qualified_name, self.context.stores)
        with told, progress(f"downloading {self.name}", unit="bytes") as report:
            options.setdefault("progress", report)
            any_endpoint = options.get("any_endpoint", False)
            return download(
                self.context.pinned_manifests(self._record),
                stores=self.context.stores,
                cache=self.context.cache,
                identity=f"{self.qualified_name} {self.digest}",
                root=self._target(root),
                ranges=self._ranges(),
                there=partial(_opened, self.context, self._record, any_endpoint=any_endpoint),
                **options,
            )

    def _target(self, root: str | Path | None) -> Path:
        if root is None:
            folder = self.context.settings.artifact_dir or Path("artifacts")
            return folder / self.name.replace("/", "%2F")
        # As in the default folder's name; a partition is one folder below, whatever is in its key.
        partition = quote(self.partition, safe="")
        partition = partition if partition.strip(".") else partition.replace(".", "%2E")
        filled = str(root).replace("{version}", self.version)
        return Path(filled.replace("{partition}", partition))

    @named_options(VerifyOptions)
    def verify(self, **options: Unpack[VerifyOptions]) -> VerifyReport:
        """Compare every entry with the stores now; `Client.verify` describes the options."""
        from landfast.verify.run import verify

        (manifest, sources), *older = self.context.pinned_manifests(self._record)
        with progress(f"verifying {self.name}") as report:
            options.setdefault("progress", report)
            there = partial(getattr, self.context, "stores")
            found = verify(
                manifest, sources, self.context.stores, older=older, stores_there=there, **options
            )
        # Who may only read verifies all the same, and so does who finds the registry busy.
        with suppress(AccessDenied, Unavailable):
            self.context.registry.add_verification(self._record.id, found)
        return found

    def verifications(self) -> list[Verification]:
        """Return the results of the last verifications, newest first; the registry keeps the newest 20."""
        return self.context.registry.verifications(self._record.id)

    def diff(self, other: Named) -> ManifestDiff:
        """Return what changed from this version to another."""
        from landfast.query.diff import diff

        return diff(self.manifest, find_version(self.context, other).manifest)

    @named_options(LineageOptions)
    def lineage(self, **options: Unpack[LineageOptions]) -> Lineage:
        """Return the versions and runs upstream and downstream; `Client.lineage` describes the options."""
        from landfast.query.lineage import lineage

        return lineage(self.context.registry, self._record, **options)

    def logged_by(self) -> RunRecord | None:
        """Return the run that created the version; None if no run did."""
        return None if self._record.run is None else self.context.registry.run(self._record.run)

    def used_by(self) -> Sequence[RunRecord]:
        """Return the runs that used the version, sorted by first use."""
        from landfast.query.lineage import runs_using

        return runs_using(self.context.registry, self._record)

    def promote(self, alias: str) -> ArtifactVersion:
        """Move an alias to this version."""
        registry, run = self.context.registry, self.context.ensure_run()
        record, change = registry.promote(self.full_name, alias, run=run)
        version = ArtifactVersion(record, self.context)
        if change is not None and change.previous is not None:
            follow_aliases(version)
        return version

    @named_options()
    def update(
        self,
        *,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        ttl: timedelta | EllipsisType | None = ...,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
    ) -> ArtifactVersion:
        """Edit description, metadata, tags and TTL (None keeps the version forever); content never changes."""
        edit = VersionEdit(
            description=description,
            metadata=None if metadata is None else dict(metadata),
            ttl_seconds=ttl
            if ttl is None or isinstance(ttl, EllipsisType)
            else int(ttl.total_seconds()),
            add_tags=tuple(add_tags),
            remove_tags=tuple(remove_tags),
        )
        record = self.context.registry.update(self.full_name, edit)
        return ArtifactVersion(record, self.context)

    def delete(self, *, delete_aliases: bool = False) -> ArtifactVersion:
        """Soft-delete it; `Client.delete` has the options."""
        record = self.context.registry.delete(self.full_name, delete_aliases=delete_aliases)
        settle_deleted(self.context, record)
        return ArtifactVersion(record, self.context)

    def wait(self, timeout: float | None = None) -> ArtifactVersion:  # noqa: ARG002
        """Return the version immediately: a version is complete when `log` returns."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Describe the version without its entries: names, digests, counts, sources, and whether it is restorable."""
        return {**super().to_dict(), "restorable": self.is_restorable}

    @property
    def context(self) -> Context:
        """The context that reads it; `Conflict` if it was unpickled where the registry is another one."""
        if self._context_here is None:
            context = self._opener().context if self._opener else default_context()
            if not context.is_of(self._registry_id):
                raise Conflict(
                    f"{self.qualified_name} was recorded in another registry than {context.display_url}",
                    subject=self.qualified_name,
                    hint="Set LANDFAST_REGISTRY_URL to the registry that it came from.",
                )
            self._context_here = context
        return self._context_here

    def on(self, context: Context) -> ArtifactVersion:
        """Return the same version, which another context reads."""
        if self._context_here is context:
            return self
        return ArtifactVersion(self._record, context)

    if not TYPE_CHECKING:  # where every name is an attribute, a version would pass for a coroutine

        def __getattr__(self, name: str) -> Any:
            raise advise("ArtifactVersion", name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            self._record,
            self._created,
            self._changed,
            self._change,
            self._registry_id,
            self._opener,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ArtifactVersion):
            return NotImplemented
        return (self._registry_id, self._record.id) == (other._registry_id, other._record.id)

    def __hash__(self) -> int:
        return hash((self._registry_id, self._record.id))

    def __repr__(self) -> str:
        return f"ArtifactVersion({self.qualified_name!r}, digest={self.digest[:16]!r}...)"


def _pins(context: Context, record: VersionRecord, *, any_endpoint: bool) -> PinSets:
    from landfast.pins.sets import PinSets

    return PinSets(context.pinned_manifests(record), context.stores, any_endpoint=any_endpoint)


def _opened(
    context: Context, record: VersionRecord, *, any_endpoint: bool
) -> tuple[PinSets, BlobCache | None]:
    """Open what the workers of an executor bring files with."""
    return _pins(context, record, any_endpoint=any_endpoint), context.cache


def _are_kept(sources: Iterable[Source]) -> bool:
    """Whether all places keep what is overwritten, as far as they tell."""
    return all(source.versioning in {"none", "enabled", "unknown"} for source in sources)


def _rebuild(
    record: VersionRecord,
    created: bool,
    changed: bool,
    change: Change | None,
    registry_id: str | None,
    opener: Opener | None = None,
) -> ArtifactVersion:
    return ArtifactVersion(
        record,
        None,
        created=created,
        changed=changed,
        change=change,
        registry_id=registry_id,
        opener=opener,
    )


Named: TypeAlias = str | ArtifactName | ArtifactVersion


def settle_deleted(context: Context, record: VersionRecord) -> None:
    """Let the hold of `latest` follow from a version that was deleted, and release what that one alone had held."""
    ended = context.registry.holds.of_version(record.id).records
    if any(one.holder == holder_of(LATEST) for one in ended):
        with suppress(NotFound):  # no other version is live
            follow_aliases(ArtifactVersion(context.registry.get(record.name.bare()), context))
    release_ended(context, record)


def find_version(context: Context, named: Named) -> ArtifactVersion:
    """Return a version by name; one that is a version already stays as it is."""
    if isinstance(named, ArtifactVersion):
        return named
    return ArtifactVersion(context.registry.get(context.resolve_name(named)), context)


def name_of(context: Context, named: Named) -> ArtifactName:
    """Return the full name of what is named."""
    return named.full_name if isinstance(named, ArtifactVersion) else context.resolve_name(named)


def record_use(
    context: Context, versions: Iterable[ArtifactVersion], *, declared: bool = False
) -> None:
    """Record that the context's run used versions; see `Client.use_all`."""
    direction = Direction.DECLARED if declared else Direction.USED
    ids = [version.record.id for version in versions]
    try:
        context.registry.add_edges(context.ensure_run(), direction, ids)
        tell_run(context)
    except AccessDenied as error:
        if not context.said_unrecorded:
            context.said_unrecorded = True
            context.note(f"the use of this version is not recorded: {error}")
