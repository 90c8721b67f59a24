"""`landfast ui`: pages of artifacts, versions, files and lineage in a browser."""

from __future__ import annotations

import click

from landfast.cli.common import Output, command
from landfast.client import Client


@command("ui", example="landfast ui --port 8080 --no-open")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=4747, show_default=True, help="Port; 0 takes any free one.")
@click.option(
    "--open/--no-open", "opens", default=True, show_default=True, help="Open the browser."
)
@click.option(
    "--allow-remote", is_flag=True, help="Listen on another address than this machine's own."
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name that the server is called by; may be repeated.",
)
@click.option("--root-path", default="", metavar="PATH", help="Where a proxy serves the pages.")
@click.option(
    "--previews",
    type=click.Choice(["presigned", "proxy", "none"]),
    default="presigned",
    show_default=True,
    help="How a browser gets the bytes of a preview.",
)
def ui_command(
    client: Client,
    out: Output,
    host: str,
    port: int,
    root_path: str,
    previews: str,
    hosts: tuple[str, ...],
    *,
    opens: bool,
    allow_remote: bool,
) -> None:
    """Show the registry in a browser, read-only, until Ctrl-C."""
    from landfast.web.server import Address, serve

    address = Address(host=host, port=port, root_path=root_path, hosts=hosts)
    serve(
        client,
        address,
        say=out.note,
        opens=opens,
        allow_remote=allow_remote,
        previews=previews,
    )
