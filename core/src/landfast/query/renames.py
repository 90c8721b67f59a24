"""Renames: a removed and an added file of equal content are one difference."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from landfast.manifests.chains.applied import counted
from landfast.model.diff import DiffKind
from landfast.query.differences import KINDS

if TYPE_CHECKING:
    import pyarrow as pa

_ADDED, _REMOVED = KINDS.index(DiffKind.ADDED), KINDS.index(DiffKind.REMOVED)
_RENAMED = KINDS.index(DiffKind.RENAMED)
# Of more candidates only those whose token begins with the same digits are looked at together.
_AT_ONCE = 200_000
_DIGITS = "0123456789abcdef"


def with_renames(table: pa.Table) -> Iterator[pa.Table]:
    """Yield differences with renames among them, without the column `content`; each file takes part once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(table):
        return
    pairs = pa.concat_tables(list(_every_pair(table)))
    by_went, by_came = (pairs.sort_by(name)[name].combine_chunks() for name in ("went", "came"))
    old_rows = pairs.sort_by("came")["old_row"].combine_chunks()
    start = 0
    for batch in table.drop_columns("content").to_batches():
        stop = start + len(batch)
        numbers = pc.add(counted(len(batch)), start)
        renamed = pc.index_in(numbers, value_set=_within(by_came, start, stop))
        is_renamed = pc.is_valid(renamed)
        if is_renamed.true_count:
            first = bisect_left(by_came, start, key=_value)
            rows = old_rows.take(pc.add(renamed, first))
            kinds = pc.if_else(is_renamed, pa.scalar(_RENAMED, pa.int8()), batch["kind"])
            batch = batch.set_column(1, "kind", kinds)  # noqa: PLW2901 - the same rows
            batch = batch.set_column(2, "old_row", pc.coalesce(rows, batch["old_row"]))  # noqa: PLW2901
        gone = pc.is_in(numbers, value_set=_within(by_went, start, stop))
        yield pa.Table.from_batches([batch.filter(pc.invert(gone))])
        start = stop


def _every_pair(table: pa.Table) -> Iterator[pa.Table]:
    """Yield numbers of removed and added files that are one, and the old row."""
    import pyarrow as pa

    form = {"went": pa.int64(), "came": pa.int64(), "old_row": pa.int64()}
    yield pa.schema(form).empty_table()
    count, length = len(table) - table["content"].null_count, 0
    while count > _AT_ONCE * 16**length and length < 2:
        length += 1
    shares = ["".join(digits) for digits in product(_DIGITS, repeat=length)]
    for share in [*shares, None] if length else [""]:
        went, came = (_contents(table, kind, share, length) for kind in (_REMOVED, _ADDED))
        found = list(_pairs(went, came))
        columns = zip(*found, strict=True) if found else ((), (), ())
        yield pa.table(
            [pa.array(column, kind) for column, kind in zip(columns, form.values(), strict=True)],
            names=list(form),
        )


def _contents(table: pa.Table, kind: int, share: str | None, length: int) -> pa.Table:
    """Return content, path, number and old row of the differences of a kind, as far as they are in a share.

    Args:
        table: All differences.
        kind: As a number.
        share: What their tokens begin with; None is those that begin with no digits.
        length: How many digits tell a share.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    parts, start = [], 0
    for batch in table.to_batches():
        is_wanted = pc.and_(pc.equal(batch["kind"], kind), pc.is_valid(batch["content"]))
        if share is None:
            has_digits = pc.match_substring_regex(batch["content"], f"^[0-9a-f]{{{length}}}")
            is_wanted = pc.and_not(is_wanted, has_digits)
        elif share:
            is_wanted = pc.and_(is_wanted, pc.starts_with(batch["content"], share))
        numbers = pc.add(counted(len(batch)), start)
        columns = [batch["content"], batch["path"], numbers, batch["old_row"]]
        names = ["content", "path", "number", "old_row"]
        parts.append(pa.table(columns, names=names).filter(is_wanted))
        start += len(batch)
    return pa.concat_tables(parts)


def _pairs(went: pa.Table, came: pa.Table) -> Iterator[tuple[int, int, int]]:
    import pyarrow.compute as pc

    # Content that is on one side alone is nobody's new name.
    went = went.filter(pc.is_in(went["content"], value_set=came["content"].combine_chunks()))
    came = came.filter(pc.is_in(came["content"], value_set=went["content"].combine_chunks()))
    olds, news = _by_content(went), _by_content(came)
    for content, found in news.items():
        for old, new in _by_name(olds[content], found):
            yield old[1], new[1], old[2]


_File = tuple[str, int, int]


def _by_content(table: pa.Table) -> dict[str, list[_File]]:
    found: dict[str, list[_File]] = defaultdict(list)
    columns = (table[name].to_pylist() for name in table.column_names)
    for content, *file in zip(*columns, strict=True):
        found[content].append(tuple(file))
    return found


def _by_name(went: Sequence[_File], came: Sequence[_File]) -> Iterator[tuple[_File, _File]]:
    """Pair what has equal content: first those that kept their file name, then in order of path."""
    by_name: dict[str, list[_File]] = defaultdict(list)
    for each in reversed(went):
        by_name[_file_name(each)].append(each)
    left = []
    for each in came:
        same_name = by_name.get(_file_name(each))
        if same_name:
            yield same_name.pop(), each
        else:
            left.append(each)
    rest = sorted(each for every in by_name.values() for each in every)
    yield from zip(rest, left, strict=False)


def _file_name(file: _File) -> str:
    return file[0].rpartition("/")[2]


def _within(numbers: pa.Array, start: int, stop: int) -> pa.Array:
    """Return those of sorted numbers that are in a range."""
    first, last = (bisect_left(numbers, end, key=_value) for end in (start, stop))
    return numbers.slice(first, last - first)


def _value(number: Any) -> int:
    found: int = number.as_py()
    return found
