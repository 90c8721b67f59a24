"""Rows of a manifest file as the format allows them; whatever else a writer wrote is a `Conflict`.

Other writers cut statistics, choose other widths of integers, units of time and encodings of text.
What means the same is read as the same; what does not is named by file, row and path.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from landfast.errors import Conflict
from landfast.manifests.schema import CHANGES

if TYPE_CHECKING:
    import pyarrow as pa

# The years 1 to 9999, in microseconds since 1970.
_FIRST_MOMENT, _LAST_MOMENT = -62_135_596_800_000_000, 253_402_300_799_999_999

# Column, what the format asks of it, and where a table breaks that.
_Rule: TypeAlias = "tuple[str, str, Callable[[Any, pa.Table], Any]]"


def breaks_format(path: Path, where: str, expected: str, found: str) -> Conflict:
    """Build the error for a manifest file whose writer did not keep to the format."""
    return Conflict(
        f"the manifest file {path.name} breaks the format at {where}",
        subject=str(path),
        expected=expected,
        found=found if len(found) <= 200 else found[:200] + "...",
        hint="The tool that wrote it must write it again, as docs/format.md describes.",
    )


def check_columns(path: Path, found: pa.Schema, wanted: pa.Schema) -> None:
    """Refuse a file in which a column is missing, stands twice, or has a type of another meaning."""
    for field in wanted:
        places = found.get_all_field_indices(field.name)
        if len(places) != 1:
            names = ", ".join(map(str, found.names))
            raise breaks_format(path, f"column {field.name!r}", "one such column", names)
        kind = found.field(places[0]).type
        if not _means_the_same(kind, field.type):
            raise breaks_format(path, f"column {field.name!r}", _name(field.type), str(kind))


def checked(
    path: Path, group: int, table: pa.Table, wanted: pa.Schema, *, first: int = 0
) -> pa.Table:
    """Return rows of a row group in the types of the format.

    Args:
        path: The file, for errors.
        group: The row group.
        table: The rows.
        wanted: Columns as the format has them.
        first: The number of the first of them in the row group.

    Raises:
        Conflict: If a value has no such form, a row breaks a rule, or paths are out of order.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [exact(path, group, table, field, first=first) for field in wanted]
    found = pa.table(columns, names=wanted.names)
    rules = _FOLDERS if "depth" in wanted.names else _ENTRIES
    if "base_row" in wanted.names:
        rules = [*rules, *_PLACES, *([] if "depth" in wanted.names else _CHANGES)]
    for column, expected, broken in rules:
        row = pc.index(broken(pc, found), True).as_py()
        if row >= 0:
            raise _bad_row(path, group, first, table, row, column, expected)
    paths = found.column("path")
    row = pc.index(pc.less_equal(paths.slice(1), paths.slice(0, len(paths) - 1)), True).as_py()
    check_order(path, group, paths.slice(row, 2).to_pylist() if row >= 0 else [])
    return found


def exact(
    path: Path, group: int, table: pa.Table, field: pa.Field, *, first: int = 0
) -> pa.ChunkedArray:
    """Return a column in the type of the format, otherwise as `checked`.

    Raises:
        Conflict: If a value has no such form, or is null where none may be.
    """
    import pyarrow.compute as pc

    column, expected = table.column(field.name), _name(field.type)
    found = _cast(column, field.type)
    if found is None:
        ends = range(1, len(column) + 1)
        row = bisect_left(
            ends, True, key=lambda end: _cast(column.slice(0, end), field.type) is None
        )
    elif found.null_count and not field.nullable:
        row, expected = pc.index(pc.is_null(found), True).as_py(), "a value, never null"
    else:
        return found
    raise _bad_row(path, group, first, table, row, field.name, expected)


def check_order(path: Path, group: int, paths: Sequence[str]) -> None:
    """Refuse paths of which one is not after the one before it; names both."""
    for before, after in pairwise(paths):
        if after <= before:
            where = f"row group {group}, path {after!r}"
            raise breaks_format(
                path, where, f"a path after {before!r} by its UTF-8 bytes", repr(after)
            )


def _bad_row(
    path: Path, group: int, first: int, table: pa.Table, row: int, column: str, expected: str
) -> Conflict:
    where = f"row {first + row} of row group {group}"
    if "path" in table.column_names:
        where += f", path {_shown(table['path'], row)}"
    return breaks_format(
        path, where, f"{column}: {expected}", f"{column}: {_shown(table[column], row)}"
    )


def _shown(column: pa.ChunkedArray, row: int) -> str:
    import pyarrow as pa

    value = column.slice(row, 1)
    # As a Python object a time of the year 20000 or of nanoseconds would be an error of its own.
    if pa.types.is_timestamp(value.type) or pa.types.is_integer(value.type):
        return str(value.cast(pa.string())[0])
    if pa.types.is_boolean(value.type):
        return str(value[0])
    data = value.cast(pa.large_binary())[0].as_py()
    return "null" if data is None else repr(data.decode(errors="backslashreplace"))


def _token_is_odd(pc: Any, table: pa.Table) -> Any:
    label, value = table["checksum_algorithm"], table["checksum"]
    return pc.or_(
        pc.xor(pc.is_null(label), pc.is_null(value)),
        _any(pc, pc.equal(label, ""), pc.match_substring(label, pattern=":"), pc.equal(value, "")),
    )


def _any(pc: Any, *masks: Any) -> Any:
    found = pc.fill_null(masks[0], False)
    for mask in masks[1:]:
        found = pc.or_(found, pc.fill_null(mask, False))
    return found


def _time_is_odd(pc: Any, table: pa.Table) -> Any:
    import pyarrow as pa

    moments = table["modified_at"].cast(pa.int64())
    return pc.or_(pc.less(moments, _FIRST_MOMENT), pc.greater(moments, _LAST_MOMENT))


def _repeat_is_odd(pc: Any, table: pa.Table) -> Any:
    nothing = pc.or_(pc.is_null(table["checksum"]), pc.is_valid(table["etag"]))
    return pc.and_(table["etag_is_checksum"], nothing)


def _depth_is_odd(pc: Any, table: pa.Table) -> Any:
    slashes = pc.count_substring(table["path"], pattern="/")
    return pc.not_equal(slashes, table["depth"])


def _place_is_odd(pc: Any, table: pa.Table) -> Any:
    import pyarrow as pa

    places = table["base_row"].combine_chunks()
    before = pa.concat_arrays([pa.array([0] * min(1, len(places)), pa.int64()), places[:-1]])
    return pc.less(places, before)


def _kinds() -> pa.Array:
    import pyarrow as pa

    return pa.array(CHANGES)


_ENTRIES: list[_Rule] = [
    ("path", "text that is not empty", lambda pc, t: pc.equal(t["path"], "")),
    ("size", "bytes from 0 to 2**63 - 1, or null", lambda pc, t: pc.less(t["size"], 0)),
    ("checksum_algorithm", "a label without ':' beside a value, neither empty", _token_is_odd),
    ("etag_is_checksum", "false, or a checksum and no etag beside it", _repeat_is_odd),
    ("modified_at", "a time of the years 1 to 9999", _time_is_odd),
]
_FOLDERS: list[_Rule] = [
    ("depth", "the number of slashes in path", _depth_is_odd),
    ("count", "0 or more", lambda pc, t: pc.less(t["count"], 0)),
    ("size", "0 or more", lambda pc, t: pc.less(t["size"], 0)),
]
_PLACES: list[_Rule] = [
    ("base_row", "0 or more, and not less than in the row before", _place_is_odd),
]
_CHANGES: list[_Rule] = [
    ("change", ", ".join(CHANGES), lambda pc, t: pc.invert(pc.is_in(t["change"], _kinds()))),
]


def _means_the_same(found: pa.DataType, wanted: pa.DataType) -> bool:
    import pyarrow.types as kinds

    if kinds.is_dictionary(found):
        found = found.value_type
    if kinds.is_null(found):
        return True
    if kinds.is_string(wanted):
        texts = (kinds.is_string, kinds.is_large_string, kinds.is_string_view)
        raw = (kinds.is_binary, kinds.is_large_binary, kinds.is_binary_view)
        return any(is_kind(found) for is_kind in texts + raw)
    if kinds.is_timestamp(wanted):
        return kinds.is_timestamp(found) and found.tz is not None
    if kinds.is_boolean(wanted):
        return bool(kinds.is_boolean(found))
    return bool(kinds.is_integer(found))


def _name(kind: pa.DataType) -> str:
    return {
        "string": "UTF-8 text",
        "bool": "BOOLEAN",
        "timestamp[us, tz=UTC]": "a timestamp in UTC, of whole microseconds",
    }.get(str(kind), f"an integer that {kind} holds")


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    """Give values another type; None if one of them has no such form."""
    import pyarrow as pa

    try:
        if pa.types.is_string(kind):
            # By way of bytes: of text Arrow believes that it is UTF-8, at bytes it looks.
            column = column.cast(pa.binary() if column.type == kind else pa.large_binary())
        return column.cast(kind)
    except pa.ArrowInvalid:
        return None
