"""Masks over columns, by those of Arrow's functions that every supported version gets right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def null_where(mask: pa.Array, column: pa.Array) -> pa.Array:
    """Return the column with null where the mask is true.

    With a null scalar instead of an array of nulls, `pyarrow.compute.if_else` of text that was sliced gives offsets
    that lead out of its bytes: seen in pyarrow 21 and 23, not in 26.

    Example:
        >>> import pyarrow as pa
        >>> null_where(pa.array([True, False]), pa.array(["a", "b", "c"]).slice(1)).to_pylist()
        [None, 'c']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(mask, pa.nulls(len(column), column.type), column)


def same_value(one: pa.Array, other: pa.Array) -> pa.Array:
    """Return where two columns agree; null agrees with null.

    Example:
        >>> import pyarrow as pa
        >>> same_value(pa.array(["a", None, "b"]), pa.array(["a", None, None])).to_pylist()
        [True, True, False]
    """
    import pyarrow.compute as pc

    equal = pc.fill_null(pc.equal(one, other), False)
    if not (one.null_count and other.null_count):
        return equal
    return pc.or_(equal, pc.and_(pc.is_null(one), pc.is_null(other)))
