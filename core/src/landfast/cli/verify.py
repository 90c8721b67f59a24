"""`landfast verify`: are the recorded bytes still at their source?"""

from __future__ import annotations

import click

from landfast.cli.common import Output, command, partition_option, show_plan
from landfast.client import Client

_SHOWN = 50


@command("verify", example="landfast verify vision/mnist:prod")
@click.argument("name")
@click.option(
    "--deep", is_flag=True, help="Read files again, whatever their modification time says."
)
@click.option("--plan", is_flag=True, help="Only say what would be asked for, in numbers.")
@click.option("--any-endpoint", is_flag=True, help="Look through another endpoint than recorded.")
@partition_option("name")
def verify_command(
    client: Client, out: Output, name: str, deep: bool, plan: bool, any_endpoint: bool
) -> None:
    """Compare every entry of NAME with what the stores have now.

    It reads list pages, and files only with --deep.

    Exit codes: 0 everything is intact or moved; 3 drifted, the recorded bytes can still be had; 4 some are lost; 5
    undecided.
    """
    version = client.get(name)
    if plan:
        show_plan(out, version.plan_verify(deep=deep, any_endpoint=any_endpoint))
    report = client.verify(version, deep=deep, any_endpoint=any_endpoint)
    lines = [
        f"{row.verdict}: {row.path}" + (f" ({row.detail})" if row.detail else "")
        for row in report.rows[:_SHOWN]
    ]
    lines += [f"denied: {denial.message}" for denial in report.denials]
    head = {"version": version.qualified_name, **report.to_dict(rows=False)}
    rows = (row.to_dict() for row in report.rows)
    out.stream(head, "rows", rows, [*lines, f"{version.qualified_name}: {report.summary}"])
    raise click.exceptions.Exit(report.exit_code)
