"""`landfast cache`: what the download cache holds, and making it smaller."""

from __future__ import annotations

import click

from landfast.cli.common import Output, command, human_size
from landfast.cli.help import HelpGroup
from landfast.client import Client
from landfast.errors import InvalidInput
from landfast.settings import parse_size


@click.group("cache", cls=HelpGroup)
def cache_command() -> None:
    """Look at the download cache, or make it smaller."""


@command("info", example="landfast cache info")
def info_command(client: Client, out: Output) -> None:
    """Show where the cache is and how much it holds."""
    usage = client.context.cache.usage()
    out.answer(
        {
            "folder": str(usage.folder),
            "files": usage.count,
            "bytes": usage.size,
            "max_bytes": usage.max_bytes,
        },
        [f"{client.settings.cache_dir}: {usage.count} files, {human_size(usage.size)}"],
    )


@command("cleanup", example="landfast cache cleanup 10GB")
@click.argument("size", required=False)
@click.option("--all", "everything", is_flag=True, help="Empty the cache.")
def cleanup_command(client: Client, out: Output, size: str | None, everything: bool) -> None:
    """Remove the least recently used files until at most SIZE (such as 10GB) is left, or all with --all."""
    if (size is None) is not everything:
        raise InvalidInput(
            "what shall be removed?", expected="either a SIZE that may stay, such as 10GB, or --all"
        )
    size = "0" if size is None else size
    freed = client.context.cache.trim(parse_size(size, "SIZE"))
    out.answer({"freed": freed}, [f"freed {human_size(freed)}"])


cache_command.add_command(info_command)
cache_command.add_command(cleanup_command)
