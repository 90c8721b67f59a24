"""Lineage: what a version was made from and what was made from it, through the runs in between."""

from __future__ import annotations

import pickle
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from landfast.errors import NotFound
from landfast.manifests.base import Manifest
from landfast.model.lineage import Direction, Edge, Lineage, ObjectLineage, ObjectMatch
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey, RunRecord
from landfast.model.source import Source
from landfast.model.version import VersionRecord
from landfast.registry.registry import Registry
from landfast.registry.values import EdgeRequest, SeenEdge
from landfast.system.portions import portions
from landfast.system.spilled_rows import SortedRows

OpenManifest = Callable[[VersionRecord], Manifest]

# Nodes whose edges are asked for in one statement.
_AT_ONCE = 1_000


def lineage(
    registry: Registry,
    version: VersionRecord,
    *,
    until: datetime | None = None,
    declared: bool = False,
) -> Lineage:
    """Return the versions and runs upstream and downstream of a version, over any number of steps.

    A version was made from what the runs that logged it used.  Each step outwards costs two queries for
    each thousand nodes in it; cycles end.  With `until` only edges up to this moment count,
    registry time; with `declared` also dependencies that were only declared.
    """
    inputs = {Direction.USED, Direction.DECLARED} if declared else {Direction.USED}
    outputs = {Direction.LOGGED}
    edges = SortedRows[Edge]()
    up = _Walk(registry, edges, until=until, towards=outputs, beyond=inputs)
    down = _Walk(registry, edges, until=until, towards=inputs, beyond=outputs)
    up.walk(version.id)
    down.walk(version.id)
    found = edges.sorted()
    return Lineage(
        root=version.name,
        edges=found,
        upstream=up.found.sorted(),
        downstream=down.found.sorted(),
        runs=_runs_of(found),
    )


@dataclass(slots=True)
class _Walk:
    """Breadth first in one direction: from versions `towards` runs, and `beyond` them to versions.

    Of a node that was met only its number is held in memory.
    """

    registry: Registry
    edges: SortedRows[Edge]
    until: datetime | None = field(kw_only=True)
    towards: set[Direction] = field(kw_only=True)
    beyond: set[Direction] = field(kw_only=True)
    found: SortedRows[ArtifactName] = field(default_factory=SortedRows)
    _versions: SortedRows[None] = field(default_factory=SortedRows)
    _runs: SortedRows[None] = field(default_factory=SortedRows)
    _count: int = 0

    def walk(self, start: int) -> None:
        self._versions.add(_key(start), None)
        frontier = array("q", [start])
        while frontier:
            runs, versions = array("q"), array("q")

            def near(seen: SeenEdge, runs: array[int] = runs) -> None:
                self.edges.add(seen.place, seen.edge)
                if self._runs.add(_key(seen.run_id), None):
                    runs.append(seen.run_id)

            def far(seen: SeenEdge, versions: array[int] = versions) -> None:
                # An edge to the version one came from is on no path further out.
                self.edges.add(seen.place, seen.edge)
                edge = seen.edge
                if self._versions.add(_key(edge.version_id), None):
                    versions.append(edge.version_id)
                    self.found.put(_key(self._count), edge.version)
                    self._count += 1

            for part in portions(frontier, _AT_ONCE):
                self._visit(near, versions=part, directions=self.towards)
            for part in portions(runs, _AT_ONCE):
                self._visit(far, runs=part, directions=self.beyond)
            frontier = versions

    def _visit(self, see: Callable[[SeenEdge], None], **of: Any) -> None:
        self.registry.overview.visit_edges(EdgeRequest(until=self.until, **of), see)


def _key(number: int) -> bytes:
    return number.to_bytes(8)


def _runs_of(edges: Iterable[Edge]) -> Sequence[RunKey]:
    """Return the runs of edges, each once, in the order of the first."""
    seen, found = SortedRows[None](), SortedRows[RunKey]()
    for number, edge in enumerate(edges):
        if seen.add(pickle.dumps(edge.run), None):
            found.put(_key(number), edge.run)
    return found.sorted()


def lineage_of_object(
    registry: Registry,
    open_manifest: OpenManifest,
    uri: str,
    *,
    version_id: str | None = None,
    entity: str | None = None,
    until: datetime | None = None,
) -> ObjectLineage:
    """Return which versions contain an object, and which runs logged or used them up to a moment.

    Candidates come from the sources; of each, the one row that the object would have is looked up.  An
    explicit pin in the URI counts as `version_id`.
    """
    wanted = _Wanted.of(uri, version_id)
    matches, edges = SortedRows[ObjectMatch](), SortedRows[Edge]()
    ids = array("q")
    for version in registry.containing(uri, entity=entity):
        entry = _find(registry, open_manifest, version, wanted)
        if entry is not None:
            matches.put(_key(len(ids)), ObjectMatch(version=version, entry=entry))
            ids.append(version.id)
    for part in portions(ids, _AT_ONCE):
        registry.overview.visit_edges(
            EdgeRequest(versions=part, directions=tuple(Direction), until=until),
            lambda seen: edges.put(seen.place, seen.edge),
        )
    found = edges.sorted()
    return ObjectLineage(
        uri=wanted.uri,
        version_id=wanted.version_id,
        matches=matches.sorted(),
        edges=found,
        runs=_runs_of(found),
    )


def object_in(
    registry: Registry,
    open_manifest: OpenManifest,
    version: VersionRecord,
    uri: str,
    *,
    version_id: str | None = None,
) -> ManifestEntry | None:
    """Return the entry of an object in one version, at the newest pins that match; None if it holds none.

    Args:
        registry: Where the pins are.
        open_manifest: Opens the manifest that a version record names.
        version: Such as one of `Registry.containing`.
        uri: The object's URI; an explicit pin in it counts as `version_id`.
        version_id: Only this version of the object.
    """
    return _find(registry, open_manifest, version, _Wanted.of(uri, version_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The object asked about; `literal` is its spelling where what looks like a pin or a secret is none."""

    uri: str
    version_id: str | None
    literal: str
    literal_version_id: str | None

    @classmethod
    def of(cls, uri: str, version_id: str | None) -> _Wanted:
        location, literal = Location.parse(uri), Location.parse(uri, pins=False)
        # A URL may hold what is a secret elsewhere, or was recorded before it was known to be one.
        return cls(
            uri=location.without_secrets()[0].unpinned().uri,
            version_id=version_id or location.version_id,
            literal=literal.uri if location.is_url else literal.without_secrets()[0].uri,
            literal_version_id=version_id,
        )

    def is_met_by(self, entry: ManifestEntry) -> bool:
        pairs = ((self.uri, self.version_id), (self.literal, self.literal_version_id))
        return any(
            entry.uri == uri and version_id in {None, entry.version_id} for uri, version_id in pairs
        )


def _find(
    registry: Registry, open_manifest: OpenManifest, version: VersionRecord, wanted: _Wanted
) -> ManifestEntry | None:
    """Return the entry of the object at the newest pins that match."""
    for pins in registry.pin_sets(version.id):
        paths = list(dict.fromkeys(_paths(pins.sources, wanted)))
        if not paths:
            continue
        manifest = open_manifest(replace(version, blob=pins.blob, sources=pins.sources))
        for path in paths:
            try:
                entry = manifest.get(path)
            except NotFound:
                continue
            if wanted.is_met_by(entry):
                return entry
    return None


def _paths(sources: Iterable[Source], wanted: _Wanted) -> Iterator[str]:
    """Yield the paths that the object would have below each source."""
    for source in sources:
        prefix = f"{source.name}/" if source.name else ""
        for uri in dict.fromkeys((wanted.uri, wanted.literal)):
            place = Location.parse(uri, pins=False)
            if uri == source.uri:
                # `name` is the path of an object; of one that came with another version, its folder.
                yield from (source.name, prefix + place.basename)
            elif source.uri.endswith("/") and uri.startswith(source.uri):
                yield prefix + place.key[len(Location.parse(source.uri, pins=False).key) :]


def runs_using(registry: Registry, version: VersionRecord) -> Sequence[RunRecord]:
    """Return the runs that used a version, first use first."""
    seen, ids = SortedRows[None](), SortedRows[str]()

    def see(used: SeenEdge) -> None:
        if seen.add(_key(used.run_id), None):
            ids.put(used.place, used.edge.short_run_id)

    directions = {Direction.USED, Direction.DECLARED}
    registry.overview.visit_edges(EdgeRequest(versions=[version.id], directions=directions), see)
    found = SortedRows[RunRecord]()
    for part in portions(ids.sorted(), _AT_ONCE):
        runs = registry.overview.runs_by_id(part)
        for short_id in part:
            found.put(_key(len(found)), runs[short_id])
    records = found.sorted()
    return list(records) if isinstance(records, tuple) else records
