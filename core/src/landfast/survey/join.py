"""Join the entries of a folder with its list, page by page.

What a page shows to be as it was recorded is told by columns; rows are made of the rest alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from landfast.errors import LandfastError, NotFound
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch
from landfast.manifests.masks import same_value
from landfast.model.manifest import ManifestEntry
from landfast.pins.sources import Place
from landfast.pins.verdicts import History
from landfast.stores.base import ListRequest, ObjectBatch, ObjectInfo
from landfast.stores.pager import Pager

if TYPE_CHECKING:
    import pyarrow as pa


class FolderJoin:
    """The entries that came from a folder, each with what the list says of its key.

    Args:
        place: The folder, as it is listed now.
        manifest: Whose entries.
        owns: Tells of which of its entries the folder is the first, None for all; only they are told.
        on_intact: Takes entries that are what is there now; None tells of these too, as of all others.
        on_other: Takes an object that no entry is of.
        archives: Whether also of what lies, or may lie, in an archive is told, though it can be read now.
    """

    def __init__(
        self,
        place: Place,
        manifest: Manifest,
        *,
        owns: Callable[[EntryBatch], pa.Array | None],
        on_intact: Callable[[EntryBatch], None] | None,
        on_other: Callable[[ObjectInfo], None],
        archives: bool = False,
    ) -> None:
        self._place = place
        self._owns = owns
        self._on_intact = on_intact
        self._on_other = on_other
        self._archives = archives
        self._able = place.store.capabilities()
        self._versions = self._able.versions
        self._is_missing = False
        self.refused: LandfastError | None = None
        """Why versions could not be listed, and only current objects were."""
        self._entries = _Keyed(place, manifest)
        # The entry whose versions may go on with the next page, and those so far.
        self._open: tuple[str, ManifestEntry | None, list[ObjectInfo]] | None = None

    def listed(self) -> Iterator[tuple[ManifestEntry, History]]:
        """Yield what the list can speak of; if it breaks off, `rest` has what it said nothing of."""
        request = ListRequest(
            self._place.location, versions=self._versions, checksum=self._place.kind
        )
        try:
            for batch in Pager(self._place.store, request, or_current=self._give_up).batches():
                yield from self._page(batch)
        except NotFound:
            self._is_missing = True
        yield from self._closed()
        for entry in self.rest():
            yield entry, self._history([])

    def rest(self) -> Iterator[ManifestEntry]:
        """Yield the entries that were not told yet."""
        if self._open is not None and self._open[1] is not None:
            yield self._open[1]
        self._open = None
        for entries, _ in self._entries.rest():
            owned = self._owns(entries)
            yield from (entries if owned is None else entries.where(owned)).rows()

    def _give_up(self, why: LandfastError) -> None:
        """Go on with the current objects, where versions cannot be listed."""
        self.refused = why
        self._versions = False

    def _page(self, batch: ObjectBatch) -> Iterator[tuple[ManifestEntry, History]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        last = batch.key_at(-1)
        live = batch.where(pc.and_not(batch["is_latest"], batch["is_delete_marker"]))
        seen: list[pa.Array] = []
        left: list[tuple[str, ManifestEntry]] = []
        for entries, keys in self._entries.up_to(last):
            seen.append(keys)
            kept = self._told(entries, keys, live)
            left += zip(keys.filter(kept).to_pylist(), entries.where(kept).rows(), strict=True)
        self._tell_others(live, pa.chunked_array(seen, pa.string()))
        wanted = [key for key, _ in left] + ([self._open[0]] if self._open else [])
        rows: dict[str, list[ObjectInfo]] = {}
        if wanted:
            named = pc.is_in(batch["key"], value_set=pa.array(wanted, pa.string()))
            for row in batch.where(named).rows():
                rows.setdefault(row.location.key, []).append(row)
        if self._open is not None:
            self._open[2].extend(rows.pop(self._open[0], ()))
            if self._open[0] == last:
                return
            yield from self._closed()
        self._open = (last, None, [])
        for key, entry in left:
            if key == last:
                self._open = (key, entry, rows.get(key, []))
            else:
                yield entry, self._history(rows.get(key, []))

    def _told(self, entries: EntryBatch, keys: pa.Array, live: ObjectBatch) -> pa.Array:
        """Pass on what is intact; return a mask of what has to be told by rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        owned = self._owns(entries)
        mine = pa.array([True] * len(entries)) if owned is None else owned
        if self._on_intact is None:
            return mine
        there = live.take(pc.index_in(keys, value_set=live["key"]))
        intact = pc.and_(mine, _is_intact(entries, there))
        if self._archives:
            intact = pc.and_(intact, pc.is_null(there["archive"]))
        if intact.true_count:
            self._on_intact(entries.where(intact))
        return pc.and_not(mine, intact)

    def _tell_others(self, live: ObjectBatch, keys: pa.ChunkedArray) -> None:
        import pyarrow.compute as pc

        other = pc.and_not(pc.equal(live["skip"], ""), pc.is_in(live["key"], value_set=keys))
        if other.true_count:
            told = None if self._open is None else self._open[0]
            for row in live.where(other).rows():
                if row.location.key != told:
                    self._on_other(row)

    def _closed(self) -> Iterator[tuple[ManifestEntry, History]]:
        if self._open is not None and self._open[1] is not None:
            yield self._open[1], self._history(self._open[2])
        self._open = None

    def _history(self, rows: list[ObjectInfo]) -> History:
        return History(
            rows=tuple(rows),
            is_whole=self._versions or self._is_missing,
            askable=frozenset(self._able.stat_checksums),
            tells_restores=self._able.lists_restores,
        )


def _is_intact(entries: EntryBatch, there: ObjectBatch) -> pa.Array:
    """Tell of entries whether the current object is in every way the recorded one; `there` is null where none is.

    Of these `judge` says `INTACT`, whatever other versions there are.
    """
    import pyarrow.compute as pc

    recorded = entries.columns
    same = pc.and_(
        pc.equal(recorded["size"], there["size"]),
        pc.and_(
            pc.equal(recorded["checksum"], there["checksum"]),
            pc.equal(recorded["checksum_algorithm"], there["checksum_algorithm"]),
        ),
    )
    readable = pc.and_not(same, there["is_archived"])
    return pc.and_(
        pc.fill_null(readable, False), same_value(recorded["version_id"], there["version_id"])
    )


class _Keyed:
    """The entries of a place with their keys, taken in portions."""

    def __init__(self, place: Place, manifest: Manifest) -> None:
        self._left = (place.keyed(batch) for batch in manifest.batches(place.prefix))
        self._held: tuple[EntryBatch, pa.Array] | None = None

    def up_to(self, key: str) -> Iterator[tuple[EntryBatch, pa.Array]]:
        """Take the entries up to a key, this one included."""
        for entries, keys in self.rest():
            end = bisect_right(keys, key, key=lambda each: each.as_py())
            if end:
                yield entries.slice(0, end), keys[:end]
            if end < len(keys):
                self._held = entries.slice(end, len(keys)), keys[end:]
                return

    def rest(self) -> Iterator[tuple[EntryBatch, pa.Array]]:
        """Take all that are left."""
        while True:
            held, self._held = self._held, None
            portion = held or next(self._left, None)
            if portion is None:
                return
            if len(portion[1]):
                yield portion
