"""`landfast promote`, `landfast tag`, `landfast rm`, `landfast undelete`: aliases, tags and deletion."""

from __future__ import annotations

import click

from landfast.cli.common import Output, command
from landfast.client import Client


@command("promote")
@click.argument("name")
@click.argument("alias")
@click.option(
    "--remove",
    is_flag=True,
    help="Take the alias away instead; from NAME only if it says a version.",
)
def promote_command(client: Client, out: Output, name: str, alias: str, remove: bool) -> None:
    """Move ALIAS to the version NAME."""
    if remove:
        client.remove_alias(name, alias)
        out.answer(
            {"name": str(client.resolve_name(name).bare()), "removed": alias}, [f"{alias} removed"]
        )
        return
    version = client.promote(name, alias)
    out.answer(version.to_dict(), [f"{alias} is now {version.qualified_name}"])


@command("tag")
@click.argument("name")
@click.argument("tags", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the tags away instead.")
def tag_command(
    client: Client, out: Output, name: str, tags: tuple[str, ...], remove: bool
) -> None:
    """Add TAGS to the version NAME."""
    version = (
        client.update(name, remove_tags=tags) if remove else client.update(name, add_tags=tags)
    )
    out.answer(
        version.to_dict(), [f"{version.qualified_name}: {', '.join(version.tags) or 'no tags'}"]
    )


@command("rm")
@click.argument("name")
@click.option("--delete-aliases", is_flag=True, help="Also if aliases (latest included) name it.")
def rm_command(client: Client, out: Output, name: str, delete_aliases: bool) -> None:
    """Delete the version NAME; the objects it refers to are never touched."""
    version = client.delete(name, delete_aliases=delete_aliases)
    out.answer(
        version.to_dict(),
        [
            f"{version.qualified_name} is deleted; `landfast undelete` brings it back until `landfast gc` "
            "removes its manifest"
        ],
    )


@command("undelete")
@click.argument("name")
def undelete_command(client: Client, out: Output, name: str) -> None:
    """Bring the deleted version NAME:vN back, if `gc` has not taken its manifest yet."""
    version = client.undelete(name)
    out.answer(version.to_dict(), [f"{version.qualified_name} is back"])
