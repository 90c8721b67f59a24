"""Folder markers without a slash: zero-byte objects ``a`` beside ``a/x``, as some tools write for folders.

On disk they would be a file and a folder of one name.  In a listing other keys may stand between ``a`` and
``a/x`` (``a-1``, ``a.txt``), so rows wait until it is clear what such an object is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from landfast.model.location import Location
from landfast.stores.base import ListRequest, ObjectBatch, Store
from landfast.stores.pager import Pager

MARKER_WITHOUT_SLASH = "folder marker without a slash"

# So many rows wait at most; then the store is asked.
_WAITING = 1_000


def with_markers(
    batches: Iterable[ObjectBatch], store: Store, end: Callable[[], str | None]
) -> Iterator[ObjectBatch]:
    """Yield sorted rows, and say of those that are folder markers without a slash that they are to be skipped.

    One request is sent for each that neither the rows nor `end`, the last key that they may have, tells of: it is
    asked when all rows have come.
    """

    def ask(folder: Location) -> bool:
        pages = Pager(store, ListRequest(folder, checksum=False, limit=1))
        return next(pages.rows(), None) is not None

    waiting: list[ObjectBatch] = []
    for batch in batches:
        found = _Found.of(ObjectBatch.joined([*waiting, batch]))
        first = found.undecided[0] if found.undecided else len(found.batch)
        if len(found.batch) - first > _WAITING:
            found, first = found.settled(ask), len(found.batch)
        waiting = [found.batch.slice(first)] if first < len(found.batch) else []
        if first:
            yield found.marked().slice(0, first)
    if waiting:
        rest, upto = _Found.of(ObjectBatch.joined(waiting)), end()
        yield rest.settled(lambda folder: not _is_before(folder.key, upto) and ask(folder)).marked()


def _is_before(folder: str, upto: str | None) -> bool:
    """Whether everything in a folder stands before the end of a listing."""
    if upto is None:
        return True
    return upto.encode() > folder.encode() and not upto.startswith(folder)


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows, the places of the markers among them, and of zero-byte objects that may be one."""

    batch: ObjectBatch
    markers: list[int]
    undecided: list[int]

    @classmethod
    def of(cls, batch: ObjectBatch) -> _Found:
        """Look for what a zero-byte object is among the rows that follow it."""
        markers: list[int] = []
        undecided: list[int] = []
        candidates = _candidates(batch)
        keys = batch.keys() if candidates else []
        for at in candidates:
            folder = keys[at] + "/"
            place = bisect_left(keys, folder, at)
            if place == len(keys):
                undecided.append(at)
            elif keys[place].startswith(folder):
                markers.append(at)
        return cls(batch, markers, undecided)

    def settled(self, is_folder: Callable[[Location], bool]) -> _Found:
        """Decide of all rows."""
        place, key_at = self.batch.place, self.batch.key_at
        more = [
            at
            for at in self.undecided
            if is_folder(replace(place, key=key_at(at) + "/", version_id=None))
        ]
        return _Found(self.batch, self.markers + more, [])

    def marked(self) -> ObjectBatch:
        """Return the rows, of which the markers are to be skipped."""
        import pyarrow as pa

        if not self.markers:
            return self.batch
        skip = self.batch["skip"].to_pylist()
        for at in self.markers:
            skip[at] = MARKER_WITHOUT_SLASH
        return self.batch.with_column("skip", pa.array(skip, pa.string()))


def _candidates(batch: ObjectBatch) -> list[int]:
    import pyarrow.compute as pc

    empty = pc.equal(batch["size"], 0)
    if not empty.true_count:
        return []
    found = pc.and_(
        pc.and_(empty, pc.equal(batch["skip"], "")), pc.invert(pc.ends_with(batch["key"], "/"))
    )
    rows: list[int] = pc.indices_nonzero(found).to_pylist()
    return rows
