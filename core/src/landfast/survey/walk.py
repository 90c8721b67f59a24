"""Survey: the entries of a version with what their stores list of them, folder by folder, then scattered objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from landfast.errors import AccessDenied, NotFound, ObjectChanged, Unverifiable
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.marker import of_marker
from landfast.pins.sources import Place, Places
from landfast.pins.verdicts import History
from landfast.stores.base import ChecksumKind, ObjectInfo, Store
from landfast.survey.join import FolderJoin
from landfast.survey.lookup import KeyedRows, around
from landfast.system.portions import portions

# Entries of no folder are sorted by key in portions of this size.
_CHUNK = 10_000
# Where listing is not permitted, so many scattered objects are asked about one by one.
_ASK_INSTEAD = 100


@dataclass(frozen=True, slots=True)
class Item:
    """An entry and what is known of its key; None if nothing was listed."""

    entry: ManifestEntry
    store: Store
    history: History | None

    @property
    def location(self) -> Location:
        """Where the entry lies; read from its URI only where somebody asks."""
        return Location.parse(self.entry.uri, pins=False)

    def ask(self, version_id: str | None, checksum: ChecksumKind) -> ObjectInfo | None:
        """Describe the object, or a version of it, by one request; None if it is not there."""
        return _stat(self.store, self.location, version_id, checksum)

    def asked(self) -> History:
        """Return the history; of the current object, which is asked for, if the key was not listed."""
        if self.history is not None:
            return self.history
        row = self.ask(None, self.kind)
        rows = () if row is None else (row,)
        return History(rows=rows, is_whole=not self.store.capabilities().versions)

    @property
    def kind(self) -> ChecksumKind:
        """The recorded kind of checksum, if the store knows it."""
        capabilities = self.store.capabilities()
        known = (*capabilities.list_checksums, *capabilities.stat_checksums)
        token = self.entry.checksum
        if token is None:
            return False
        return token.algorithm if token.algorithm in known else None


class Surveyor(Protocol):
    """Who hears of a survey, from several threads at once."""

    takes_intact: bool
    """Whether entries that are what is there now come as batches; else as items, like all others."""

    takes_archives: bool
    """Whether what lies, or may lie, in an archive comes as items in any case."""

    def take(self, items: Iterator[Item]) -> None:
        """Take entries with what was listed of them; called once for each folder, or group of objects."""
        ...

    def take_intact(self, entries: EntryBatch) -> None:
        """Take entries that are what is there now."""
        ...

    def take_other(self, uri: str) -> None:
        """Take an object that the version does not have."""
        ...

    def refuse(self, uri: str, error: AccessDenied) -> None:
        """Take a place that may not be listed; its entries follow."""
        ...

    def take_refused(self, entry: ManifestEntry) -> None:
        """Take an entry of a place that may not be listed."""
        ...

    @property
    def taken(self) -> int:
        """How many entries were taken, at least."""
        ...


class Survey:
    """Looks at what entries were recorded from, and tells a `Surveyor` of each.

    Args:
        places: Their sources.
        surveyor: Who hears of them.
        workers: How many folders are listed at once.
    """

    def __init__(self, places: Places, surveyor: Surveyor, *, workers: int) -> None:
        self._places = places
        self._surveyor = surveyor
        self._workers = workers

    def all_of(self, manifest: Manifest) -> None:
        """Tell of every entry: folder by folder, then of those that no folder holds."""
        folders = self._places.folders
        if folders:
            with ThreadPoolExecutor(min(self._workers, len(folders))) as pool:
                list(pool.map(lambda place: self._folder(place, manifest), folders))
        if self._surveyor.taken < len(manifest):
            rest = (e for e in manifest.entries() if not self._places.is_in_folder(e))
            self.scattered(rest)

    def scattered(self, entries: Iterable[ManifestEntry]) -> None:
        """Tell of entries wherever they lie."""
        for chunk in portions(entries, _CHUNK):
            groups: dict[tuple[int, str], list[Item]] = {}
            for entry in chunk:
                location = Location.parse(entry.uri, pins=False)
                store = self._places.store_of(entry)
                group = groups.setdefault((id(store), location.authority), [])
                group.append(Item(entry, store, None))
            for items in groups.values():
                items.sort(key=lambda item: item.location.key.encode())
                self._surveyor.take(self._looked_up(items))

    def _folder(self, place: Place, manifest: Manifest) -> None:
        """Tell of the entries of one folder while its list goes by."""

        def on_other(found: ObjectInfo) -> None:
            below = found.location.key[len(place.location.key) :]
            inside = manifest.entries(f"{place.prefix}{below}/")
            is_marker = found.size == 0 and next(inside, None) is not None
            if below and not (is_marker or of_marker(below) or place.why_not(below)):
                self._surveyor.take_other(found.location.uri)

        join = FolderJoin(
            place,
            manifest,
            owns=lambda batch: self._places.owned(batch, place),
            on_intact=self._surveyor.take_intact if self._surveyor.takes_intact else None,
            on_other=on_other,
            archives=self._surveyor.takes_archives,
        )
        self._surveyor.take(self._joined(place, join))

    def _joined(self, place: Place, join: FolderJoin) -> Iterator[Item]:
        """Yield the folder's own entries with their rows; without, where listing is not permitted."""
        is_denied = False
        try:
            for entry, history in join.listed():
                yield Item(entry, place.store, history)
        except Unverifiable:
            pass
        except AccessDenied as error:
            is_denied = not place.store.capabilities().in_place
            if is_denied:
                self._surveyor.refuse(place.source.uri, error)
        for entry in join.rest():
            if is_denied:
                self._surveyor.take_refused(entry)
            else:
                yield Item(entry, place.store, None)

    def _looked_up(self, items: list[Item]) -> Iterator[Item]:
        """Yield scattered objects of one store, sorted by key, with their rows where it can list."""
        store = items[0].store
        capabilities = store.capabilities()
        can_jump = capabilities.stable_order and bool(capabilities.list_checksums)
        if not capabilities.listing or capabilities.in_place or not can_jump:
            yield from items
            return
        folder = around(items[0].location, items[-1].location)
        rows = KeyedRows(store, folder, versions=capabilities.versions, checksum=None)
        for position, item in enumerate(items):
            try:
                history = rows.at(item.location.key)
            except AccessDenied as error:
                yield from self._unlisted(items[position:], error)
                return
            yield Item(item.entry, store, history)

    def _unlisted(self, items: list[Item], error: AccessDenied) -> Iterator[Item]:
        """Ask about a few objects one by one where listing is not permitted, else call them denied."""
        if len(items) <= _ASK_INSTEAD:
            yield from items
            return
        self._surveyor.refuse(around(items[0].location, items[-1].location).uri, error)
        for item in items:
            self._surveyor.take_refused(item.entry)


def _stat(
    store: Store, location: Location, version_id: str | None, checksum: ChecksumKind
) -> ObjectInfo | None:
    try:
        return store.stat(location, version_id=version_id, checksum=checksum)
    except (NotFound, ObjectChanged):
        # ObjectChanged: the server described another version than was asked for.
        return None
    except Unverifiable:
        return _stat(store, location, version_id, False)
