"""ArtifactVersion: one immutable version, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import EllipsisType
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from landfast.errors import Conflict, NotFound
from landfast.manifests.base import Manifest
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.names import ArtifactName
from landfast.wandb_names import advise, check_options

if TYPE_CHECKING:
    from landfast.artifact import Artifact
    from landfast.client import Client
    from landfast.download.run import DownloadReport
    from landfast.model.diff import ManifestDiff
    from landfast.model.lineage import Lineage
    from landfast.model.run import RunRecord
    from landfast.model.source import Skipped, Source
    from landfast.model.verdict import VerifyReport
    from landfast.model.version import Change, PinSet, VersionRecord


class ArtifactVersion:
    """A version as the registry recorded it, joined to the client that can read it.

    It pickles without connections and without secrets; unpickled elsewhere, it uses what the client's
    `opener` finds there, else the registry of that place's environment, which has to be the same one.

    Args:
        record: What the registry knows.
        client: Who reads.
        created: Whether the log that returned this made the version.
        changed: Whether that log moved `latest`.
        change: The row of the change feed, if it did.
        registry_id: Of the registry that recorded it; None is the client's.
        opener: Finds a client where this was unpickled; None is the client's.
    """

    def __init__(
        self,
        record: VersionRecord,
        client: Client | None,
        *,
        created: bool = False,
        changed: bool = False,
        change: Change | None = None,
        registry_id: str | None = None,
        opener: Callable[[], Client] | None = None,
    ) -> None:
        self._record = record
        self._client_here = client
        self._registry_id = registry_id or (client.registry.info.id if client is not None else None)
        self._opener = opener or (client.opener if client is not None else None)
        self._created = created
        self._changed = changed
        self._change = change

    # -- what it is ---------------------------------------------------------------------------

    @property
    def record(self) -> VersionRecord:
        """Everything the registry knows, as a frozen value."""
        return self._record

    @property
    def created(self) -> bool:
        """Whether the log that returned this made the version."""
        return self._created

    @property
    def changed(self) -> bool:
        """Whether the log that returned this moved `latest`."""
        return self._changed

    @property
    def change(self) -> Change | None:
        """The row of the change feed that the log wrote; None if it moved nothing."""
        return self._change

    @property
    def full_name(self) -> ArtifactName:
        """Entity, project, collection, partition and index."""
        return self._record.name

    @property
    def qualified_name(self) -> str:
        """The wire form, such as ``default/vision/mnist:v3``."""
        return str(self._record.name)

    @property
    def name(self) -> str:
        """Collection, partition and version, such as ``mnist:v3``."""
        from dataclasses import replace

        return str(replace(self._record.name, entity=None, project=None))

    @property
    def version(self) -> str:
        """``v`` and the index."""
        return f"v{self._record.index}"

    @property
    def index(self) -> int:
        """The number N of ``vN``."""
        return self._record.index

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._record.name.collection

    @property
    def project(self) -> str:
        """The project."""
        return self._record.name.project or ""

    @property
    def entity(self) -> str:
        """The entity."""
        return self._record.name.entity or ""

    @property
    def partition(self) -> str:
        """The partition key; ``""`` is none."""
        return self._record.name.partition

    @property
    def uri(self) -> str:
        """The ``landfast://`` URI of exactly this version."""
        return self._record.name.uri

    def page(self, ui_url: str) -> str:
        """Return the address of its web page, the `uri` below another base.

        Args:
            ui_url: Base URL of Landfast's web pages.
        """
        return f"{ui_url.rstrip('/')}/{self.uri.removeprefix('landfast://')}"

    @property
    def type(self) -> str:
        """The collection's type."""
        return self._record.type

    @property
    def digest(self) -> str:
        """The content digest, ``lf1:`` and 64 hexadecimal digits."""
        return self._record.summary.digest

    @property
    def size(self) -> int:
        """Bytes of all entries."""
        return self._record.summary.size

    @property
    def file_count(self) -> int:
        """Number of entries."""
        return self._record.summary.count

    @property
    def is_verified(self) -> bool:
        """Whether every entry has a token; False after ``checksum=False``."""
        return self._record.summary.unverified == 0

    @property
    def is_restorable(self) -> bool:
        """Whether the stores return every entry even after it is overwritten.

        One look that saw all the pins is enough, be it the first or one when it was logged again.
        """
        record = self._record
        if _are_kept(record.sources) and record.summary.unpinned == 0:
            return True
        if all(source.versioning == "none" for source in record.sources):
            return False
        return any(map(self._is_pinned_by, self._client.registry.pin_sets(record.id)))

    def _is_pinned_by(self, pins: PinSet) -> bool:
        if pins.blob == self._record.blob or not _are_kept(pins.sources):
            return False
        try:
            return self._client.open_manifest(pins.blob).summary.unpinned == 0
        except (NotFound, Conflict):
            return False  # these pins are lost

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases that name it, as of when it was read."""
        return self._record.aliases

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return self._record.tags

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata."""
        return self._record.metadata

    @property
    def description(self) -> str:
        """Its description."""
        return self._record.description

    @property
    def ttl(self) -> timedelta | None:
        """How long it is kept after `created_at`; None keeps it."""
        seconds = self._record.ttl_seconds
        return None if seconds is None else timedelta(seconds=seconds)

    @property
    def created_at(self) -> datetime:
        """When it was logged, registry time."""
        return self._record.created_at

    @property
    def sources(self) -> tuple[Source, ...]:
        """What it was scanned from."""
        return self._record.sources

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What the scan left out, by reason."""
        return self._record.skipped

    @property
    def manifest(self) -> Manifest:
        """Its entries, as they were when it was created; newer pins are used by `download`."""
        return self._client.open_manifest(self._record.blob)

    # -- what is in it ------------------------------------------------------------------------

    def entries(self, prefix: str = "") -> Iterable[ManifestEntry]:
        """Yield the entries whose path starts with `prefix`, sorted by path."""
        return self.manifest.entries(prefix)

    def get_entry(self, path: str) -> ManifestEntry:
        """Return the entry at a path.

        Raises:
            NotFound: If there is none.
        """
        return self.manifest.get(path)

    def uris(self, prefix: str = "") -> list[str]:
        """Return where the entries lie, pinned where the URI can say so (``?versionId=``, ``#generation``)."""
        return [pinned_uri(entry) for entry in self.entries(prefix)]

    def subtree_digest(self, prefix: str) -> str:
        """Return the content digest that a folder of it would have if logged alone."""
        return self.manifest.subtree_digest(prefix)

    def path(self, path: str = "") -> Path:
        """Return the local path of a `file://` entry in place, verified, without a copy.

        Raises:
            InvalidInput: If it is no file of this machine.
            ObjectChanged: If the file there is not the recorded one.
        """
        return self._client.path_in_place(self, path)

    def open(self, path: str, *, any_endpoint: bool = False) -> IO[bytes]:
        """Open one entry for reading; the bytes are verified before the first is returned.

        Args:
            path: Of the entry.
            any_endpoint: Whether another endpoint than the recorded one may be read.

        Raises:
            NotFound: If there is no such entry, or its object is gone.
            ObjectChanged: If only other bytes are to be had.
        """
        return self._client.open_entry(self, path, any_endpoint=any_endpoint)

    # -- what can be done with it -------------------------------------------------------------

    def download(self, root: str | Path | None = None, **options: Any) -> str:
        """Write the recorded bytes to a folder and return it; `Client.download` has the options.

        Example:
            >>> folder = landfast.Client().get("vision/mnist").download()  # doctest: +SKIP
        """
        check_options("ArtifactVersion.download", options)
        return str(self._client.download(self, root, **options).root)

    def download_report(self, root: str | Path | None = None, **options: Any) -> DownloadReport:
        """As `download`, returning what was fetched, reused and missing."""
        return self._client.download(self, root, **options)

    def verify(self, **options: Any) -> VerifyReport:
        """Compare every entry with what the stores have now; `Client.verify` has the options."""
        return self._client.verify(self, **options)

    def diff(self, other: ArtifactVersion | str) -> ManifestDiff:
        """Return what changed from this version to another."""
        return self._client.diff(self, other)

    def lineage(self, **options: Any) -> Lineage:
        """Return the versions and runs up- and downstream; `Client.lineage` has the options."""
        return self._client.lineage(self, **options)

    def logged_by(self) -> RunRecord | None:
        """Return the run that created it; None if none did."""
        return None if self._record.run is None else self._client.registry.run(self._record.run)

    def used_by(self) -> list[RunRecord]:
        """Return the runs that used it, first use first."""
        return self._client.runs_using(self)

    def promote(self, alias: str) -> ArtifactVersion:
        """Move an alias to this version."""
        return self._client.promote(self, alias)

    def update(
        self,
        *,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        ttl: timedelta | EllipsisType | None = ...,
    ) -> ArtifactVersion:
        """Edit description, metadata, tags and TTL (None keeps it for ever); content never changes."""
        return self._client.update(
            self,
            description=description,
            metadata=metadata,
            add_tags=add_tags,
            remove_tags=remove_tags,
            ttl=ttl,
        )

    def delete(self, *, delete_aliases: bool = False) -> None:
        """Soft-delete it; the objects it refers to are never touched.

        Raises:
            Conflict: If aliases name it and `delete_aliases` is False.
        """
        self._client.delete(self, delete_aliases=delete_aliases)

    def wait(self, timeout: float | None = None) -> ArtifactVersion:  # noqa: ARG002
        """Return at once: a version is complete when `log` returns."""
        return self

    def new_draft(self) -> Artifact:
        """Return a draft of the next version that starts from this one's entries."""
        return self._client.new_draft(self)

    def to_dict(self) -> dict[str, Any]:
        """Return what the CLI prints as JSON."""
        from landfast.jsonable import version_to_dict

        return version_to_dict(self)

    @property
    def _client(self) -> Client:
        if self._client_here is None:
            from landfast.session import default_client

            client = (self._opener or default_client)()
            if not client.is_of(self._registry_id):
                raise NotFound(
                    f"{self.qualified_name} was recorded in another registry than {client.display_url}",
                    subject=self.qualified_name,
                    hint="Set LANDFAST_REGISTRY_URL to the registry that it came from.",
                )
            self._client_here = client
        return self._client_here

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


def _are_kept(sources: Iterable[Source]) -> bool:
    """Whether all places keep what is overwritten, as far as they tell."""
    return all(source.versioning in {"none", "enabled", "unknown"} for source in sources)


def pinned_uri(entry: ManifestEntry) -> str:
    """Write where an entry lies, with its pin where the URI of its scheme can carry one.

    Example:
        >>> pinned_uri(ManifestEntry(path="a", size=1, checksum=None, uri="s3://b/a", version_id="x1"))
        's3://b/a?versionId=x1'
    """
    if entry.version_id in {None, "null"}:
        return entry.uri
    return Location.parse(entry.uri, pins=False).pinned_uri(str(entry.version_id))


def _rebuild(
    record: VersionRecord,
    created: bool,
    changed: bool,
    change: Change | None,
    registry_id: str | None,
    opener: Callable[[], Client] | None = None,
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


# What names a version in the methods of a client.
Named: TypeAlias = str | ArtifactName | ArtifactVersion
