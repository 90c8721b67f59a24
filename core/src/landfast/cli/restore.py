"""`landfast restore`: bring archived objects of a version back."""

from __future__ import annotations

from collections.abc import Iterator

import click

from landfast.cli.common import Output, command, partition_option, show_plan
from landfast.client import Client
from landfast.model.storage.archive import DEFAULT_DAYS, Tier
from landfast.model.storage.restore import RestoreReport
from landfast.model.verdict import EXIT_LOST

_TIERS = click.Choice([str(tier) for tier in Tier], case_sensitive=False)


@command("restore", example="landfast restore vision/scans --tier Bulk --wait")
@click.argument("name")
@click.option(
    "--tier", type=_TIERS, default=str(Tier.STANDARD), show_default=True, help="How fast."
)
@click.option(
    "--days",
    type=click.IntRange(1),
    default=DEFAULT_DAYS,
    show_default=True,
    help="How long restored copies stay.",
)
@click.option(
    "--path", "include", multiple=True, metavar="GLOB", help="Only these paths; may be repeated."
)
@click.option("--wait", is_flag=True, help="Wait until everything can be read.")
@click.option("--timeout", type=float, metavar="HOURS", help="The longest wait.")
@click.option(
    "--plan", is_flag=True, help="Print what the command would request, in numbers, and do nothing."
)
@click.option("--any-endpoint", is_flag=True, help="Use an endpoint other than the recorded one.")
@partition_option("name")
def restore_command(
    client: Client,
    out: Output,
    name: str,
    tier: str,
    days: int,
    include: tuple[str, ...],
    wait: bool,
    timeout: float | None,
    plan: bool,
    any_endpoint: bool,
) -> None:
    """Ask stores to restore the objects of NAME that are in an archive.

    Objects that are already requested or restored are left alone.

    Exit codes: 0 requested, or readable; 4 some of the recorded bytes are lost; 15 not done within --timeout.
    """
    version = client.get(name)
    named = Tier(tier.capitalize()).value
    if plan:
        show_plan(
            out,
            version.plan_restore(tier=named, days=days, include=include, any_endpoint=any_endpoint),
        )
    report = version.restore(
        tier=named,
        days=days,
        include=include,
        any_endpoint=any_endpoint,
        wait=wait,
        timeout=None if timeout is None else timeout * 3600,
    )
    out.answer(report.to_dict(), _lines(report))
    raise click.exceptions.Exit(0 if report.ok else EXIT_LOST)


def _lines(report: RestoreReport) -> Iterator[str]:
    yield f"{report.name}: {report.summary}"
    if report.asked or report.under_way:
        yield f"{report.tier} takes {report.takes}; --wait waits, and says until when the copies stay."
    for problem in report.problems:
        yield from (f"{problem.message}: {uri}" for uri in problem.examples)
