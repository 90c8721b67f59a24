"""Find out which source an entry came from, and open the store that the source was scanned with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from landfast.manifests.batch import EntryBatch
from landfast.model.blob_uri import SCHEME
from landfast.model.globs import PathFilter
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.stores.base import ChecksumKind, Store

if TYPE_CHECKING:
    import pyarrow as pa

    from landfast.stores.opener import Stores

# Sources that are no place of their own: their entries lie elsewhere.
_ELSEWHERE = ("landfast://", SCHEME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A source that is a folder, with the store to look at it as the reader's settings say.

    `why_not` says why a path below the folder is left out; ``""`` if it is not.
    """

    source: Source
    location: Location
    store: Store
    why_not: Callable[[str], str]

    @property
    def prefix(self) -> str:
        """What the paths of its entries begin with."""
        return f"{self.source.name}/" if self.source.name else ""

    @property
    def kind(self) -> ChecksumKind:
        """The kind of checksum to list with; False for kinds that lists do not carry."""
        kind = self.source.checksum
        return kind if kind is None or kind in self.store.capabilities().list_checksums else False

    def key_of(self, entry: ManifestEntry) -> str | None:
        """Return the entry's key if it came from here."""
        if not (entry.uri.startswith(self.source.uri) and entry.path.startswith(self.prefix)):
            return None
        below = entry.path[len(self.prefix) :]
        key = self.location.key + below
        if entry.uri[len(self.source.uri) :] == below:
            return key
        return key if Location.parse(entry.uri, pins=False).key == key else None

    def keyed(self, batch: EntryBatch) -> tuple[EntryBatch, pa.Array]:
        """Return those of entries, whose paths begin with `prefix`, that came from here, and their keys."""
        import pyarrow as pa
        import pyarrow.compute as pc

        below = pc.utf8_slice_codeunits(batch.paths, len(self.prefix))
        keys = pc.binary_join_element_wise(self.location.key, below, "")
        spelled = pc.binary_join_element_wise(self.source.uri, below, "")
        plain = pc.equal(batch.columns["uri"], spelled)
        if plain.true_count == len(batch):
            return batch, keys
        rows = zip(plain.to_pylist(), batch.rows(), strict=True)
        mine = pa.array([is_plain or self.key_of(row) is not None for is_plain, row in rows])
        return batch.where(mine), keys.filter(mine)

    def meets(self, other: Place) -> bool:
        """Whether an entry could have come from either."""
        pairs = ((self.prefix, other.prefix), (self.source.uri, other.source.uri))
        return all(one.startswith(two) or two.startswith(one) for one, two in pairs)


class Places:
    """The sources of one version, and their stores.

    Raises:
        Conflict: If a store's endpoint is not the recorded one, unless any may be looked at.
    """

    def __init__(
        self, sources: Sequence[Source], stores: Stores, *, any_endpoint: bool = False
    ) -> None:
        self._stores = stores
        self._any_endpoint = any_endpoint
        real = [source for source in sources if not source.uri.startswith(_ELSEWHERE)]
        self.folders = [place for source in real if (place := self._folder(source)) is not None]
        self._single = {source.uri: source for source in real}
        for source in real:
            self._open(source, Location.parse(source.uri))

    def _folder(self, source: Source) -> Place | None:
        location = Location.parse(source.uri)
        if not location.is_folder:
            return None
        store = self._open(source, location)
        if not store.capabilities().listing:
            return None
        return Place(
            source=source,
            location=location,
            store=store,
            why_not=PathFilter(source.include, source.exclude),
        )

    def is_in_folder(self, entry: ManifestEntry) -> bool:
        """Whether the entry came from one of the folders."""
        return any(place.key_of(entry) is not None for place in self.folders)

    def owned(self, batch: EntryBatch, place: Place) -> pa.Array | None:
        """Tell of which entries, all from `place`, this is the first folder that they may be from; None for all."""
        import pyarrow as pa

        before = self.folders[: self.folders.index(place)]
        shared = [folder for folder in before if folder.meets(place)]
        if not shared:
            return None
        return pa.array(
            [not any(f.key_of(row) for f in shared) for row in batch.rows()], pa.bool_()
        )

    def store_of(self, entry: ManifestEntry) -> Store:
        """Open the store of an entry, with the options of its source where there is one."""
        # Copied from another version, an entry may lie below a source at another path.
        above = [place for place in self.folders if entry.uri.startswith(place.source.uri)]
        if len(above) == 1:
            return above[0].store
        if above:
            return max(above, key=lambda place: len(place.source.uri)).store
        location = Location.parse(entry.uri, pins=False)
        source = self._single.get(entry.uri)
        return self._stores.at(location, {}) if source is None else self._open(source, location)

    def _open(self, source: Source, location: Location) -> Store:
        return self._stores.recorded(location, source, any_endpoint=self._any_endpoint)
