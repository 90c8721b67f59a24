"""A chain: a full manifest file and the deltas on it, read as the rows that they make together.

Each row of a delta says how many rows of the full file are before its path, and whether the full file has that path.
So where rows belong is counted and not looked for, and of several deltas that speak of a path the newest is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.errors import Conflict
from landfast.manifests import schema
from landfast.manifests.merge import in_step
from landfast.manifests.rows import breaks_format

if TYPE_CHECKING:
    import pyarrow as pa

IS_GONE = "is_gone"


def applied(
    full: Iterable[pa.RecordBatch],
    deltas: Iterable[Iterable[pa.RecordBatch]],
    path: Path,
    form: pa.Schema,
    start: int = 0,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a chain, sorted by path; of each file a row group is in memory.

    Args:
        full: Rows of the full file, or a range of them.
        deltas: Those of the deltas, oldest first, of the same range.
        path: Of the newest delta, for errors.
        form: The columns wanted.  With `is_gone` among them, the rows that are no longer there are yielded too,
            as they were.
        start: The number of the first row of `full`.

    Raises:
        Conflict: If a delta says of a row that it belongs where it does not.
    """
    for base, *changes in in_step([full, *deltas], empty(form)):
        changed = newest([each for each in changes if len(each)])
        full_rows = of_form(base, form)
        yield full_rows if changed is None else woven(full_rows, changed, start, path)
        start += len(base)


def newest(parts: list[pa.RecordBatch]) -> pa.RecordBatch | None:
    """Return of each path the row of the last part that has one, sorted by path; None without parts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(parts) < 2:
        return parts[0] if parts else None
    rows = pa.concat_batches(parts)
    # A stable sort: of equal paths that of the newest part comes last.
    rows = rows.take(pc.array_sort_indices(rows["path"]))
    paths = rows["path"]
    is_last = pc.not_equal(paths.slice(1), paths.slice(0, len(paths) - 1))
    return rows.filter(pa.concat_arrays([is_last, pa.array([True])]))


def of_form(rows: pa.RecordBatch, form: pa.Schema) -> pa.RecordBatch:
    """Return rows with the columns of a form, and no others."""
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([rows[name] for name in form.names], schema=form)


def empty(form: pa.Schema) -> pa.RecordBatch:
    """Return no rows of some columns."""
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.array([], kind) for kind in form.types], schema=form)


def is_gone(changed: pa.RecordBatch | pa.Table) -> pa.Array:
    """Tell of each row of a delta whether it takes its path away."""
    import pyarrow.compute as pc

    if "change" in changed.schema.names:
        return pc.equal(changed["change"], schema.REMOVED)
    # The whole is there even if it has no entry.
    return pc.and_(pc.equal(changed["count"], 0), pc.not_equal(changed["path"], ""))


def woven(base: pa.RecordBatch, changed: pa.RecordBatch, start: int, path: Path) -> pa.RecordBatch:
    """Return rows of the full file with changes applied, in the columns of those rows; as `applied`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    _check_places(base, changed, start, path)
    replaced = pc.subtract(changed["base_row"], start).filter(changed["in_base"])
    kept = counted(len(base))
    if len(replaced):
        kept = kept.filter(pc.invert(pc.is_in(kept, value_set=replaced)))
    keeps_gone = IS_GONE in base.schema.names
    is_new = pa.repeat(True, len(changed)) if keeps_gone else pc.invert(is_gone(changed))
    places = pc.subtract(places_after(changed, is_new), start)
    new = changed.filter(is_new)
    rows = pa.concat_batches([base, of_form(new, base.schema)])
    found = rows.take(in_order(kept, places.filter(is_new), len(base)))
    paths = found["path"]
    if (
        len(paths)
        and pc.index(pc.less_equal(paths.slice(1), paths.slice(0, len(paths) - 1)), True).as_py()
        >= 0
    ):
        raise _misplaced(changed, path)
    return found


def places_after(changed: pa.RecordBatch | pa.Table, is_new: pa.Array) -> pa.Array:
    """Return of each change how many rows are before it, once all changes are made."""
    import pyarrow as pa
    import pyarrow.compute as pc

    came, went = (mask.cast(pa.int64()) for mask in (is_new, changed["in_base"]))
    grown = pc.subtract(came, went)
    return pc.add(changed["base_row"], pc.subtract(pc.cumulative_sum(grown), grown))


def counted(count: int) -> pa.Array:
    """Return the whole numbers from 0 to before `count`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.subtract(pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), count)), 1)


def in_order(kept: pa.Array, places: pa.Array, before: int) -> pa.Array:
    """Return which rows stand one after the other: those kept, and at their places the new ones.

    Args:
        kept: The numbers of rows that stay.
        places: Where new rows are to stand, ascending.
        before: The number of the first new row.
    """
    import pyarrow.compute as pc

    is_new = pc.is_in(counted(len(kept) + len(places)), value_set=places)
    if not len(kept):
        return pc.add(counted(len(places)), before)
    new_before = pc.subtract(pc.cumulative_sum(is_new.cast("int64")), 1)
    kept_before = pc.subtract(pc.subtract(counted(len(is_new)), new_before), 1)
    at = pc.min_element_wise(pc.max_element_wise(kept_before, 0), len(kept) - 1)
    return pc.if_else(is_new, pc.add(new_before, before), kept.take(at))


def _check_places(base: pa.RecordBatch, changed: pa.RecordBatch, start: int, path: Path) -> None:
    """Refuse changes that do not belong where they say."""
    import pyarrow.compute as pc

    places = pc.subtract(changed["base_row"], start)
    ends = pc.min_max(places).as_py()
    replaced = changed["path"].filter(changed["in_base"])
    if ends["min"] >= 0 and ends["max"] <= len(base):
        there = places.filter(changed["in_base"])
        if not len(there):
            return
        if there[-1].as_py() < len(base) and base["path"].take(there).equals(replaced):
            return
    raise _misplaced(changed, path)


def _misplaced(changed: pa.RecordBatch, path: Path) -> Conflict:
    return breaks_format(
        path,
        f"the changes from path {changed['path'][0].as_py()!r} on",
        "base_row and in_base as the full file has the paths",
        "others",
    )
