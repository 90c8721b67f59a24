"""What goes into the verbs of a registry and what comes out: a verb that asks for many things takes one value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import EllipsisType
from typing import Any

from landfast.model.lineage import Direction, Edge
from landfast.model.manifest import ManifestSummary
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey
from landfast.model.source import Skipped, Source
from landfast.model.times import format_time
from landfast.model.version import Change, ChangeKind, Observation, VersionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryInfo:
    """The facts that a registry stores about itself.

    Args:
        id: Unique id, assigned when the registry was created; part of every change id.
        url: Its URL without secrets.
        database: Path of the SQLite file, or name of the database; it distinguishes the registry from a copy.
        store_url: URL of the store of its blobs.
        schema: Revision of its schema.
        oldest_reader: Oldest client version that may read it.
        oldest_writer: Oldest client version that may write it.
        moved_to: URL of the registry's new place, without secrets; None if it was not moved. The data here is as it
            was at the move.
        moved_at: Time of the move, UTC; since then, nothing is written here.
    """

    id: str
    url: str
    database: str
    store_url: str | None
    schema: str
    oldest_reader: str
    oldest_writer: str
    moved_to: str | None = None
    moved_at: datetime | None = None

    @property
    def moved_note(self) -> str:
        """Note for readers of a registry that was moved."""
        return (
            f"the registry {self.url} was moved to {self.moved_to} at {self.moved_at:%Y-%m-%d %H:%M:%S}Z: "
            "what is read here is as it was then. Set LANDFAST_REGISTRY_URL to the new place"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFilter:
    """Which collections are wanted, and in which order.

    Args:
        entity: Of this entity; ``""`` is any.
        project: Of a project of this name; ``""`` is any.
        type: Of this type; ``""`` is any.
        text: With this in ``project/collection``, in small letters or capitals; ``""`` is any.
        order: ``name``, or ``changed`` for those whose `latest` moved last first.
    """

    entity: str = ""
    project: str = ""
    type: str = ""
    text: str = ""
    order: str = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionGauges:
    """How a collection stands, over all of its partitions, in numbers for a monitor.

    Args:
        entity: Of the collection.
        project: Of the collection.
        name: The collection.
        partitions: What has no partition counts as one.
        versions: Live ones.
        latest_files: Entries of what `latest` names.
        latest_bytes: Bytes of what `latest` names.
        changed_at: When `latest` of any partition moved last, UTC, registry time.
        observed_at: When anybody looked last, whether anything had changed or not.
        verified_at: When a version that an alias names was verified last.
        unseen: How many versions that aliases name were never verified.
        verdicts: Entries by verdict, summed over the last verification of each version that an alias names.
    """

    entity: str
    project: str
    name: str
    partitions: int
    versions: int
    latest_files: int
    latest_bytes: int
    changed_at: datetime | None
    observed_at: datetime | None
    verified_at: datetime | None
    unseen: int
    verdicts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryState:
    """How much a registry holds.

    Args:
        projects: With anything recorded, ever.
        collections: In all projects.
        partitions: In all collections; what has no partition counts as one.
        versions: Live ones.
        deleted: Deleted ones, which `undelete` may bring back.
        expired: Live ones whose time to live is over; `gc` deletes those that no alias names.
        runs: Ever begun.
        observations: Looks at a place, ever.
        blobs: Manifests and managed files in the registry's store, as far as it knows.
        blob_bytes: Their bytes.
        condemned: Of these, those that a collection of garbage is about to delete.
    """

    projects: int
    collections: int
    partitions: int
    versions: int
    deleted: int
    expired: int
    runs: int
    observations: int
    blobs: int
    blob_bytes: int
    condemned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPlace:
    """A place that versions were scanned from.

    Args:
        uri: Without secrets; a folder ends in ``/``.
        versions: How many versions name it.
    """

    uri: str
    versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are wanted; what is ``""``, empty or None is any.

    Args:
        entity: Of projects of this entity.
        project: Of a project of this name.
        system: As in `RunKey`.
        deployment: As in `RunKey`.
        run_ids: With one of these run ids.
        node: As in `RunKey`.
        part: As in `RunKey`; ``""`` is a run without a part, None any.
        status: How they stand.
        text: With this in name, run id or node, in small letters or capitals.
    """

    entity: str = ""
    project: str = ""
    system: str = ""
    deployment: str = ""
    run_ids: tuple[str, ...] = ()
    node: str = ""
    part: str | None = None
    status: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourRequest:
    """Whose neighbours are wanted, and how many of each.

    Args:
        versions: Ids of versions, whose runs are wanted.
        runs: Short ids of runs, whose versions are wanted.
        directions: Of the edges; a use that was declared too is one neighbour.
        until: Only edges up to this moment, registry time.
        of_group: At most so many that are alike, or two more if these are all.
        each: At most so many of one version or run.
        among: Only so many of the newest of one version or run are looked at for their kinds.
    """

    versions: tuple[int, ...] = ()
    runs: tuple[str, ...] = ()
    directions: tuple[Direction, ...]
    until: datetime | None = None
    of_group: int = 6
    each: int = 12
    among: int = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRequest:
    """Which edges are wanted: of some versions, else of some runs.

    Args:
        versions: Ids of at most a thousand versions.
        runs: Numbers of at most a thousand runs, as `SeenEdge` has them.
        directions: Of the edges.
        until: Only edges up to this moment, registry time.
    """

    versions: Sequence[int] = ()
    runs: Sequence[int] = ()
    directions: Collection[Direction]
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEdge:
    """An edge, with what is not said of it elsewhere.

    Args:
        place: Sorts edges by their time.
        run_id: The run's number in the registry.
        edge: The edge.
    """

    place: bytes
    run_id: int
    edge: Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWindow:
    """Which page of the feed is wanted.

    Args:
        after: Only positions above it.
        before: Only positions below it; None for no bound.
        size: Rows of the page.
        newest_first: Whether the page is filled from the end of the feed, and in that order.
    """

    after: int = 0
    before: int | None = None
    size: int = 50
    newest_first: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """Everything the registry needs to decide whether content is new, and to record it.

    Args:
        name: Collection and partition; no version.
        type: Of the collection; another type than recorded is `Conflict`.
        summary: Of the manifest.
        blob: sha256 of the uploaded manifest blob; None if the writer believes that it needs none.
        bases: Where the blob is a delta, the sha256 of all that it stands on.
        sources: What was scanned.
        skipped: What was left out.
        metadata: Of the version if it is new; kept on the observation always.
        description: Description of the version, if it is new.
        aliases: To move to the version, new or not; `latest` is implied.
        tags: To add to the version, new or not.
        ttl_seconds: Description of the version, if it is new.
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
    bases: tuple[str, ...] = ()
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
        bases: Of the version's manifest and that of the pins, what those that are deltas stand on; None is not asked.
        ended: How many holds in the name of an alias it ended: the alias names another version now.
    """

    version: VersionRecord
    created: bool
    changed: bool
    change: Change | None
    observation: Observation
    bases: Mapping[str, Sequence[str]] | None = field(default=None, compare=False)
    ended: int = field(default=0, compare=False)


class BlobNeeded(Exception):
    """The log needs a manifest blob that the request did not name: upload it and ask again; never leaves `publish`."""

    @classmethod
    def by(cls, request: LogRequest) -> BlobNeeded:
        """Return what is answered to a request."""
        if request.blob is None:
            return cls(f"the manifest of {request.name} is not in the store yet")
        return cls(f"the manifest blob {request.blob} of {request.name} was collected")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """A run that begins, or is met again: another attempt (1 is the first), another process of it.

    The project of a run which was begun before stays; secrets are taken out of the link.
    """

    key: RunKey
    entity: str
    project: str
    name: str = ""
    job_type: str = ""
    attempt: int = 1
    link: str | None = None
    config: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEdit:
    """What is to change of a version; None, and for `ttl_seconds` ``...``, leaves it as it is.

    The time to live counts from when the version was made; None keeps it for ever.  Tags to add may be there
    already, tags to remove may not.
    """

    description: str | None = None
    metadata: dict[str, Any] | None = None
    ttl_seconds: int | EllipsisType | None = ...
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilter:
    """Select changes of the feed; without arguments, all moves.

    Changes of verdicts move no alias, so they are included only if `verdicts` or the kind selects them. A name
    selects the changes of its partition (``partition=""`` is the unpartitioned sequence) or, with `partitions`, of
    its whole collection; if it has an alias, only those of the alias.
    """

    name: ArtifactName | None = None
    partitions: bool = False
    entity: str | None = None
    kind: ChangeKind | None = None
    verdicts: bool = False


class Stream(StrEnum):
    """What can be followed: each has positions of its own, in commit order; those of changes have no gaps."""

    CHANGES = "changes"
    RUNS = "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerRecord:
    """Who follows a stream, and how far they have come.

    Args:
        name: The consumer.
        stream: What it follows.
        position: All up to here it was told.
        behind: How many newer ones there are; those that it passes over count too.
        moved_at: When its position moved last, UTC, registry time.
        holder: ``host:pid:token`` of who follows in its name now; None if nobody does.
    """

    name: str
    stream: Stream
    position: int
    behind: int
    moved_at: datetime
    holder: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Describe the consumer."""
        return {
            "name": self.name,
            "stream": str(self.stream),
            "position": self.position,
            "behind": self.behind,
            "moved_at": format_time(self.moved_at),
            "holder": self.holder,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where aliases are looked for: a whole entity, a project, a collection, or one partition of it."""

    entity: str
    project: str | None = None
    collection: str | None = None
    partition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of a version: its verdict, one line, and how many entries have each."""

    verdict: str
    summary: str
    counts: dict[str, int]
