"""`landfast artifact put|get|ls`: W&B's arguments, for scripts that move over."""

from __future__ import annotations

import click

from landfast.cli.common import Output, command, human_size
from landfast.cli.help import HelpGroup
from landfast.cli.put import put
from landfast.client import Client


@click.group("artifact", cls=HelpGroup)
def artifact_command() -> None:
    """Put, get and list artifacts with W&B's arguments."""


@command("put", example="landfast artifact put --name vision/mnist ./mnist")
@click.argument("path")
@click.option("--name", "-n", help="project/artifact_name.")
@click.option("--description", "-d", help="Of the version, if it is new.")
@click.option(
    "--type", "-t", "kind", default="dataset", show_default=True, help="Type of the collection."
)
@click.option(
    "--alias", "-a", "aliases", multiple=True, default=("latest",), help="Aliases of the version."
)
@click.option("--id", "run_id", help="Ignored: runs are joined by LANDFAST_RUN.")
@click.option("--resume", is_flag=True, help="Ignored, as --id.")
@click.option("--skip_cache", is_flag=True, help="Ignored: nothing is cached by a put.")
@click.option(
    "--policy",
    type=click.Choice(["mutable", "immutable"]),
    help="Ignored: files are always copied.",
)
def put_command(
    client: Client,
    out: Output,
    path: str,
    name: str | None,
    description: str | None,
    kind: str,
    aliases: tuple[str, ...],
    **_: object,
) -> None:
    """Log PATH: a URI by reference, a local path by copy."""
    version = put(
        client, place=path, name=name, kind=kind, description=description, aliases=aliases
    )
    out.answer(version.to_dict(), [f"{version.qualified_name} ({version.type}) {version.digest}"])


@command("get", example="landfast artifact get vision/mnist:latest --root data")
@click.argument("path")
@click.option("--root", help="Target folder.")
@click.option("--type", "kind", help="Fail if the collection has another type.")
def get_command(client: Client, out: Output, path: str, root: str | None, kind: str | None) -> None:
    """Download PATH: project/name:alias."""
    report = client.download(client.use(path, type=kind), root)
    out.answer(report.to_dict(), [f"Artifact downloaded to {report.root}"])


@command("ls", example="landfast artifact ls vision")
@click.argument("path")
@click.option("--type", "-t", "kind", help="Only collections of this type.")
def ls_command(client: Client, out: Output, path: str, kind: str | None) -> None:
    """List the latest versions in PATH: [entity/]project."""
    entity, _, project = path.rpartition("/")
    scoped = client.with_defaults(entity=entity or None, project=project)
    found = [
        scoped.get(f"{c.project}/{c.name}")
        for c in scoped.collections(project)
        if c.versions
        and kind in {None, c.type}
        and "" in scoped.partitions(f"{c.project}/{c.name}")
    ]
    rows = [(v.type, f"{v.created_at:%F %T}", human_size(v.size), v.name) for v in found]
    out.table([v.to_dict() for v in found], ("TYPE", "LOGGED (UTC)", "SIZE", "NAME"), rows)


artifact_command.add_command(put_command)
artifact_command.add_command(get_command)
artifact_command.add_command(ls_command)
