"""`landfast import`: bring versions over that another tool recorded."""

from __future__ import annotations

from collections.abc import Iterator

import click

from landfast.cli.common import Output, command, human_size
from landfast.client import Client
from landfast.errors import InvalidInput
from landfast.migrate.peers import PEERS
from landfast.model.imports import ImportedVersion, ImportReport

_SHOWN = 20


@command("import", example="landfast import dvc ~/repository --rename data=vision --dry-run")
@click.argument("peer", type=click.Choice(list(PEERS)))
@click.argument("path")
@click.option("--name", "-n", help="Name for a manifest that has no name.")
@click.option(
    "--rename",
    multiple=True,
    metavar="THEIRS=OURS",
    help="Replace a name, or the beginning of names up to a slash, such as acme/vision=ml; may be repeated.",
)
@click.option(
    "--type", "-t", "kind", help="Type of new collections [default: theirs, else dataset]."
)
@click.option(
    "--dry-run", is_flag=True, help="Read everything, record nothing, and print what would be done."
)
@click.option(
    "--allow-missing",
    is_flag=True,
    help="Record versions without the entries that cannot come over.",
)
@click.option(
    "--verify/--no-verify",
    default=True,
    help="Compare what was imported with its stores [default: compare].",
)
@click.option("--any-endpoint", is_flag=True, help="Use an endpoint other than the recorded one.")
def import_command(
    client: Client,
    out: Output,
    *,
    peer: str,
    path: str,
    rename: tuple[str, ...],
    kind: str | None,
    **given: object,
) -> None:
    """Import versions that another tool recorded at PATH.

    It imports names, the order of versions, aliases, metadata and pins. It does not need PEER, copies no
    data and writes nothing at PATH. If you run it again, it imports what is new. It tags each version with
    the name that PEER uses, such as wandb-v3.

    Exit codes: 0 all recorded bytes can be read; 4 some are lost; 5 undecided.
    """
    report = client.import_from(peer, path, rename=_renamed(rename), type=kind, **given)  # type: ignore[arg-type]
    out.answer(report.to_dict(), _lines(report))
    raise click.exceptions.Exit(report.exit_code)


def _renamed(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := [
        text for text, (theirs, _, ours) in zip(given, pairs, strict=True) if not (theirs and ours)
    ]:
        raise InvalidInput(
            f"--rename {wrong[0]!r} says no two names", subject="--rename", expected="THEIRS=OURS"
        )
    return {theirs: ours for theirs, _, ours in pairs}


def _lines(report: ImportReport) -> Iterator[str]:
    for version in report.versions:
        yield _line(version)
        yield from (f"           {note}" for note in version.notes)
        for left in version.left_out[:_SHOWN]:
            yield f"           left out: {left.path}: {left.reason}"
        if version.left_out_count > _SHOWN:
            yield f"           left out: {version.left_out_count - _SHOWN:,} more"
    yield report.summary + (" (dry run: nothing was recorded)" if report.dry_run else "")


def _line(version: ImportedVersion) -> str:
    line = f"{version.state:<10} {version.theirs} -> {version.name}  {version.count} files, "
    line += human_size(version.size)
    if version.aliases:
        line += f"  [{', '.join(version.aliases)}]"
    return line + (f"  {version.verified}" if version.verified else "")
