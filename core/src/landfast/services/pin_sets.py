"""PinSets: all pins under which the bytes of a version may be had, newest first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from landfast.errors import Conflict
from landfast.model.location import Location
from landfast.model.manifest import Manifest, ManifestEntry
from landfast.model.source import Source
from landfast.services.places import Places
from landfast.stores.base import Pin, Store

if TYPE_CHECKING:
    from landfast.stores.opener import Stores


class PinSets:
    """The manifests of one version, and the stores that they point into.

    A content token means the same bytes under any pins, so newer pins are tried first.  A validator,
    or no token at all, says nothing of bytes seen later: only the version's own pins count.

    Args:
        sets: Manifests with what they were scanned from, newest pins first, the version's own last.
        stores: Opens locations.
        any_endpoint: Whether a source may be read at another endpoint than the recorded one.

    Raises:
        Conflict: If the newest pins were recorded at another endpoint.
    """

    def __init__(
        self,
        sets: Sequence[tuple[Manifest, Sequence[Source]]],
        stores: Stores,
        *,
        any_endpoint: bool = False,
    ) -> None:
        self._sets = list(sets)
        self._stores = stores
        self._any_endpoint = any_endpoint
        self._lock = threading.Lock()
        self._places: dict[int, Places] = {}
        self._places_of(0)

    @property
    def newest(self) -> Manifest:
        """The manifest with the newest pins; paths and identities are those of all others."""
        return self._sets[0][0]

    def candidates(self, entry: ManifestEntry) -> Iterator[tuple[ManifestEntry, Store]]:
        """Yield the entry with every pin that it may be read by, and the store to read it.

        Raises:
            Conflict: If the only pins that count were recorded at another endpoint.
        """
        last = len(self._sets) - 1
        is_token = entry.checksum is not None and entry.checksum.is_content_token
        seen: set[tuple[str, str | None, str | None]] = set()
        for number in range(last + 1) if is_token else (last,):
            pinned = self._pinned(number, entry)
            key = (pinned.uri, pinned.version_id, pinned.etag)
            if key in seen:
                continue
            try:
                location = Location.parse(pinned.uri, pins=False)
                store = self._places_of(number).store_of(pinned, location)
            except Conflict:
                if not seen:
                    raise
                continue
            seen.add(key)
            yield pinned, store

    def stripped(self, entry: ManifestEntry) -> tuple[str, ...]:
        """Name the secret query parameters that were not recorded with the entry's source."""
        found = [
            source.stripped
            for _, sources in self._sets
            for source in sources
            if source.stripped and entry.uri.startswith(source.uri)
        ]
        return found[0] if found else ()

    def _pinned(self, number: int, entry: ManifestEntry) -> ManifestEntry:
        if number == 0:
            return entry
        with self._lock:
            return self._sets[number][0].get(entry.path)

    def _places_of(self, number: int) -> Places:
        found = self._places.get(number)
        if found is None:
            sources = self._sets[number][1]
            found = Places(sources, self._stores, override_endpoint=self._any_endpoint)
            self._places[number] = found
        return found


def pin_of(entry: ManifestEntry) -> Pin:
    """Return what to ask a store for."""
    return Pin(
        location=Location.parse(entry.uri, pins=False),
        version_id=entry.version_id,
        etag=entry.etag,
        size=entry.size,
        checksum=entry.checksum,
    )
