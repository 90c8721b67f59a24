"""Reach: the store of an object version that was held, as the sources of a version and the reader's settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from landfast.errors import Conflict
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.storage.holds import HeldObject
from landfast.pins.sources import Places
from landfast.registry.registry import Registry
from landfast.stores.base import Store

if TYPE_CHECKING:
    from landfast.stores.opener import Stores


class Reach:
    """Finds stores of held object versions, each version's sources opened once.

    Args:
        registry: That knows the sources.
        stores: That open them.
    """

    def __init__(self, registry: Registry, stores: Stores) -> None:
        self._registry = registry
        self._stores = stores
        self._places: dict[int, list[Places]] = {}

    def store_of(self, row: HeldObject) -> Store:
        """Return the store through which an object version is released.

        Raises:
            Conflict: If the settings lead to another endpoint than where it was held.
        """
        held = row.object
        entry = ManifestEntry(path="-", size=None, checksum=None, uri=held.uri)
        for places in self._places_of(row.version):
            store = places.store_of(entry)
            if (store.endpoint or "") == held.endpoint:
                return store
        plain = self._stores.at(Location.parse(held.uri, pins=False), {})
        if (plain.endpoint or "") == held.endpoint:
            return plain
        raise Conflict(
            f"{held.uri} was held at an endpoint that differs from the endpoint of your settings",
            subject=held.uri,
            expected=held.endpoint or "the provider's own",
            found=plain.endpoint or "the provider's own",
            hint="Name that endpoint in the options of its bucket, then try again: landfast release.",
        )

    def _places_of(self, version_id: int) -> list[Places]:
        if version_id not in self._places:
            sets = self._registry.pin_sets(version_id)
            self._places[version_id] = [
                Places(pins.sources, self._stores, any_endpoint=True) for pins in sets
            ]
        return self._places[version_id]
