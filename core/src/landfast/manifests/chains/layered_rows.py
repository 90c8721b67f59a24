"""LayeredRows: the rows of a chain by their number, of which only those are read that are asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from landfast.manifests.chains.applied import (
    counted,
    empty,
    in_order,
    is_gone,
    newest,
    places_after,
)
from landfast.manifests.sorted_rows import NumberedRows, SortedRows

if TYPE_CHECKING:
    import pyarrow as pa

# Rows of a column that are put in order at once.
_AT_ONCE = 1 << 18


class Changes:
    """Where the changes of some deltas belong; each path once, as the newest delta has it.  Never changes.

    Memory grows by a path and some thirty bytes a change.

    Args:
        deltas: Rows of the deltas, oldest first.
    """

    def __init__(self, deltas: Sequence[SortedRows]) -> None:
        import pyarrow.compute as pc

        starts = accumulate(map(len, deltas), initial=0)
        parts = [_keys(rows, start) for rows, start in zip(deltas, starts, strict=False)]
        self.rows = newest([part for part in parts if len(part)]) or _no_keys()
        is_new = pc.invert(self.rows["is_gone"])
        self.paths = self.rows["path"]
        self.is_new = is_new.to_pylist()
        self.in_base = self.rows["in_base"].to_pylist()
        self.places = _numbers(places_after(self.rows, is_new))
        self.base_rows = _numbers(self.rows["base_row"])
        self.numbers = _numbers(self.rows["number"])
        doubled = pc.multiply(self.rows["base_row"], 2)
        self._keys = _numbers(pc.add(doubled, self.rows["in_base"].cast("int64")))
        self.growth: int = is_new.true_count - self.rows["in_base"].true_count

    def grown(self, change: int) -> int:
        """Return by how many rows the changes before one make the full file longer."""
        if change == len(self.places):
            return self.growth
        return self.places[change] - self.base_rows[change]

    def numbers_of(self, rows: pa.RecordBatch) -> list[int | None]:
        """Return the numbers of paths once all changes are made, None where there is none.

        Args:
            rows: `path`, and `base_row` and `in_base` as deltas on the same full file have them.
        """
        import pyarrow.compute as pc

        found: list[int | None] = []
        changes = pc.index_in(rows["path"], value_set=self.paths).to_pylist()
        places = (rows[name].to_pylist() for name in ("base_row", "in_base"))
        for change, base_row, in_base in zip(changes, *places, strict=True):
            if change is not None:
                found.append(self.places[change] if self.is_new[change] else None)
            elif in_base:
                found.append(base_row + self.grown(bisect_left(self._keys, 2 * base_row + 1)))
            else:
                found.append(None)
        return found


class LayeredRows(NumberedRows):
    """The rows of a full file with changes applied.

    Args:
        full: Rows of the full file.
        deltas: Those of the deltas, oldest first.
        changes: Made of the same.
        form: The columns of the full file.
    """

    def __init__(
        self, full: SortedRows, deltas: Sequence[SortedRows], changes: Changes, form: pa.Schema
    ) -> None:
        self._full = full
        self._deltas = deltas
        self._starts = list(accumulate(map(len, deltas), initial=0))
        self._changes = changes
        self._form = form
        self._columns: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        return len(self._full) + self._changes.growth

    def path(self, row: int) -> str:
        """Return the path of a row."""
        change, number = self._located(row)
        return self._full.path(number) if change is None else str(self._changes.paths[change])

    def place_of(self, wanted: bytes) -> int:
        """Return the number of the first row whose path is not before some bytes."""
        made = self._changes
        change = bisect_left(
            range(len(made.paths)), wanted, key=lambda each: made.paths[each].as_py().encode()
        )
        if change < len(made.paths) and made.paths[change].as_py().encode() == wanted:
            return made.places[change]
        before = self._full.place_of(wanted)
        return before + self._changes.grown(change)

    def column(self, name: str, start: int, stop: int) -> pa.ChunkedArray:
        """Return a column of a range of rows."""
        import pyarrow as pa

        stop = min(stop, len(self))
        parts = [
            self._part(name, begin, min(begin + _AT_ONCE, stop))
            for begin in range(max(0, start), stop, _AT_ONCE)
        ]
        chunks = [chunk for part in parts for chunk in part.chunks]
        return pa.chunked_array(chunks, self._form.field(name).type)

    def _part(self, name: str, start: int, stop: int) -> pa.ChunkedArray:
        import pyarrow as pa
        import pyarrow.compute as pc

        made = self._changes
        first, last = self._first_change(start), self._first_change(stop)
        low, high = start - self._changes.grown(first), stop - self._changes.grown(last)
        base = self._full.column(name, low, high)
        if first == last:
            return base
        rows = made.rows.slice(first, last - first)
        is_new = pc.invert(rows["is_gone"])
        kept = counted(high - low)
        gone = pc.subtract(rows["base_row"].filter(rows["in_base"]), low)
        kept = kept.filter(pc.invert(pc.is_in(kept, value_set=gone)))
        places = pa.array(made.places[first:last], pa.int64()).filter(is_new)
        new = self._of_deltas(name).take(rows["number"].filter(is_new))
        order = in_order(kept, pc.subtract(places, start), high - low)
        values = pa.concat_arrays([*base.chunks, new])
        return pa.chunked_array([values.take(order)])

    def take(self, rows: Sequence[int]) -> pa.Table:
        """Return rows by their numbers, which are in order."""
        import pyarrow as pa

        wanted: dict[int, list[int]] = defaultdict(list)
        at: dict[int, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            change, number = self._located(row)
            layer = -1
            if change is not None:
                layer = bisect_right(self._starts, number) - 1
                number -= self._starts[layer]
            wanted[layer].append(number)
            at[layer].append(place)
        if not rows:
            return self._form.empty_table()
        parts = [
            (self._full if layer < 0 else self._deltas[layer])
            .take(numbers)
            .select(self._form.names)
            for layer, numbers in wanted.items()
        ]
        places = [place for layer in wanted for place in at[layer]]
        order = sorted(range(len(places)), key=places.__getitem__)
        return pa.concat_tables(parts).take(pa.array(order, pa.int64()))

    def _located(self, row: int) -> tuple[int | None, int]:
        """Return the change that makes a row, and its number in the deltas; else None, and that in the full file."""
        made = self._changes
        change = bisect_right(made.places, row) - 1
        if change < 0:
            return None, row
        if made.places[change] == row and made.is_new[change]:
            return change, made.numbers[change]
        return None, row - self._changes.grown(change + 1)

    def _first_change(self, row: int) -> int:
        """Return the first change that belongs to a row or behind it; gone ones before it are not."""
        made = self._changes
        change = bisect_right(made.places, row)
        is_at = change > 0 and made.places[change - 1] == row and made.is_new[change - 1]
        return change - 1 if is_at else change

    def _of_deltas(self, name: str) -> pa.Array:
        import pyarrow as pa

        if name not in self._columns:
            chunks = [c for rows in self._deltas for c in rows.column(name, 0, len(rows)).chunks]
            self._columns[name] = pa.concat_arrays(chunks)
        return self._columns[name]


def _keys(rows: SortedRows, start: int) -> pa.RecordBatch:
    """Return path and place of all rows of a delta, and its number in all deltas."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [name for name in ("path", "base_row", "in_base", "change", "count") if rows.has(name)]
    table = pa.table({name: rows.column(name, 0, len(rows)) for name in names}).combine_chunks()
    gone = is_gone(table).combine_chunks()
    numbers = pc.add(counted(len(table)), start)
    columns = [table[name].combine_chunks() for name in ("path", "base_row", "in_base")]
    return pa.RecordBatch.from_arrays(
        [*columns, gone, numbers], ["path", "base_row", "in_base", "is_gone", "number"]
    )


def _no_keys() -> pa.RecordBatch:
    import pyarrow as pa

    kinds = {"path": "string", "base_row": "int64", "in_base": "bool"}
    kinds |= {"is_gone": "bool", "number": "int64"}
    return empty(pa.schema([(name, kind) for name, kind in kinds.items()]))


def _numbers(column: pa.Array) -> Sequence[int]:
    """Return a column of whole numbers without null as what is quick to look into."""
    found = memoryview(column.buffers()[1] or b"").cast("q")
    return found[column.offset : column.offset + len(column)]
