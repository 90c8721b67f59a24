"""`landfast diff`: what changed between two versions."""

from __future__ import annotations

from itertools import chain

import click

from landfast.cli.common import Output, command
from landfast.client import Client
from landfast.model.diff import DiffKind, DiffRow

_SIGNS = {
    DiffKind.ADDED: "+",
    DiffKind.REMOVED: "-",
    DiffKind.MODIFIED: "M",
    DiffKind.RENAMED: "R",
    DiffKind.REPINNED: "P",
}


@command("diff")
@click.argument("old")
@click.argument("new")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if there is a difference.")
def diff_command(client: Client, out: Output, old: str, new: str, exit_code: bool) -> None:
    """Show what was added (+), removed (-), modified (M), renamed (R), repinned (P) from OLD to NEW."""
    found = client.diff(old, new)
    lines = chain(map(_line, found.rows()), [found.summary or "no entries"])
    out.stream(found.to_dict(rows=False), "rows", (row.to_dict() for row in found.rows()), lines)
    if exit_code and not found.is_empty:
        raise click.exceptions.Exit(1)


def _line(row: DiffRow) -> str:
    if row.kind is DiffKind.RENAMED and row.old is not None:
        return f"{_SIGNS[row.kind]} {row.old.path} -> {row.path}"
    return f"{_SIGNS[row.kind]} {row.path}"
