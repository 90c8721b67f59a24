"""Ranking: which rows stand on a page of a list that is sorted by a column, without a list of them all."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from landfast.manifests.sorted_rows import NumberedRows

if TYPE_CHECKING:
    import pyarrow as pa

# Of so few, the best are picked; for a page further on it is cheaper to sort them all.
_PICKED = 5_000


class FileOrder(StrEnum):
    """What the files of a folder are sorted by; those that are equal, by their path."""

    PATH = "path"
    SIZE = "size"
    MODIFIED = "modified"


_COLUMNS = {FileOrder.SIZE: "size", FileOrder.MODIFIED: "modified_at"}


class Ranking:
    """An order of values; equal ones keep their order, also where the greatest comes first.

    Args:
        values: Whole numbers without null; None if they are in order already, ascending.
        count: How many.
        descending: Whether the greatest comes first.
    """

    def __init__(self, values: pa.ChunkedArray | None, count: int, *, descending: bool) -> None:
        self._values = values
        self._count = count
        self._descending = descending

    def places(self, start: int, stop: int) -> list[int]:
        """Return the places, from 0, of the values that are ranked from `start` to before `stop`."""
        stop = min(stop, self._count)
        if start >= stop:
            return []
        if self._values is None:
            last = self._count - 1
            return [last - rank if self._descending else rank for rank in range(start, stop)]
        if stop <= _PICKED:
            return self._picked(stop, is_turned=False)[start:]
        if self._count - start <= _PICKED:
            picked = self._picked(self._count - start, is_turned=True)
            return picked[self._count - stop :][::-1]
        return self._sorted(start, stop)

    def _picked(self, count: int, *, is_turned: bool) -> list[int]:
        """Return the first places, or, turned, the last ones from the end."""
        import pyarrow as pa
        import pyarrow.compute as pc

        places = pc.subtract(pc.cumulative_sum(pa.repeat(1, self._count)), 1)
        table = pa.table({"value": self._values, "place": places})
        directions = ("ascending", "descending")
        keys = [
            ("value", directions[self._descending != is_turned]),
            ("place", directions[is_turned]),
        ]
        found: list[int] = pc.select_k_unstable(table, k=count, sort_keys=keys).to_pylist()
        return found

    def _sorted(self, start: int, stop: int) -> list[int]:
        import pyarrow.compute as pc

        assert self._values is not None
        values = self._values.combine_chunks()
        # Ascending only, where every version of Arrow keeps the order of what is equal.
        turned = pc.negate(values) if self._descending else values
        found: list[int] = pc.array_sort_indices(turned).slice(start, stop - start).to_pylist()
        return found


def values_by(order: FileOrder, rows: NumberedRows, runs: Iterable[range]) -> pa.ChunkedArray:
    """Return the column that an order looks at, of some ranges of rows, as numbers; unknown is the least."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = [rows.column(_COLUMNS[order], run.start, run.stop) for run in runs]
    chunks = [chunk for part in parts for chunk in part.cast(pa.int64()).chunks]
    least = -(2**63) + 1  # its negative is a number too
    return pc.fill_null(pa.chunked_array(chunks, pa.int64()), least)
