"""`landfast demo`: the main job, from a folder to a pinned download, on this machine alone."""

from __future__ import annotations

import sys

import click

from landfast.cli.help import HelpCommand, schema_option


@click.command("demo", cls=HelpCommand, example="landfast demo --ui")
@click.option(
    "--root",
    type=click.Path(),
    help="Folder to work in [default: a temporary folder that is kept].",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value of everything claimed.")
@schema_option
@click.option("--serve", is_flag=True, help="Keep the S3 server running at the end, until Ctrl-C.")
@click.option("--ui", is_flag=True, help="Show what was recorded in a browser, until Ctrl-C.")
@click.option("--port", default=4747, show_default=True, help="Port of the pages; 0: any free one.")
@click.option(
    "--open/--no-open", "opens", default=True, show_default=True, help="Open the browser."
)
def demo_command(
    *, root: str | None, as_json: bool, serve: bool, ui: bool, port: int, opens: bool
) -> None:
    """Show the main job on this machine alone, step by step.

    Snapshot, train, change, diff, trace, verify, download: every step names the command that does it by hand.
    """
    from landfast.cli.logs import fail_for
    from landfast.demo import ending, run_demo
    from landfast.errors import LandfastError

    try:
        run_demo(root, as_json=as_json, end=ending(serve=serve, ui=ui, port=port, opens=opens))
    except LandfastError as error:
        fail_for(error)
    sys.exit(0)
