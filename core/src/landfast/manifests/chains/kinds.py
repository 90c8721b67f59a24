"""Kinds: what happened to an entry, told from the row before and the row after."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from landfast.manifests import schema
from landfast.manifests.batch import EntryBatch, differ
from landfast.manifests.chains.applied import of_form
from landfast.manifests.chains.layered_rows import Changes
from landfast.manifests.layer import Layer
from landfast.manifests.rows import breaks_format
from landfast.manifests.sorted_rows import NumberedRows

if TYPE_CHECKING:
    import pyarrow as pa

_SAME = "none: the row is that of the base"


def differs(one: EntryBatch, other: EntryBatch) -> pa.Array:
    """Tell of each pair of rows whether anything that is recorded beside the path differs."""
    return differ(_recorded(one), _recorded(other))


def kinds_of(one: EntryBatch, other: EntryBatch) -> pa.Array:
    """Return what happened to each of some rows, all of which differ."""
    import pyarrow.compute as pc

    kinds = pc.if_else(differ(one.pins, other.pins), "repinned", "touched")
    return pc.if_else(differ(one.identity, other.identity), "modified", kinds)


def _recorded(rows: EntryBatch) -> list[pa.Array]:
    """Return all that is recorded beside the path, in one spelling of the ETag."""
    _, _, etag = rows.pins
    names = ("size", "checksum_algorithm", "checksum", "uri", "version_id", "modified_at")
    return [*(rows.columns[name] for name in names), etag]


def check_changes(delta: Layer, base: NumberedRows, changes: Changes) -> None:
    """Compare what a delta says that happened with what it stands on; only the rows that it speaks of are read.

    Args:
        delta: The file.
        base: The rows of the chain below it.
        changes: What the deltas of that chain change.

    Raises:
        Conflict: If the delta says something else, or repeats a row of its base.
    """
    for batch in delta.batches():
        numbers = changes.numbers_of(batch)
        expected = _expected(delta, batch, base, numbers)
        for row, kind in enumerate(batch["change"].to_pylist()):
            if kind != expected[row]:
                where = f"`change` of {batch['path'][row].as_py()!r}"
                raise breaks_format(delta.path, where, expected[row], kind)


def _expected(
    delta: Layer, batch: pa.RecordBatch, base: NumberedRows, numbers: list[int | None]
) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    there = [number for number in numbers if number is not None]
    if any(one >= other for one, other in pairwise([*there, len(base)])):
        raise _elsewhere(delta, batch["path"][0].as_py())
    is_there = pa.array([number is not None for number in numbers], pa.bool_())
    after = batch.filter(is_there)
    before = base.take(there).combine_chunks().to_batches()
    one = EntryBatch(before[0]) if before else EntryBatch.from_rows(())
    other = EntryBatch(of_form(after, schema.entry_schema()))
    if (wrong := pc.index(pc.equal(one.paths, other.paths), False).as_py()) >= 0:
        raise _elsewhere(delta, after["path"][wrong].as_py())
    is_same = pc.invert(differs(one, other))
    is_removed = pc.equal(after["change"], schema.REMOVED)
    # What is removed is told by the row that was there, as it was.
    kinds = pc.if_else(is_same, pc.if_else(is_removed, schema.REMOVED, _SAME), kinds_of(one, other))
    told = iter(kinds.to_pylist())
    return ["added" if number is None else next(told) for number in numbers]


def _elsewhere(delta: Layer, path: str) -> Exception:
    where = f"`base_row` of {path!r}"
    return breaks_format(delta.path, where, "the place of the path in the full file", "another")
