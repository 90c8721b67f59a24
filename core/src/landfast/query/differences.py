"""Differences between two manifests, as columns sorted by path.

Of two chains that share files only the deltas above those are read, and rows below where they are wanted; of
neighbours the delta alone says what happened.  Other manifests are read as streams, side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch, differ
from landfast.manifests.chains.applied import counted, newest
from landfast.manifests.layer import Layer
from landfast.manifests.masks import null_where
from landfast.manifests.merge import side_by_side
from landfast.manifests.reader import ManifestFile
from landfast.model.checksum import CONTENT_TOKENS
from landfast.model.diff import DiffKind

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = tuple(DiffKind)
"""Kinds by the number that stands for them in columns."""

# Paths of deltas that are looked up at once.
_AT_ONCE = 8_192


def form() -> pa.Schema:
    """Return the columns of differences."""
    import pyarrow as pa

    return pa.schema(
        {
            # Of all differences together: there may be more than 2 GiB of it.
            "path": pa.large_string(),
            "kind": pa.int8(),
            "old_row": pa.int64(),
            "new_row": pa.int64(),
            "size": pa.int64(),
            # Of what was removed or added; only until renames are known.
            "content": pa.large_string(),
        }
    )


def differences(old: Manifest, new: Manifest) -> Iterator[pa.Table]:
    """Yield what differs between two manifests, sorted by path; nothing is renamed yet."""
    if isinstance(old, ManifestFile) and isinstance(new, ManifestFile):
        pairs = zip(old.chain, new.chain, strict=False)
        shared = len(list(takewhile(lambda pair: pair[0] and pair[0] == pair[1], pairs)))
        above = [*old.layers[shared:], *new.layers[shared:]]
        if shared and len(above) == 1 and shared == len(old.layers):
            yield from _told(old, new, above[0])
            return
        if shared:
            yield from _above(old, new, above)
            return
    yield from _side_by_side(old, new)


def _told(old: ManifestFile, new: ManifestFile, delta: Layer) -> Iterator[pa.Table]:
    """Yield what a delta says of what happened since the file before."""
    import pyarrow as pa
    import pyarrow.compute as pc

    said = pa.array([kind.value for kind in KINDS])
    for batch in delta.batches():
        kinds = pc.index_in(batch["change"], value_set=said)  # `touched` is no difference
        is_one = pc.is_valid(kinds)
        kinds = kinds.cast(pa.int8())
        content = _content(batch)
        is_alone = pc.is_in(batch["change"], value_set=pa.array(["added", "removed"]))
        columns = [
            batch["path"].cast(pa.large_string()),
            kinds,
            pa.array(old.changes.numbers_of(batch), pa.int64()),
            pa.array(new.changes.numbers_of(batch), pa.int64()),
            pc.fill_null(batch["size"], 0),
            null_where(pc.invert(is_alone), content),
        ]
        yield pa.Table.from_arrays(columns, schema=form()).filter(is_one)


def _above(old: ManifestFile, new: ManifestFile, layers: Sequence[Layer]) -> Iterator[pa.Table]:
    """Look up on both sides what the files that only one of them has speak of."""
    import pyarrow as pa

    names = ["path", "base_row", "in_base"]
    parts = [batch.select(names) for layer in layers for batch in _together(layer, names)]
    found = newest(parts)
    for start in range(0, 0 if found is None else len(found), _AT_ONCE):
        assert found is not None
        paths = found.slice(start, _AT_ONCE)
        sides = []
        for manifest in (old, new):
            numbers = [n for n in manifest.changes.numbers_of(paths) if n is not None]
            sides.append((manifest.take(numbers), pa.array(numbers, pa.int64())))
        yield from _compared(*sides)


def _together(layer: Layer, names: Sequence[str]) -> list[pa.RecordBatch]:
    """Return some columns of all rows of a delta."""
    import pyarrow as pa

    rows = layer.rows
    table = pa.table({name: rows.column(name, 0, len(rows)) for name in names})
    return list(table.combine_chunks().to_batches())


def _side_by_side(old: Manifest, new: Manifest) -> Iterator[pa.Table]:
    import pyarrow.compute as pc

    old_at = new_at = 0
    for before, after in side_by_side([old.batches(), new.batches()]):
        numbers = pc.add(counted(len(before)), old_at), pc.add(counted(len(after)), new_at)
        yield from _compared((before, numbers[0]), (after, numbers[1]))
        old_at, new_at = old_at + len(before), new_at + len(after)


# Rows, and their numbers in the manifest.
_Side = tuple[EntryBatch, "pa.Array"]


def _compared(old: _Side, new: _Side) -> Iterator[pa.Table]:
    """Compare rows of the same part of both manifests."""
    import pyarrow as pa
    import pyarrow.compute as pc

    gone, came, kept, there = _places(old[0], new[0])
    one, other = _taken(old, kept), _taken(new, there)
    is_modified = differ(one[0].identity, other[0].identity)
    is_repinned = pc.and_not(differ(one[0].pins, other[0].pins), is_modified)
    found = [
        _part(DiffKind.REMOVED, _taken(old, gone), None),
        _part(DiffKind.ADDED, None, _taken(new, came)),
    ]
    for kind, mask in ((DiffKind.MODIFIED, is_modified), (DiffKind.REPINNED, is_repinned)):
        if mask.true_count:
            sides = [(rows.where(mask), numbers.filter(mask)) for rows, numbers in (one, other)]
            found.append(_part(kind, *sides))
    table = pa.concat_tables(found)
    if len(table):
        yield table.take(pc.sort_indices(table, sort_keys=[("path", "ascending")]))


def _part(kind: DiffKind, old: _Side | None, new: _Side | None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    side = new or old
    assert side is not None
    rows, _ = side
    nothing = pa.nulls(len(rows), pa.int64())
    columns = [
        rows.paths.cast(pa.large_string()),
        pa.repeat(pa.scalar(KINDS.index(kind), pa.int8()), len(rows)),
        nothing if old is None else old[1],
        nothing if new is None else new[1],
        pc.fill_null(rows.columns["size"], 0),
        _content(rows.columns)
        if old is None or new is None
        else pa.nulls(len(rows), pa.large_string()),
    ]
    return pa.Table.from_arrays(columns, schema=form())


def _content(rows: pa.RecordBatch) -> pa.Array:
    """Tell what each row is of, as text, the token first; null where none says it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    label, value, size = (rows[n] for n in ("checksum_algorithm", "checksum", "size"))
    text = pc.binary_join_element_wise(value, label, size.cast(pa.string()), " ")
    speaks_for_itself = pc.is_in(label, value_set=pa.array(sorted(CONTENT_TOKENS)))
    return null_where(pc.invert(speaks_for_itself), text).cast(pa.large_string())


def _places(
    before: EntryBatch, after: EntryBatch
) -> tuple[pa.Array, pa.Array, pa.Array | None, pa.Array | None]:
    """Return the rows that only `before` has, that only `after` has, and of paths in both; None is all rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if before.paths.equals(after.paths):
        nothing = pa.array([], pa.uint64())
        return nothing, nothing, None, None
    places = pc.index_in(before.paths, value_set=after.paths)
    is_new = pc.invert(pc.is_in(after.paths, value_set=before.paths))
    is_kept = pc.is_valid(places)
    return (
        pc.indices_nonzero(pc.invert(is_kept)),
        pc.indices_nonzero(is_new),
        pc.indices_nonzero(is_kept),
        places.drop_null(),
    )


def _taken(side: _Side, rows: pa.Array | None) -> _Side:
    return side if rows is None else (side[0].take(rows), side[1].take(rows))
