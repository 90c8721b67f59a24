"""Merge sorted manifests into one, where the same path twice is one row or a `Conflict`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING

from landfast.errors import Conflict
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch, differ, joined
from landfast.model.manifest import ManifestEntry

if TYPE_CHECKING:
    import pyarrow as pa


def merge_manifests(manifests: Iterable[Manifest]) -> Iterator[EntryBatch]:
    """Yield the rows of all manifests, sorted by path, each path once.

    Those that lie beside each other, such as shards, are read one after the other; of those that
    overlap a batch each is in memory.  Rows that no digest tells apart are one row: the first manifest's.

    Raises:
        Conflict: If two manifests have different rows at one path.
    """
    found = [
        (*bounds, place, manifest)
        for place, manifest in enumerate(manifests)
        if (bounds := manifest.bounds)
    ]
    together: list[tuple[int, Manifest]] = []
    reached = b""
    for low, high, place, manifest in sorted(found, key=itemgetter(0)):
        if low > reached:
            yield from _merged(together)
            together = []
        together.append((place, manifest))
        reached = max(reached, high)
    yield from _merged(together)


def overlap(one: Manifest, other: Manifest) -> bool:
    """Tell whether two manifests may have a path in common."""
    here, there = one.bounds, other.bounds
    return here is not None and there is not None and here[0] <= there[1] and there[0] <= here[1]


def merge_batches(streams: Iterable[Iterable[EntryBatch]]) -> Iterator[EntryBatch]:
    """Yield the rows of all sorted streams, sorted by path, each path once; as `merge_manifests` otherwise.

    Example:
        >>> a = ManifestEntry(path="a", size=1, checksum=None, uri="file:///x/a")
        >>> b = ManifestEntry(path="b", size=1, checksum=None, uri="file:///y/b")
        >>> streams = [[EntryBatch.from_rows(rows)] for rows in ([b], [a], [a, b])]
        >>> [row.path for batch in merge_batches(streams) for row in batch.rows()]
        ['a', 'b']
    """
    for parts in side_by_side(streams):
        filled = [part for part in parts if len(part)]
        yield filled[0] if len(filled) == 1 else _woven(filled)


def side_by_side(streams: Iterable[Iterable[EntryBatch]]) -> Iterator[list[EntryBatch]]:
    """Yield sorted streams in parts: one part of each stream, and whatever they have at a path together.

    Not all parts of a list are empty, and all their paths are before those of the next list.
    """
    columns = ((batch.columns for batch in stream) for stream in streams)
    empty = EntryBatch.from_rows(()).columns
    for parts in in_step(columns, empty):
        yield [EntryBatch(part) for part in parts]


def in_step(
    streams: Iterable[Iterable[pa.RecordBatch]], empty: pa.RecordBatch
) -> Iterator[list[pa.RecordBatch]]:
    """Do the same for any columns that are sorted by `path`.

    Args:
        streams: Of them; each may have columns of its own.
        empty: What stands for a stream without any rows.
    """
    every = [_Stream(stream, empty) for stream in streams]
    while left := [stream for stream in every if len(stream.batch)]:
        # What comes next in any stream is after this.
        end = min(stream.last for stream in left)
        yield [stream.take(end) for stream in every]


def distinct(batch: EntryBatch) -> EntryBatch:
    """Return sorted rows with each path once; `Conflict` if two rows at one path differ."""
    import pyarrow as pa
    import pyarrow.compute as pc

    paths = batch.paths
    repeats = pc.equal(paths.slice(1), paths.slice(0, max(0, len(batch) - 1)))
    if not repeats.true_count:
        return batch
    before = pc.indices_nonzero(repeats)
    one, other = batch.take(before), batch.take(pc.add(before, 1))
    masks = differ(one.identity, other.identity), differ(one.pins, other.pins)
    row = pc.index(pc.or_(*masks), True).as_py()
    if row >= 0:
        (first,), (second,) = one.slice(row, row + 1).rows(), other.slice(row, row + 1).rows()
        raise _conflict(first, second)
    is_first = pa.concat_arrays([pa.array([True]), pc.invert(repeats)])
    return batch.where(is_first)


class _Stream:
    """Batches of one source, of which the next is at hand; an empty one if there is no more."""

    def __init__(self, batches: Iterable[pa.RecordBatch], empty: pa.RecordBatch) -> None:
        self._rest = filter(len, batches)
        self.batch = next(self._rest, empty)

    @property
    def last(self) -> str:
        return str(self.batch["path"][-1].as_py())

    def take(self, end: str) -> pa.RecordBatch:
        """Take the rows of the batch up to the path `end`; the next batch follows on the last row."""
        batch = self.batch
        cut = bisect_right(batch["path"], end, key=lambda path: path.as_py())
        self.batch = batch.slice(cut)
        if cut == len(batch):
            self.batch = next(self._rest, self.batch)
        return batch.slice(0, cut)


def _merged(manifests: list[tuple[int, Manifest]]) -> Iterator[EntryBatch]:
    in_order = sorted(manifests, key=itemgetter(0))
    return merge_batches(manifest.batches() for _, manifest in in_order)


def _woven(parts: list[EntryBatch]) -> EntryBatch:
    import pyarrow.compute as pc

    rows = joined(parts)
    # A stable sort: of equal paths that of the first stream comes first.
    return distinct(rows.take(pc.array_sort_indices(rows.paths)))


def _conflict(one: ManifestEntry, other: ManifestEntry) -> Conflict:
    if one.uri == other.uri:
        return Conflict(
            f"{one.uri} was seen twice, and differed",
            subject=one.path,
            expected=_describe(one),
            found=_describe(other),
            hint="It was overwritten while it was scanned, or two references ask for different "
            "checksums: scan again, or give one of them a folder of its own with name=.",
            uris=(one.uri, other.uri),
        )
    return Conflict(
        f"two references put different objects at the path {one.path!r}",
        subject=one.path,
        found=f"{one.uri} and {other.uri}",
        hint="Give one of the references a folder of its own with name=.",
        uris=(one.uri, other.uri),
    )


def _describe(entry: ManifestEntry) -> str:
    parts = [f"{entry.size} bytes" if entry.size is not None else "unknown size"]
    parts += [str(entry.checksum)] if entry.checksum else []
    parts += [f"version {entry.version_id}"] if entry.version_id else []
    return " ".join(parts)
