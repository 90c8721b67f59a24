"""Lineage: what a version was made from and what was made from it, through the runs in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

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

OpenManifest = Callable[[VersionRecord], Manifest]


def lineage(
    registry: Registry,
    version: VersionRecord,
    *,
    until: datetime | None = None,
    declared: bool = False,
) -> Lineage:
    """Return the versions and runs up- and downstream of a version, transitively.

    A version was made from what the runs that logged it used.  Each step outwards costs two queries,
    whatever the number of versions in it; cycles end.  With `until` only edges up to this moment count,
    registry time; with `declared` also dependencies that were only declared.
    """
    inputs = {Direction.USED, Direction.DECLARED} if declared else {Direction.USED}
    outputs = {Direction.LOGGED}
    up = _Walk(registry, version, until=until, towards=outputs, beyond=inputs)
    down = _Walk(registry, version, until=until, towards=inputs, beyond=outputs)
    up.walk()
    down.walk()
    edges = dict.fromkeys([*up.edges, *down.edges])
    return Lineage(
        root=version.name,
        edges=tuple(sorted(edges, key=lambda edge: edge.at)),
        upstream=tuple(up.found.values()),
        downstream=tuple(down.found.values()),
    )


@dataclass(slots=True)
class _Walk:
    """Breadth first in one direction: from versions `towards` runs, and `beyond` them to versions."""

    registry: Registry
    start: VersionRecord
    until: datetime | None = field(kw_only=True)
    towards: set[Direction] = field(kw_only=True)
    beyond: set[Direction] = field(kw_only=True)
    found: dict[int, ArtifactName] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)

    def walk(self) -> None:
        seen_versions, seen_runs = {self.start.id}, set[RunKey]()
        frontier = [self.start.id]
        while frontier:
            near = self._edges(self.towards, versions=frontier)
            runs = [run for run in dict.fromkeys(e.run for e in near) if run not in seen_runs]
            far = self._edges(self.beyond, runs=runs) if runs else []
            seen_runs.update(runs)
            # An edge to the version one came from is on no path further out.
            for edge in (*near, *far):
                self.edges[edge] = None
            frontier = []
            for edge in far:
                if edge.version_id not in seen_versions:
                    seen_versions.add(edge.version_id)
                    frontier.append(edge.version_id)
                    self.found[edge.version_id] = edge.version

    def _edges(
        self, wanted: set[Direction], *, versions: Iterable[int] = (), runs: Iterable[RunKey] = ()
    ) -> list[Edge]:
        edges = self.registry.edges(versions=tuple(versions), runs=tuple(runs), until=self.until)
        return [edge for edge in edges if edge.direction in wanted]


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
    matches = []
    for version in registry.containing(uri, entity=entity):
        entry = _find(registry, open_manifest, version, wanted)
        if entry is not None:
            matches.append(ObjectMatch(version=version, entry=entry))
    ids = [match.version.id for match in matches]
    edges = registry.edges(versions=ids, until=until) if ids else []
    return ObjectLineage(
        uri=wanted.uri,
        version_id=wanted.version_id,
        matches=tuple(matches),
        edges=tuple(edges),
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
        uri: The object; an explicit pin in it counts as `version_id`.
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


def runs_using(registry: Registry, version: VersionRecord) -> list[RunRecord]:
    """Return the runs that used a version, first use first."""
    edges = registry.edges(versions=[version.id])
    keys = dict.fromkeys(edge.run for edge in edges if edge.direction is not Direction.LOGGED)
    return [registry.run(key) for key in keys]
