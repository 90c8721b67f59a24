"""Tables: the first rows of CSV and TSV, with a guess at what is in the columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

ROWS = 100
COLUMNS = 50
CELL = 200

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|[+-]?inf", re.IGNORECASE)
_KINDS = (
    ("integer", re.compile(r"[+-]?\d+")),
    ("number", _NUMBER),
    ("boolean", re.compile(r"true|false", re.IGNORECASE)),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("time", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")),
)


def table(text: str, *, is_whole: bool, is_tabbed: bool) -> dict[str, Any] | None:
    """Return the first rows of a text with separators, as a preview; None if it has none.

    Args:
        text: The first characters.
        is_whole: Whether these are all; else the last line is left out.
        is_tabbed: Whether columns are separated by tabs; else the first line tells by what.
    """
    if not is_whole:
        text = text[: text.rfind("\n") + 1]
    first = text.partition("\n")[0]
    mark = "\t" if is_tabbed else max(",;\t|", key=first.count)
    try:
        rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=mark), ROWS + 2))
    except csv.Error:
        return None
    if not rows:
        return None
    header, *body = rows
    return shown(
        [
            (name, kind_of_column([row[at] for row in body if at < len(row)]))
            for at, name in enumerate(header)
        ],
        body,
        is_cut=not is_whole or len(body) > ROWS,
    )


def shown(
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[Any]],
    *,
    rows_in_all: int | None = None,
    is_cut: bool = False,
) -> dict[str, Any]:
    """Return a table as the page shows it, no wider, no longer and no cell larger than it may be."""
    return {
        "columns": [{"name": name[:CELL], "type": kind[:CELL]} for name, kind in columns[:COLUMNS]],
        "rows": [[cell_text(cell) for cell in row[:COLUMNS]] for row in rows[:ROWS]],
        "columns_in_all": len(columns),
        "rows_in_all": rows_in_all,
        "is_cut": is_cut,
        "is_too_large": False,
    }


def cell_text(value: Any) -> str | None:
    """Write a value in a cell; None for none."""
    if value is None:
        return None
    text = value if isinstance(value, str) else f"{value}"
    return text if len(text) <= CELL else text[:CELL] + "…"


def kind_of_column(values: Sequence[str]) -> str:
    """Guess what a column holds from the values that are not empty.

    Example:
        >>> kind_of_column(["1", "", "-3"]), kind_of_column(["1", "2.5"]), kind_of_column(["a", "1"])
        ('integer', 'number', 'text')
    """
    filled = [value.strip() for value in values if value.strip()]
    for name, pattern in _KINDS:
        if filled and all(map(pattern.fullmatch, filled)):
            return name
    return "text"
