"""`landfast diff`: what changed between two versions."""

from __future__ import annotations

from itertools import chain

import click

from landfast.cli.common import Output, command, partition_option
from landfast.client import Client
from landfast.model.diff import DiffKind, DiffRow

_SIGNS = {
    DiffKind.ADDED: "+",
    DiffKind.REMOVED: "-",
    DiffKind.MODIFIED: "M",
    DiffKind.RENAMED: "R",
    DiffKind.REPINNED: "P",
}


@command("diff", example="landfast diff vision/mnist:prod vision/mnist:latest")
@click.argument("old")
@click.argument("new")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if there is a difference.")
@partition_option("old", "new", metavar="OLD and NEW")
def diff_command(client: Client, out: Output, old: str, new: str, exit_code: bool) -> None:
    """Show what changed from OLD to NEW.

    + added, - removed, M modified, R renamed, P same content at another place or another version id.
    """
    found = client.diff(old, new)
    lines = chain(map(_line, found.rows()), [found.summary or "no entries"])
    out.stream(found.to_dict(rows=False), "rows", (row.to_dict() for row in found.rows()), lines)
    if exit_code and not found.is_empty:
        raise click.exceptions.Exit(1)


def _line(row: DiffRow) -> str:
    if row.kind is DiffKind.RENAMED and row.old is not None:
        return f"{_SIGNS[row.kind]} {row.old.path} -> {row.path}"
    return f"{_SIGNS[row.kind]} {row.path}"
