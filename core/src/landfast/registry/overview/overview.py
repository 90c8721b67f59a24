"""Overview: pages for people who look around; each is one read transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from landfast.model.lineage import Direction, Edge, Neighbour
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey, RunOverview, RunRecord
from landfast.model.version import Change, CollectionOverview, PartitionOverview, VersionRecord
from landfast.registry import edges, scopes
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.overview import (
    collections,
    feed,
    gauges,
    looks,
    neighbours,
    partitions,
    runs,
    state,
)
from landfast.registry.values import (
    ChangeFilter,
    ChangeWindow,
    CollectionFilter,
    CollectionGauges,
    EdgeRequest,
    NeighbourRequest,
    RecordedPlace,
    RegistryState,
    RunFilter,
    SeenEdge,
)


class Overview:
    """Answers a page of a list, and how long the list is.

    Args:
        database: Of the registry.
    """

    def __init__(self, database: LazyDatabase) -> None:
        self._database = database

    def refresh(self) -> None:
        """Look whether the registry still is there and may be read by this client; two small requests.

        Raises:
            NotFound: If it is gone.
            Conflict: If a newer client upgraded it.
        """
        self._database.refresh()

    def collections(
        self, of: CollectionFilter, *, start: int = 0, size: int = 50
    ) -> tuple[list[CollectionOverview], int]:
        """Return a page of the collections that pass a filter and how they stand, and how many pass it."""
        return self._database.read(lambda tx: collections.page(tx, of, start=start, size=size))

    def state(self) -> RegistryState:
        """Count what the registry holds."""
        return self._database.read(state.state)

    def gauges(self) -> list[CollectionGauges]:
        """Return numbers of every collection, by name, for a monitor."""
        return self._database.read(gauges.gauges)

    def places(self, *, limit: int = 20) -> list[RecordedPlace]:
        """Return the places that versions were scanned from most recently."""
        return self._database.read(lambda tx: state.places(tx, limit=limit))

    def types(self) -> list[str]:
        """Return the types that collections have."""
        return self._database.read(collections.types)

    def partitions(
        self, name: ArtifactName, text: str = "", *, start: int = 0, size: int = 50
    ) -> tuple[list[PartitionOverview], int]:
        """Return a page of the partitions whose key contains a text, by key, and how many there are.

        Raises:
            NotFound: If there is no such collection, naming what there is.
        """
        return self._database.read(
            lambda tx: partitions.page(
                tx, scopes.require_collection(tx, name), text, start=start, size=size
            )
        )

    def runs(self, of: RunFilter, *, start: int = 0, size: int = 50) -> list[RunOverview]:
        """Return a page of the runs that pass a filter, newest first."""
        return self._database.read(lambda tx: runs.page(tx, of, start=start, size=size))

    def visit_edges(self, of: EdgeRequest, see: Callable[[SeenEdge], None]) -> None:
        """Show edges one after the other, oldest first; after a lost connection, all of them again."""
        self._database.read(lambda tx: edges.visit(tx, of, see))

    def runs_by_key(self, keys: Sequence[RunKey]) -> dict[RunKey, RunRecord]:
        """Return the runs of these keys that there are."""
        return self._database.read(lambda tx: runs.by_key(tx, keys))

    def runs_by_id(self, ids: Sequence[str]) -> dict[str, RunRecord]:
        """Return the runs of these short ids that there are."""
        return self._database.read(lambda tx: runs.by_id(tx, ids))

    def systems(self) -> list[str]:
        """Return the systems that runs are of, such as ``airflow``."""
        return self._database.read(runs.systems)

    def edge_counts(self, key: RunKey) -> dict[str, int]:
        """Return how many versions a run used, declared and logged, by direction.

        Raises:
            NotFound: If there is no such run.
        """
        return self._database.read(lambda tx: runs.counts(tx, key))

    def edges_of_run(
        self, key: RunKey, direction: Direction, *, start: int = 0, size: int = 50
    ) -> list[Edge]:
        """Return a page of the edges of a run in one direction, oldest first."""
        return self._database.read(
            lambda tx: runs.edges_of(tx, key, direction, start=start, size=size)
        )

    def neighbours(self, of: NeighbourRequest) -> list[Neighbour]:
        """Return some neighbours of versions and of runs, the newest of each kind, with how many there are."""
        return self._database.read(lambda tx: neighbours.near(tx, of))

    def neighbour_totals(self, of: NeighbourRequest) -> dict[tuple[int | str, Direction], int]:
        """Return how many edges of each direction versions (by id) and runs (by short id) have."""
        return self._database.read(lambda tx: neighbours.totals(tx, of))

    def edges_between(self, of: NeighbourRequest) -> list[tuple[str, Edge]]:
        """Return edges between these versions and runs, with the runs' short ids, newest first; at most `each`."""
        return self._database.read(lambda tx: neighbours.between(tx, of))

    def edges_touching(
        self, of: NeighbourRequest, *, start: int = 0, size: int = 50
    ) -> tuple[list[tuple[str, Edge]], int]:
        """Return a page of the edges of any of these, with the runs' short ids, and how many there are."""
        return self._database.read(lambda tx: neighbours.touching(tx, of, start=start, size=size))

    def versions(self, ids: Sequence[int]) -> dict[int, VersionRecord]:
        """Return versions by id, deleted ones included."""
        return self._database.read(lambda tx: looks.records(tx, ids))

    def changes(self, of: ChangeFilter, window: ChangeWindow) -> list[Change]:
        """Return a page of the changes that pass a filter; a collection that is not there has none."""
        return self._database.read(lambda tx: feed.page(tx, of, window))
