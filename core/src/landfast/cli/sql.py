"""`landfast sql`: a query over versions, printed as a table, CSV or JSON."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import chain, islice
from typing import Any

import click

from landfast.cli.common import Output, columns, command
from landfast.client import Client
from landfast.errors import InvalidInput
from landfast.redaction import visible
from landfast.sql import SqlResult

# The widths of columns are those of the first rows; a wider cell further down moves only its own line.
_MEASURED = 1_000


@command("sql", example="landfast sql \"select sum(size) from 'vision/mnist:prod'\"")
@click.argument("query")
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="For $NAME in the query: a JSON value, else text; may be repeated.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with a header.")
@click.option(
    "--external-access", is_flag=True, help="Let the query read other files and addresses too."
)
@click.option(
    "--memory-limit",
    default="1GiB",
    show_default=True,
    metavar="SIZE",
    help="Memory for sorting, joining and grouping; larger intermediate results go to disk.",
)
@click.option("--no-use", is_flag=True, help="Leave no lineage edge.")
def sql_command(
    client: Client, out: Output, query: str, parameters: Sequence[str], as_csv: bool, **given: Any
) -> None:
    """Query versions, and files that they recorded, with SQL.

    Versions are tables: from 'vision/mnist:prod'. QUERY '-' is read from standard input. entry('vision/mnist:prod',
    'a.parquet') has the rows of a recorded file; the path may be a glob.
    """
    if as_csv and out.as_json:
        raise InvalidInput("--json and --csv exclude each other", expected="one of them")
    text = sys.stdin.read() if query == "-" else query
    values = dict(map(_parameter, parameters))
    with client.sql(text, values, use=not given.pop("no_use"), **given) as result:
        if out.as_json:
            _print_json(result)
        elif as_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(result.columns)
            writer.writerows(result)
        elif not out.quiet:
            _print_table(result)


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InvalidInput(f"{text!r} is no parameter", subject=text, expected="--param NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _print_table(result: SqlResult) -> None:
    rows = (["" if cell is None else cell for cell in row] for row in result)
    first = list(islice(rows, _MEASURED))
    lines = columns(result.columns, first)
    widths = [
        max(len(visible(str(cell))) for cell in cells)
        for cells in zip(result.columns, *first, strict=True)
    ]
    later = (
        "  ".join(visible(str(cell)).ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    for line in chain(lines, map(str.rstrip, later)):
        click.echo(line)


def _print_json(result: SqlResult) -> None:
    """Print one list of objects, as `Output.answer` would, a row at a time."""
    names = list(_distinct(result.columns))
    start = "["
    for row in result:
        text = json.dumps(
            dict(zip(names, map(_plain, row), strict=True)),
            ensure_ascii=False,
            indent=2,
            default=str,
        )
        click.echo(start + "\n  " + text.replace("\n", "\n  "), nl=False)
        start = ","
    click.echo("[]" if start == "[" else "\n]")


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """Yield names, a number behind those that were there before: an object has each once."""
    seen: Counter[str] = Counter()
    for name in names:
        yield f"{name}_{seen[name]}" if seen[name] else name
        seen[name] += 1


def _plain(value: Any) -> Any:
    """Return a value as JSON can say it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        near = float(value)
        return near if Decimal(repr(near)) == value else str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return list(map(_plain, value)) if isinstance(value, list | tuple) else value
