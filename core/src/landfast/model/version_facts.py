"""VersionFacts: what the registry recorded of one version, by the names that users know."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self

from landfast.errors import Conflict
from landfast.html.notebook import fragment
from landfast.model.names import ArtifactName
from landfast.model.source import Skipped, Source
from landfast.model.times import format_time
from landfast.model.version import Change, VersionRecord


class VersionFacts:
    """What is known of a version without opening anything; see `ArtifactVersion`."""

    def __init__(
        self,
        record: VersionRecord,
        *,
        created: bool = False,
        changed: bool = False,
        change: Change | None = None,
    ) -> None:
        self._record = record
        self._created = created
        self._changed = changed
        self._change = change

    @property
    def record(self) -> VersionRecord:
        """Everything that the registry knows about the version, as a frozen value."""
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
        """The row of the change feed that the log wrote; None if no alias moved."""
        return self._change

    @property
    def outcome(self) -> str:
        """Result of the log that returned this version, in a few words, such as ``unchanged at v7``."""
        if self.created:
            return f"new version {self.version}, {self.file_count:,} files, {self.size:,} B"
        return f"{'back' if self.changed else 'unchanged'} at {self.version}"

    @property
    def full_name(self) -> ArtifactName:
        """Entity, project, collection, partition and index."""
        return self._record.name

    @property
    def qualified_name(self) -> str:
        """The full name as text, such as ``default/vision/mnist:v3``."""
        return str(self._record.name)

    @property
    def name(self) -> str:
        """Collection, partition and version, such as ``mnist:v3``."""
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
        """The partition key; ``""`` if there is no partition."""
        return self._record.name.partition

    @property
    def uri(self) -> str:
        """The ``landfast://`` URI of exactly this version."""
        return self._record.name.uri

    def page(self, ui_url: str) -> str:
        """Return the URL of its web page: the path of `uri` after another base URL.

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
        """Whether every entry has a checksum or another token; False after ``checksum=False``."""
        return self._record.summary.unverified == 0

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases that pointed to it when it was read."""
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
        """Time to live, counted from `created_at`; None keeps the version."""
        seconds = self._record.ttl_seconds
        return None if seconds is None else timedelta(seconds=seconds)

    @property
    def created_at(self) -> datetime:
        """When it was logged, registry time."""
        return self._record.created_at

    @property
    def sources(self) -> tuple[Source, ...]:
        """References that were scanned for the version."""
        return self._record.sources

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Objects that the scan left out, by reason."""
        return self._record.skipped

    def of_type(self, type: str | None) -> Self:
        """Return the version if it has this type; None accepts every type.

        Raises:
            Conflict: If the version has another type.
        """
        if type is None or self.type == type:
            return self
        raise Conflict(
            f"{self.qualified_name} has another type",
            subject=self.qualified_name,
            expected=type,
            found=self.type,
        )

    def _repr_html_(self) -> str | None:
        return fragment("version", **self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Describe it: names, digests, counts, sources; not its entries."""
        record = self._record
        return {
            "name": self.qualified_name,
            "uri": self.uri,
            "entity": self.entity,
            "project": self.project,
            "collection": self.collection,
            "partition": self.partition or None,
            "version": self.version,
            "type": self.type,
            "digest": self.digest,
            "pin_digest": record.summary.pin_digest,
            "files": self.file_count,
            "bytes": self.size,
            "verified": self.is_verified,
            "aliases": list(self.aliases),
            "tags": list(self.tags),
            "description": self.description,
            "metadata": self.metadata,
            "ttl_seconds": record.ttl_seconds,
            "sources": [source.to_dict() for source in record.sources],
            "skipped": [skip.to_dict() for skip in record.skipped],
            "run": None if record.run is None else str(record.run),
            "created_at": format_time(record.created_at),
            "deleted_at": None if record.deleted_at is None else format_time(record.deleted_at),
            "created": self.created,
            "changed": self.changed,
        }
