"""Write a delta: what makes one manifest of another, in one pass over both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.manifests import schema
from landfast.manifests.batch import EntryBatch, differ
from landfast.manifests.chains.applied import IS_GONE, applied, counted, empty, is_gone
from landfast.manifests.chains.kinds import differs, kinds_of
from landfast.manifests.layer import Layer
from landfast.manifests.merge import in_step
from landfast.manifests.reader import ManifestFile
from landfast.manifests.table_file import TableFile, WrittenManifest, rollup_path

if TYPE_CHECKING:
    import pyarrow as pa

# Of so few new paths each is looked for; more are sorted in.
_FEW = 32


def write_delta(
    old: ManifestFile, new: ManifestFile, path: Path, *, most: int
) -> WrittenManifest | None:
    """Write the delta that makes `new` of `old`; of each a row group is in memory.

    Args:
        old: What the delta is to stand on.
        new: A manifest as a full file.
        path: The file to write.
        most: How many changes of entries a delta may have; with more, None is returned and nothing is left.

    Raises:
        Conflict: If a file is damaged.
        Unavailable: If the disk is full.
    """
    (full,) = new.layers
    rollup = TableFile(
        rollup_path(path), schema.folder_change_schema(), schema.FOLDER_CHANGE_OPTIONS
    )
    file = TableFile(path, schema.change_schema(), schema.CHANGE_OPTIONS)
    is_done = False
    try:
        count = 0
        for rows in _in_groups(_entry_changes(old, full), schema.ROWS_PER_GROUP):
            count += len(rows)
            if count > most:
                return None
            file.write(rows)
        for depth in sorted({each for layer in (*old.layers, full) for each in layer.levels}):
            for rows in _in_groups(_folder_changes(old, full, depth), schema.FOLDERS_PER_GROUP):
                rollup.write(rows, len(rows))
        rollup.close()
        texts = {schema.KEY_FORMAT: schema.DELTA_FORMAT, schema.KEY_BASE: " ".join(old.chain)}
        written = file.finish(rollup_path(path), new.summary, texts)
        is_done = True
        return written
    finally:
        if not is_done:
            file.discard()
            rollup.discard()


def _entry_changes(old: ManifestFile, new: Layer) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    form = schema.change_schema()
    names = schema.entry_schema().names
    before = _history(old, [layer.batches() for layer in old.layers], schema.entry_schema())
    for step in _in_step(before, new.batches(), schema.entry_schema()):
        one, other = (EntryBatch(each.select(names)) for each in (step.one, step.other))
        came_back = step.one[IS_GONE]
        is_changed = pc.or_(differs(one, other), came_back)
        parts = [
            _changes(step.added, step.added_rows, pa.repeat(False, len(step.added)), "added"),
            _changes(
                step.removed, step.removed["base_row"], step.removed["in_base"], schema.REMOVED
            ),
        ]
        if is_changed.true_count:
            kinds = pc.if_else(came_back, "added", kinds_of(one, other))
            found = _changes(step.other, step.one["base_row"], step.one["in_base"], kinds)
            parts.append(found.filter(is_changed))
        yield from _in_order(parts, form)


def _folder_changes(old: ManifestFile, new: Layer, depth: int) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    form = schema.folder_change_schema()
    layers = [layer.folder_batches(depth) for layer in old.layers]
    before = _history(old, layers, schema.folder_schema())
    for step in _in_step(before, new.folder_batches(depth), schema.folder_schema()):
        one, other, removed = step.one, step.other, step.removed
        values = [[rows["count"], rows["size"]] for rows in (one, other)]
        is_changed = pc.or_(differ(*values), one[IS_GONE])
        nothing = pa.repeat(pa.scalar(0, pa.int64()), len(removed))
        emptied = [removed["depth"], removed["path"], nothing, nothing]
        parts = [
            _changes(step.added, step.added_rows, pa.repeat(False, len(step.added))),
            _changes(other, one["base_row"], one["in_base"]).filter(is_changed),
            pa.RecordBatch.from_arrays(
                [*emptied, removed["base_row"], removed["in_base"]], schema=form
            ),
        ]
        yield from _in_order(parts, form)


def _in_groups(parts: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Join parts until they fill a row group."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    for part in parts:
        held.append(part)
        while (count := sum(map(len, held))) >= size:
            rest = count - size
            held, last = [held[-1].slice(len(held[-1]) - rest)], held
            last[-1] = last[-1].slice(0, len(last[-1]) - rest)
            yield pa.concat_batches(last)
    if left := [part for part in held if len(part)]:
        yield pa.concat_batches(left)


def _in_order(parts: list[pa.RecordBatch], form: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = [part.cast(form) for part in parts if len(part)]
    if filled:
        rows = pa.concat_batches(filled)
        yield rows.take(pc.array_sort_indices(rows["path"]))


def _changes(
    rows: pa.RecordBatch,
    base_rows: pa.Array,
    in_base: pa.Array,
    kinds: pa.Array | str | None = None,
) -> pa.RecordBatch:
    """Return rows of a manifest as rows of a delta."""
    import pyarrow as pa

    form = schema.entry_schema() if kinds is not None else schema.folder_schema()
    columns = [*rows.select(form.names).columns, base_rows, in_base]
    names = [*form.names, "base_row", "in_base"]
    if kinds is not None:
        columns.append(pa.repeat(kinds, len(rows)) if isinstance(kinds, str) else kinds)
        names.append("change")
    return pa.RecordBatch.from_arrays(columns, names)


# -- what was there before -------------------------------------------------------------------------


def _history(
    old: ManifestFile, layers: list[Iterator[pa.RecordBatch]], form: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a chain, and those of the full file or a delta that are no longer there."""
    import pyarrow as pa

    wide = _with_history(form)

    def numbered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow.compute as pc

        row = 0
        for batch in batches:
            count = len(batch)
            numbers = pc.add(counted(count), row)
            flags = [numbers, pa.repeat(True, count), pa.repeat(False, count)]
            yield pa.RecordBatch.from_arrays([*batch.columns, *flags], schema=wide)
            row += count

    def told(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [batch[name] for name in wide.names[:-1]]
            yield pa.RecordBatch.from_arrays([*columns, is_gone(batch)], schema=wide)

    full, *deltas = layers
    return applied(numbered(full), [told(delta) for delta in deltas], old.path, wide)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A part of both manifests.

    Args:
        one: Rows of the old, with its history.
        other: Rows of the new at the same paths.
        removed: Rows of the old whose path the new does not have.
        added: Rows of the new at paths that there never were.
        added_rows: How many rows of the full file are before each of those.
    """

    one: pa.RecordBatch
    other: pa.RecordBatch
    removed: pa.RecordBatch
    added: pa.RecordBatch
    added_rows: pa.Array


def _in_step(
    history: Iterator[pa.RecordBatch], new: Iterator[pa.RecordBatch], form: pa.Schema
) -> Iterator[_Step]:
    import pyarrow.compute as pc

    full_rows = 0  # of the full file, up to here
    for before, after in in_step([history, new], empty(_with_history(form))):
        behind = full_rows + before["in_base"].true_count
        if before["path"].equals(after["path"]):
            nothing = before.slice(0, 0)
            yield _Step(
                one=before,
                other=after,
                removed=nothing,
                added=after.slice(0, 0),
                added_rows=nothing["base_row"],
            )
        else:
            places = pc.index_in(after["path"], value_set=before["path"])
            is_known = pc.is_valid(places)
            is_left = pc.is_in(before["path"], value_set=after["path"])
            added = after.filter(pc.invert(is_known))
            yield _Step(
                one=before.take(places.drop_null()),
                other=after.filter(is_known),
                removed=before.filter(pc.invert(pc.or_(is_left, before[IS_GONE]))),
                added=added,
                added_rows=_rows_before(added["path"], before, behind),
            )
        full_rows = behind


def _with_history(form: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    flags = {"base_row": pa.int64(), "in_base": pa.bool_(), IS_GONE: pa.bool_()}
    return pa.schema([*form, *(pa.field(name, kind) for name, kind in flags.items())])


def _rows_before(paths: pa.Array, before: pa.RecordBatch, behind: int) -> pa.Array:
    """Return how many rows of the full file are before each path, none of which `before` has.

    Every row of the full file in this part is in `before`, so it is what the row after a path says.
    """
    from bisect import bisect_left

    import pyarrow as pa
    import pyarrow.compute as pc

    there = before["path"]
    if len(paths) <= _FEW:
        places = [bisect_left(there, path.as_py(), key=lambda each: each.as_py()) for path in paths]
        following = pa.array(places, pa.int64())
    else:
        order = pc.array_sort_indices(pa.concat_arrays([paths, there]))
        is_path = pc.less(order, len(paths))
        others = pc.subtract(counted(len(order)), pc.cumulative_sum(is_path.cast(pa.int64())))
        following = pc.add(others, 1).filter(is_path)
    rows = pa.concat_arrays([before["base_row"], pa.array([behind], pa.int64())])
    return rows.take(following)
