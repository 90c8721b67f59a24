"""`landfast promote`, `unalias`, `tag`, `untag`, `rm`, `undelete`: aliases, tags and deletion."""

from __future__ import annotations

import click

from landfast.cli.common import Output, command, moved_option, partition_option
from landfast.client import Client
from landfast.version import ArtifactVersion


@command("promote", example="landfast promote vision/mnist:v3 prod")
@click.argument("name")
@click.argument("alias")
@moved_option("--remove", "landfast unalias NAME ALIAS")
@partition_option("name")
def promote_command(client: Client, out: Output, name: str, alias: str) -> None:
    """Move ALIAS to the version NAME."""
    version = client.promote(name, alias)
    out.answer(version.to_dict(), [f"{alias} is now {version.qualified_name}"])


@command("unalias", example="landfast unalias vision/mnist staging")
@click.argument("name")
@click.argument("alias")
@partition_option("name")
def unalias_command(client: Client, out: Output, name: str, alias: str) -> None:
    """Remove ALIAS from NAME.

    If NAME has a version, only if ALIAS points to that version.
    """
    client.remove_alias(name, alias)
    bare = str(client.resolve_name(name).bare())
    out.answer({"name": bare, "alias": alias}, [f"{alias} removed"])


@command("tag", example="landfast tag vision/mnist:v3 audited raw")
@click.argument("name")
@click.argument("tags", nargs=-1, required=True)
@moved_option("--remove", "landfast untag NAME TAGS...")
@partition_option("name")
def tag_command(client: Client, out: Output, name: str, tags: tuple[str, ...]) -> None:
    """Add TAGS to the version NAME."""
    _tagged(out, client.update(name, add_tags=tags))


@command("untag", example="landfast untag vision/mnist:v3 raw")
@click.argument("name")
@click.argument("tags", nargs=-1, required=True)
@partition_option("name")
def untag_command(client: Client, out: Output, name: str, tags: tuple[str, ...]) -> None:
    """Remove TAGS from the version NAME."""
    _tagged(out, client.update(name, remove_tags=tags))


def _tagged(out: Output, version: ArtifactVersion) -> None:
    line = f"{version.qualified_name}: {', '.join(version.tags) or 'no tags'}"
    out.answer(version.to_dict(), [line])


@command("rm", example="landfast rm vision/mnist:v0")
@click.argument("name")
@click.option(
    "--delete-aliases", is_flag=True, help="Delete it even if aliases (latest included) name it."
)
@partition_option("name")
def rm_command(client: Client, out: Output, name: str, delete_aliases: bool) -> None:
    """Delete the version NAME; the objects it refers to stay."""
    version = client.delete(name, delete_aliases=delete_aliases)
    out.answer(
        version.to_dict(),
        [
            f"{version.qualified_name} is deleted; `landfast undelete` brings it back until `landfast gc` "
            "removes its manifest"
        ],
    )


@command("undelete", example="landfast undelete vision/mnist:v0")
@click.argument("name")
@partition_option("name")
def undelete_command(client: Client, out: Output, name: str) -> None:
    """Bring back a deleted version, until `gc` removes its manifest."""
    version = client.undelete(name)
    out.answer(version.to_dict(), [f"{version.qualified_name} is back"])
