"""`landfast lineage`: what a version was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from landfast.cli.common import Output, command, partition_option
from landfast.client import Client
from landfast.model.lineage import Lineage, ObjectLineage


@command(
    "lineage",
    example="""landfast lineage models/digits:prod
landfast lineage --object s3://acme-data/mnist/train.parquet""",
)
@click.argument("name")
@click.option(
    "--object",
    "is_object",
    is_flag=True,
    help="NAME is the URI of an object: show the versions and runs that contain it.",
)
@click.option(
    "--declared", is_flag=True, help="Also follow dependencies that were declared but not loaded."
)
@partition_option("name")
def lineage_command(
    client: Client, out: Output, name: str, is_object: bool, declared: bool
) -> None:
    """Show what NAME was made from, and what was made from it.

    It follows versions and runs upstream and downstream, transitively.
    """
    if is_object:
        _object(client, out, name)
        return
    found = client.lineage(name, declared=declared)
    out.stream(
        {"root": str(found.root)},
        "upstream",
        map(str, found.upstream),
        _lines(found, client.settings.ui_url),
        downstream=map(str, found.downstream),
        edges=(edge.to_dict() for edge in found.edges),
    )


def _object(client: Client, out: Output, uri: str) -> None:
    found = client.lineage_of_object(uri)
    out.stream(
        {"uri": uri},
        "versions",
        (str(match.version.name) for match in found.matches),
        _lines_of_object(found, uri),
        edges=(edge.to_dict() for edge in found.edges),
    )


def _lines_of_object(found: ObjectLineage, uri: str) -> Iterator[str]:
    if not found.matches:
        yield f"no version contains {uri}"
    for match in found.matches:
        yield f"contained in {match.version.name}"
    for edge in found.edges:
        yield f"{edge.version}  {edge.direction} by {edge.run}"


def _lines(found: Lineage, ui_url: str | None) -> Iterator[str]:
    for name in reversed(found.upstream):
        yield f"  made from  {name}"
    yield f"> {found.root}"
    for name in found.downstream:
        yield f"  made into  {name}"
    for edge in found.edges:
        page = edge.page(ui_url)
        yield f"  {edge.run}  {edge.direction}  {edge.version}" + (f"  {page}" if page else "")
