"""Needs: which object versions have to be held for a version, portion by portion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from landfast.model.blob_uri import SCHEME
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.storage.holds import HoldKind, ObjectVersion
from landfast.pins.sets import PinSets
from landfast.stores.base import Store
from landfast.stores.holds import HoldRequest
from landfast.system.portions import portions

# So many entries are in memory, and claimed by one worker, at a time.
PORTION = 256

COPY = "`landfast copy NAME` keeps a copy in the registry's store."


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """An entry of a version, and the object version that it takes.

    Args:
        entry: As the version's newest pins have it.
        uri: Where the entry lies, with its version where the URI can say so.
        store: That reads it.
        object: What has to be held; None where nothing can be.
        why_not: Why nothing can be; ``""`` also where nothing has to be.
        hint: What to do instead.
    """

    entry: ManifestEntry
    uri: str
    store: Store
    object: ObjectVersion | None = None
    why_not: str = ""
    hint: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it lies in the registry's own store, where nothing is deleted that a version needs."""
        return self.object is None and not self.why_not

    @property
    def request(self) -> HoldRequest:
        """What the store is asked."""
        assert self.object is not None
        return request_of(self.object)


def request_of(held: ObjectVersion) -> HoldRequest:
    """Return what a store is asked about an object version."""
    location = Location.parse(held.uri, pins=False)
    return HoldRequest(location=location, version_id=held.version_id, kind=held.kind)


def needs(pins: PinSets, kind: HoldKind | None) -> Iterator[list[Need]]:
    """Yield what a version needs, at its newest pins, some entries at a time.

    Args:
        pins: Of the version.
        kind: What is to hold it; None is the default of each store.
    """
    for some in portions(pins.newest.entries(), PORTION):
        yield [need_of(entry, *pins.first(entry), kind) for entry in some]


def need_of(told: ManifestEntry, entry: ManifestEntry, store: Store, kind: HoldKind | None) -> Need:
    """Return what holds an entry that lies at `entry` in a store; `told` is as the version has it."""
    if entry.uri.startswith(SCHEME):
        return Need(entry=told, uri=entry.uri, store=store)
    kinds = store.capabilities().holds
    scheme = entry.uri.partition("://")[0]
    if not kinds:
        why = f"{scheme}:// has no holds"
        return Need(entry=told, uri=entry.uri, store=store, why_not=why, hint=COPY)
    if kind is not None and kind not in kinds:
        why = f"{scheme}:// has no {kind}, but {' and '.join(kinds)}"
        return Need(entry=told, uri=entry.uri, store=store, why_not=why)
    if not entry.is_pinned or entry.version_id is None:
        why = "recorded without a version id: its bucket kept no versions when it was logged"
        hint = f"Turn versioning on and log it again. {COPY}"
        return Need(entry=told, uri=entry.uri, store=store, why_not=why, hint=hint)
    held = ObjectVersion(
        endpoint=store.endpoint or "",
        uri=entry.uri,
        version_id=entry.version_id,
        kind=kind or kinds[0],
    )
    return Need(entry=told, uri=entry.pinned_uri, store=store, object=held)
