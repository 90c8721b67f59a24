"""Overview: pages for people who look around; each is one read transaction."""

from __future__ import annotations

from landfast.model.names import ArtifactName
from landfast.model.version import CollectionOverview, PartitionOverview
from landfast.registry import scopes
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.overview import collections, partitions, state
from landfast.registry.values import CollectionFilter, RecordedPlace, RegistryState


class Overview:
    """Answers a page of a list, and how long the list is.

    Args:
        database: Of the registry.
    """

    def __init__(self, database: LazyDatabase) -> None:
        self._database = database

    def collections(
        self, of: CollectionFilter, *, start: int = 0, size: int = 50
    ) -> tuple[list[CollectionOverview], int]:
        """Return a page of the collections that pass a filter and how they stand, and how many pass it."""
        return self._database.read(lambda tx: collections.page(tx, of, start=start, size=size))

    def state(self) -> RegistryState:
        """Count what the registry holds."""
        return self._database.read(state.state)

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
