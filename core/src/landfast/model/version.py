"""VersionRecord, CollectionRecord, PinSet, Observation and Change: what the registry hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from landfast.html.notebook import fragment
from landfast.model.manifest import ManifestSummary
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey
from landfast.model.source import Skipped, Source
from landfast.model.storage.copies import is_copy
from landfast.model.times import format_time

# Observations that a notebook shows.
_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRecord:
    """A named sequence of versions of one type.

    Args:
        entity: Namespace of the project.
        project: Its project.
        name: Its name.
        type: ``dataset``, ``model``, ...; fixed at the first log.
        description: Of the collection as a whole.
        partitions: How many partitions have versions.
        versions: How many live versions there are.
        created_at: Time of creation, UTC, by the registry's clock.
    """

    entity: str
    project: str
    name: str
    type: str
    description: str = ""
    partitions: int = 0
    versions: int = 0
    created_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Describe the collection."""
        return {
            "name": f"{self.entity}/{self.project}/{self.name}",
            "type": self.type,
            "description": self.description,
            "partitions": self.partitions,
            "versions": self.versions,
            "created_at": format_time(self.created_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord:
    """One immutable version.

    Args:
        id: Key in the registry.
        name: Its full name: entity, project, collection, partition and index.
        type: The collection's type.
        summary: Digests, count, bytes, unverified and unpinned entries.
        blob: sha256 (hexadecimal) of the manifest blob.
        sources: References that were scanned for the version.
        skipped: Objects that the scan left out, by reason.
        description: Description, editable.
        metadata: Metadata, an editable JSON object.
        aliases: Aliases that point to the version now, sorted, with `latest`.
        tags: Tags, sorted.
        ttl_seconds: Time to live in seconds, counted from `created_at`; None keeps the version.
        run: Key of the run that created the version; None if no run did.
        created_at: Time of creation, UTC, by the registry's clock.
        deleted_at: Time of deletion, UTC; None for a live version.
    """

    id: int
    name: ArtifactName
    type: str
    summary: ManifestSummary
    blob: str
    sources: tuple[Source, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    description: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ttl_seconds: int | None = None
    run: RunKey | None = None
    created_at: datetime
    deleted_at: datetime | None = None

    @property
    def index(self) -> int:
        """The number N of ``vN``."""
        assert self.name.index is not None
        return self.name.index


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionOverview:
    """A collection and how it stands, over all of its partitions.

    Args:
        collection: The collection.
        latest: The version that `latest` moved to last, in whichever partition; None if there is none.
        changed_at: When it did, UTC, registry time.
        observed_at: When anybody looked last, whether anything had changed or not.
        sizes: When its newest live versions were made, and their bytes; oldest first.
    """

    collection: CollectionRecord
    latest: VersionRecord | None = None
    changed_at: datetime | None = None
    observed_at: datetime | None = None
    sizes: tuple[tuple[datetime, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionOverview:
    """A partition and how it stands.

    Args:
        key: Its key; ``""`` for what has no partition.
        versions: How many versions were ever made, deleted ones included.
        latest: What `latest` names; None if it names nothing.
        changed_at: When `latest` moved last, UTC, registry time.
        observed_at: When anybody looked last.
    """

    key: str
    versions: int = 0
    latest: VersionRecord | None = None
    changed_at: datetime | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinSet:
    """A manifest blob with the same content as a version, and pins seen at some time.

    Args:
        blob: sha256 (hexadecimal) of the blob.
        pin_digest: ``lp1:`` and 64 hexadecimal digits.
        sources: References that were scanned for it.
        seen_at: Time of the newest observation of these pins, UTC, by the registry's clock.
    """

    blob: str
    pin_digest: str
    sources: tuple[Source, ...] = ()
    seen_at: datetime

    @property
    def is_copy(self) -> bool:
        """Whether the pins refer to copies of the recorded bytes in the registry's store."""
        return is_copy(self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The record of one scan by a run: the version it found, and the pins.

    Args:
        id: Key in the registry, ascending.
        version: Full name of the version found.
        run: Key of the run that scanned; None if there was no run.
        pin_digest: Digest of the pins that the scan saw.
        metadata: Metadata that was passed to the log.
        created: Whether this observation created the version.
        moved_latest: Whether this observation moved `latest`.
        repinned: Whether the previous observation of this version had other pins.
        at: Time of the record, UTC, by the registry's clock.
    """

    id: int
    version: ArtifactName
    run: RunKey | None
    pin_digest: str
    metadata: dict[str, Any] = field(default_factory=dict)
    created: bool = False
    moved_latest: bool = False
    repinned: bool = False
    at: datetime

    @property
    def outcome(self) -> str:
        """Result of the scan in one word: ``created``, ``returned``, ``repinned`` or ``unchanged``."""
        if self.created:
            return "created"
        if self.moved_latest:
            return "returned"
        return "repinned" if self.repinned else "unchanged"

    def to_dict(self) -> dict[str, Any]:
        """Describe the observation."""
        return {
            "version": str(self.version),
            "outcome": self.outcome,
            "created": self.created,
            "moved_latest": self.moved_latest,
            "repinned": self.repinned,
            "pin_digest": self.pin_digest,
            "metadata": self.metadata,
            "run": None if self.run is None else str(self.run),
            "at": format_time(self.at),
        }


class History(list[Observation]):
    """Observations, newest first: a list that a notebook displays as a table."""

    def _repr_html_(self) -> str | None:
        looks = [look.to_dict() for look in self[:_SHOWN]]
        return fragment("history", looks=looks, total=len(self))


class ChangeKind(StrEnum):
    """What happened, in a row of the change feed."""

    CREATED = "created"  # `latest` moved to a new version
    RETURNED = "returned"  # `latest` moved to an older version whose content came back
    ALIAS = "alias"  # another alias moved
    DELETED = "deleted"  # `latest` fell back because its version was deleted
    VERDICT = "verdict"  # what an alias names is not at its source as it was, or is again


UNREACHABLE = "unreachable"
"""The verdict on a version whose server does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChange:
    """A version's verdict that differs from the previous verification; see `Client.verify_aliases`.

    Args:
        verdict: New verdict: ``intact``, the worst `Verdict` of its entries, or ``unreachable``.
        previous: Previous verdict; ``intact`` for a version that was only logged.
        summary: One line: ``9 intact, 1 gone``.
        counts: Number of entries with each verdict.
        aliases: Aliases that pointed to the version then.
    """

    verdict: str
    previous: str
    summary: str
    counts: Mapping[str, int]
    aliases: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "verdict": self.verdict,
            "previous_verdict": self.previous,
            "summary": self.summary,
            "counts": dict(self.counts),
            "aliases": list(self.aliases),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row of the registry's change feed.

    Args:
        position: Gapless, ascending, visible in commit order; from 1.
        id: Unique text, the same for every reader: registry id and position.
        kind: What happened.
        alias: The alias that moved; ``latest`` for all kinds but `ALIAS`.
        version: Full name of the version that the alias names now.
        type: The collection's type.
        digest: Its content digest.
        previous: Full name of the version it named before; None if none.
        run: Key of the run that did it; None if none did.
        at: Time of the record, UTC, by the registry's clock.
        verdict: Of a `VERDICT`, what it is; the alias is one of those that name the version, and nothing moved.
    """

    position: int
    id: str
    kind: ChangeKind
    alias: str
    version: ArtifactName
    type: str
    digest: str
    previous: ArtifactName | None = None
    run: RunKey | None = None
    at: datetime
    verdict: VerdictChange | None = None

    @staticmethod
    def position_of(id: str, registry_id: str) -> int | None:
        """Return the position in a change id; None if the id belongs to another registry, or is not valid.

        Example:
            >>> Change.position_of("5c2f:17", "5c2f")
            17
        """
        registry, _, position = id.rpartition(":")
        return int(position) if registry == registry_id and position.isdecimal() else None

    def facts(self) -> dict[str, Any]:
        """Return the JSON of the change for an orchestrator's event; `ArtifactVersion.facts` has the version's."""
        return {
            "change": self.id,
            "kind": str(self.kind),
            "previous": None if self.previous is None else str(self.previous),
            "position": self.position,
            "changed_at": self.at.isoformat(),
            "logged_by": None if self.run is None else str(self.run),
            **({} if self.verdict is None else self.verdict.to_dict()),
        }

    def to_dict(self) -> dict[str, Any]:
        """Describe a row of the change feed; of a verdict with what it is."""
        told = {} if self.verdict is None else self.verdict.to_dict()
        return {
            "position": self.position,
            "id": self.id,
            "kind": str(self.kind),
            "alias": self.alias,
            "version": str(self.version),
            "type": self.type,
            "digest": self.digest,
            "previous": None if self.previous is None else str(self.previous),
            "run": None if self.run is None else str(self.run),
            "at": format_time(self.at),
            **told,
        }
