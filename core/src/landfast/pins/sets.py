"""PinSets: all pins under which the bytes of a version may be had, newest first, and last what is there now.

Whatever `verify` calls intact or moved can be read so: it compares what is there now by the same tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from landfast.errors import Conflict, ObjectChanged
from landfast.manifests.base import Manifest
from landfast.model.blob_uri import is_managed, sha256_of
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.model.storage.copies import is_copy
from landfast.pins.checksums import is_computable
from landfast.pins.sources import Places
from landfast.pins.verdicts import same_content
from landfast.stores.base import ObjectInfo, Pin, Store

if TYPE_CHECKING:
    from landfast.stores.opener import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to read an entry: with which pins, in which store.

    With `is_current` the current object is read, whatever was pinned.
    """

    entry: ManifestEntry
    store: Store
    is_current: bool = False

    @property
    def pin(self) -> Pin:
        """What to ask the store for."""
        return Pin(
            location=Location.parse(self.entry.uri, pins=False),
            version_id=self.entry.version_id,
            etag=self.entry.etag,
            size=self.entry.size,
            checksum=self.entry.checksum,
            current=self.is_current,
        )

    def check(self, info: ObjectInfo) -> None:
        """Refuse a reply of the current object if neither it nor the bytes can prove what it is: `ObjectChanged`."""
        entry = self.entry
        if not self.is_current or entry.checksum is None or is_computable(entry):
            return
        if same_content(entry, info) is not True:
            raise ObjectChanged(
                f"Landfast cannot verify that {entry.uri} is still the content recorded as {entry.path!r}",
                subject=entry.uri,
                expected=str(entry.checksum),
                found="none in the reply" if info.checksum is None else str(info.checksum),
                path=entry.path,
            )


class PinSets:
    """The manifests of one version, newest pins first, its own last, and the stores that they point into.

    A content token means the same bytes under any pins, so newer pins are tried first.  A validator,
    or no token at all, says nothing of bytes seen later: only the version's own pins count.  Copies come before all:
    they were made of the recorded bytes, whatever proves these, and lie in the registry's own store.

    Raises:
        Conflict: If the newest pins were recorded at another endpoint, unless any may be read.
    """

    def __init__(
        self,
        sets: Sequence[tuple[Manifest, Sequence[Source]]],
        stores: Stores,
        *,
        any_endpoint: bool = False,
    ) -> None:
        copies = [(manifest, their) for manifest, their in sets if is_copy(their)]
        # Where all else is lost, a copy is what there is.
        self._sets = [pair for pair in sets if not is_copy(pair[1])] or copies
        self._copies = [manifest for manifest, _ in copies]
        self._stores = stores
        self._any_endpoint = any_endpoint
        self._lock = threading.Lock()
        self._places: dict[int, Places] = {}
        self._places_of(0)

    @property
    def newest(self) -> Manifest:
        """The manifest with the newest pins; paths and identities are those of all others."""
        return self._sets[0][0]

    @property
    def sources(self) -> Sequence[Source]:
        """What the newest pins were scanned from."""
        return self._sets[0][1]

    def candidates(self, entry: ManifestEntry) -> Iterator[Candidate]:
        """Yield every way to read an entry: a copy, by its pins, newest first, then as the current object.

        Raises:
            Conflict: If the only pins that count were recorded at another endpoint.
        """
        copy = self.copy_of(entry)
        if copy is not None:
            yield Candidate(entry=copy, store=self._own_store(copy))
        numbers = self._numbers(entry)
        found: list[tuple[ManifestEntry, Store]] = []
        for number in numbers:
            pinned = self._pinned(number, entry)
            if any(pinned.pins == other.pins for other, _ in found):
                continue
            try:
                store = self._places_of(number).store_of(pinned)
            except Conflict:
                if not found:
                    raise
                continue
            found.append((pinned, store))
            yield Candidate(entry=pinned, store=store)
        yield from _as_current(found)

    def first(self, entry: ManifestEntry) -> tuple[ManifestEntry, Store]:
        """Return entry and store of the first candidate; raises as they do."""
        copy = self.copy_of(entry)
        if copy is not None:
            return copy, self._own_store(copy)
        number = self._numbers(entry)[0]
        pinned = self._pinned(number, entry)
        return pinned, self._places_of(number).store_of(pinned)

    def copy_of(self, entry: ManifestEntry) -> ManifestEntry | None:
        """Return the copy of an entry's bytes in the registry's store, proven by its name; None if there is none."""
        for manifest in self._copies:
            with self._lock:
                there = manifest.get(entry.path)
            if is_managed(there.uri):
                return named_by_bytes(there)
        return None

    def _own_store(self, copy: ManifestEntry) -> Store:
        return self._stores.at(Location.parse(copy.uri, pins=False), {})

    def _numbers(self, entry: ManifestEntry) -> Sequence[int]:
        """Return which of the pin sets speak of an entry's bytes."""
        count = len(self._sets)
        is_token = entry.checksum is not None and entry.checksum.is_content_token
        return range(count) if is_token else (count - 1,)

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
            found = Places(sources, self._stores, any_endpoint=self._any_endpoint)
            self._places[number] = found
        return found


def named_by_bytes(entry: ManifestEntry) -> ManifestEntry:
    """Return a managed entry with the one checksum that proves it whatever its version recorded: its blob's name."""
    return replace(entry, checksum=Checksum("sha256", sha256_of(entry.uri)))


def readings(entry: ManifestEntry, store: Store) -> Iterator[Candidate]:
    """Yield the ways to read an entry by one pin set: by its pins, then as the current object."""
    yield Candidate(entry=entry, store=store)
    yield from _as_current([(entry, store)])


def _as_current(found: Sequence[tuple[ManifestEntry, Store]]) -> Iterator[Candidate]:
    """Yield the current objects that may hold the bytes and were not read by these pins."""
    seen = [pinned.pins for pinned, _ in found]
    for pinned, store in found:
        entry = _unpinned(pinned)
        is_by_version = entry.checksum is None and entry.is_pinned
        if is_by_version or entry.pins not in seen:
            seen.append(entry.pins)
            yield Candidate(entry=entry, store=store, is_current=True)


def _unpinned(entry: ManifestEntry) -> ManifestEntry:
    """Return the entry with what tells whether the current object holds its bytes.

    A token alone tells, whatever became of version id and ETag; an ETag that is the token stays, as a
    condition.  Without a token the reply has to name the recorded version: reading by its id needs a
    permission that reading does not.
    """
    token = entry.checksum
    if token is None:
        return entry
    return replace(entry, version_id=None, etag=entry.etag if entry.etag == token.value else None)
