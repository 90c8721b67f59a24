"""`landfast demo`: the main job, from a folder to a pinned download, on this machine alone."""

from __future__ import annotations

import sys

import click


@click.command("demo")
@click.option(
    "--root", type=click.Path(), help="Where it works [default: a temporary folder that is kept]."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value of everything claimed.")
@click.option("--serve", is_flag=True, help="Keep the S3 server running at the end, until Ctrl-C.")
def demo_command(root: str | None, as_json: bool, serve: bool) -> None:
    """Snapshot, train, change, diff, trace, verify and download: every step says which command does it by hand."""
    from landfast.cli.common import exit_code, fail
    from landfast.demo import run_demo
    from landfast.errors import LandfastError

    try:
        run_demo(root, as_json=as_json, serve=serve)
    except LandfastError as error:
        fail(str(error), exit_code(error))
    sys.exit(0)
