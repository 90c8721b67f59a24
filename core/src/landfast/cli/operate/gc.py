"""`landfast gc`: expire versions and remove blobs that nothing names."""

from __future__ import annotations

from datetime import timedelta

import click

from landfast.cli.common import Output, command
from landfast.client import Client


@command("gc", example="landfast gc --apply")
@click.option(
    "--grace-hours",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="Keep blobs younger than this.",
)
@click.option("--apply", is_flag=True, help="Do it, instead of printing what it would do.")
def gc_command(client: Client, out: Output, grace_hours: float, apply: bool) -> None:
    """Expire versions past their time to live, and remove unused blobs."""
    report = client.gc(grace=timedelta(hours=grace_hours), dry_run=not apply)
    lines = [f"expired {record.name}" for record in report.expired]
    out.answer(report.to_dict(), [*lines, report.summary + ("" if apply else "; --apply does it")])
