"""Edge and Lineage: which run used and logged which version, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from landfast.html.notebook import fragment
from landfast.model.manifest import ManifestEntry
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey, run_page
from landfast.model.times import format_time
from landfast.model.version import VersionRecord

# Edges that a notebook shows.
_SHOWN = 50


class Direction(StrEnum):
    """What a run did with a version."""

    USED = "used"
    LOGGED = "logged"
    DECLARED = "declared"  # the orchestrator says it depends on it, but nothing was loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A run used or logged a version.

    Args:
        run: The run's key.
        direction: What it did.
        version: The version's full name.
        version_id: The version's key in the registry.
        at: UTC, registry time of the first time; a retry adds no edge.
        short_run_id: The run's short id in the registry.
        link: URL of a page about the run, such as that of its orchestrator. It is ignored when edges are compared:
            after a retry it is the page of the later attempt.
    """

    run: RunKey
    direction: Direction
    version: ArtifactName
    version_id: int
    at: datetime
    short_run_id: str = ""
    link: str | None = field(default=None, compare=False)

    def page(self, ui_url: str | None) -> str | None:
        """Return the URL of the run's page: `link`, else its page in `landfast ui`; None if there is neither.

        Args:
            ui_url: Base URL of Landfast's web pages.
        """
        return self.link or (run_page(ui_url, self.short_run_id) if ui_url else None)

    def to_dict(self) -> dict[str, Any]:
        """Describe the edge."""
        return {
            "run": str(self.run),
            "direction": str(self.direction),
            "version": str(self.version),
            "at": format_time(self.at),
            "link": self.link,
        }


class RunEventKind(StrEnum):
    """What a run did, in a row of the stream of run events."""

    STARTED = "started"  # an attempt of it began
    USED = "used"
    LOGGED = "logged"
    DECLARED = "declared"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """A row of the registry's stream of run events.

    Args:
        position: Gapless, ascending, visible in commit order; from 1.  0 of one that nobody who follows the stream
            has come to yet.
        id: Unique text, the same for every reader: registry id, ``r`` and position.
        kind: What happened.
        run: The run's key.
        entity: Namespace of the run's project.
        project: The run's project.
        attempt: Which attempt began or ended; None of an edge.
        name: Display name of the run then; ``""`` of an edge.
        job_type: Such as ``train``; ``""`` of an edge.
        link: A page about the run elsewhere, without secrets.
        version: Full name of the version that was used or logged; None where a run began or ended.
        version_id: Its key in the registry.
        at: Time of the record, UTC, by the registry's clock.
    """

    position: int
    id: str
    kind: RunEventKind
    run: RunKey
    entity: str
    project: str
    attempt: int | None = None
    name: str = ""
    job_type: str = ""
    link: str | None = None
    version: ArtifactName | None = None
    version_id: int | None = None
    at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Describe a row of the stream."""
        return {
            "position": self.position,
            "id": self.id,
            "kind": str(self.kind),
            "run": str(self.run),
            "project": f"{self.entity}/{self.project}",
            "attempt": self.attempt,
            "version": None if self.version is None else str(self.version),
            "at": format_time(self.at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The versions and runs upstream and downstream of a version.

    Each of the four sequences is a tuple. If it has more than 50,000 elements, it is read from a temporary file
    as you iterate over it.

    Args:
        root: The version whose lineage this is.
        edges: Every edge on a path through it, oldest first.
        upstream: Versions from which it was made, nearest first.
        downstream: Versions made from it, nearest first.
        runs: The runs on those edges, in order of their first edge.
    """

    root: ArtifactName
    edges: Sequence[Edge] = ()
    upstream: Sequence[ArtifactName] = ()
    downstream: Sequence[ArtifactName] = ()
    runs: Sequence[RunKey] = ()

    def to_dict(self) -> dict[str, Any]:
        """Describe the lineage: the inputs of the version, and the versions made from it."""
        return {
            "root": str(self.root),
            "upstream": [str(name) for name in self.upstream],
            "downstream": [str(name) for name in self.downstream],
            "edges": [edge.to_dict() for edge in self.edges],
        }

    def _repr_html_(self) -> str | None:
        edges = [edge.to_dict() for edge in self.edges[:_SHOWN]]
        return fragment("lineage", root=str(self.root), edges=edges, total=len(self.edges))


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMatch:
    """A version that contains an object, and its entry for it, at the pins that matched."""

    version: VersionRecord
    entry: ManifestEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLineage:
    """The versions that contain an object, and the runs that logged or used them.

    Args:
        uri: The object, without a pin.
        version_id: Object version to look for; None is any.
        matches: The versions that contain it, newest first; more than 50,000 are read from a temporary file.
        edges: Every edge of these versions, oldest first; stored likewise.
        runs: The runs that logged or used these versions, in order of their first edge; stored likewise.
    """

    uri: str
    version_id: str | None = None
    matches: Sequence[ObjectMatch] = ()
    edges: Sequence[Edge] = ()
    runs: Sequence[RunKey] = ()

    @property
    def versions(self) -> tuple[VersionRecord, ...]:
        """The versions that contain it, newest first."""
        return tuple(match.version for match in self.matches)


class Side(StrEnum):
    """Where a neighbour is: what something was made from is up, what was made from it is down."""

    UP = "up"
    DOWN = "down"

    def directions(self, *, of_runs: bool, declared: bool) -> tuple[Direction, ...]:
        """Return which edges lead there, of runs or of versions.

        Args:
            of_runs: Whether they are followed from runs.
            declared: Whether dependencies count too that were only declared.
        """
        if (self is Side.UP) is of_runs:
            return (Direction.USED, Direction.DECLARED) if declared else (Direction.USED,)
        return (Direction.LOGGED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A version beside a run, or a run beside a version.

    Args:
        edge: Between the two.
        run_id: Short id of the run.
        group_total: How many neighbours like this one are among those looked at: of the same collection, or of the
            same system, step and type of job.
        total: How many neighbours there are on this side.
    """

    edge: Edge
    run_id: str
    group_total: int
    total: int
