"""`landfast verify`: are the recorded bytes still at their source, and how long will they stay?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from landfast.cli.common import Output, command, partition_option, show_plan
from landfast.cli.feed.verdicts import tell_aliases, tell_rules
from landfast.client import Client
from landfast.errors import InvalidInput
from landfast.model.options import VerifyOptions
from landfast.model.retention.report import Outlook, RetentionReport
from landfast.model.storage.verify_rule import VerifyRule
from landfast.settings import parse_days

_SHOWN = 50


@command("verify", example="landfast verify vision/mnist:prod")
@click.argument("name", required=False)
@click.option(
    "--aliases",
    metavar="ALIAS,...",
    help="Verify the versions that these aliases of NAME (or, with --all, of the project) name; "
    "a verdict that changed is a row of the feed.",
)
@click.option("--all", "everything", is_flag=True, help="With --aliases: verify the whole project.")
@click.option(
    "--config",
    type=click.Path(),
    help="snapshots.yaml: verify what its verify: section names, or only the part about NAME.",
)
@click.option(
    "--deep", is_flag=True, help="Read files again, even if their modification time is unchanged."
)
@click.option(
    "--plan", is_flag=True, help="Print what the command would request, in numbers, and do nothing."
)
@click.option("--any-endpoint", is_flag=True, help="Use an endpoint other than the recorded one.")
@click.option(
    "--retention",
    is_flag=True,
    help="Also print when bucket rules can remove or archive recorded objects.",
)
@click.option(
    "--within",
    metavar="DAYS",
    help="Dates nearer than this are a failure: 30d, 12w [default: 30d]. Implies --retention.",
)
@click.option(
    "--locks",
    is_flag=True,
    help="Ask for the holds of each object version that would expire: two requests each. Implies --retention.",
)
@partition_option("name")
def verify_command(
    client: Client,
    out: Output,
    name: str | None,
    aliases: str | None,
    everything: bool,
    config: str | None,
    deep: bool,
    plan: bool,
    any_endpoint: bool,
    retention: bool,
    within: str | None,
    locks: bool,
) -> None:
    """Compare every entry of NAME with what its store has now.

    It reads list pages. It reads files only with --deep.

    Exit codes: 0 everything is intact or moved; 3 drifted, and the recorded bytes can still be read; 4 some
    are lost; 5 undecided; 6 bucket rules remove or archive some within the time given.
    """
    if config is not None:
        if everything or aliases or deep or plan or retention or within is not None or locks:
            raise InvalidInput(
                "--config goes with NAME and --any-endpoint only",
                subject="--config",
                hint=f"{config} says what is looked at.",
            )
        tell_rules(out, client, _rules(config, name), any_endpoint=any_endpoint)
    if (name is None) is not everything or (everything and aliases is None):
        raise InvalidInput(
            "verify needs one thing to look at",
            expected="NAME, NAME with --aliases, --all with --aliases, or --config FILE",
            hint="landfast verify --aliases prod --all looks at what prod names in the project.",
        )
    if aliases is not None:
        if plan or retention or within is not None or locks:
            raise InvalidInput(
                "--plan, --retention, --within and --locks are of one NAME",
                subject="--aliases",
            )
        wanted = [alias for alias in aliases.split(",") if alias]
        names = [] if name is None else [name]
        options: VerifyOptions = {"deep": deep, "any_endpoint": any_endpoint}
        tell_aliases(out, client.verify_aliases(*names, aliases=wanted, **options))
    ahead = parse_days(within or "30d")
    version = client.get(str(name))
    if plan:
        show_plan(out, version.plan_verify(deep=deep, any_endpoint=any_endpoint))
    report = client.verify(version, deep=deep, any_endpoint=any_endpoint)
    lines = [
        f"{row.verdict}: {row.path}" + (f" ({row.detail})" if row.detail else "")
        for row in report.rows[:_SHOWN]
    ]
    lines += [f"denied: {denial.message}" for denial in report.denials]
    lines.append(f"{version.qualified_name}: {report.summary}")
    head: dict[str, Any] = {"version": version.qualified_name, **report.to_dict(rows=False)}
    more: dict[str, Iterator[Any]] = {}
    code = report.exit_code
    if retention or within is not None or locks:
        found = version.retention(within=ahead, locks=locks, any_endpoint=any_endpoint)
        lines += _ahead(found)
        head["retention"] = found.to_dict(rows=False)
        more["retention_rows"] = (row.to_dict() for row in found.rows)
        code = code or found.exit_code
        head["exit_code"] = code
    rows = (row.to_dict() for row in report.rows)
    out.stream(head, "rows", rows, lines, **more)
    raise click.exceptions.Exit(code)


def _rules(path: str, only: str | None) -> list[VerifyRule]:
    from landfast.snapshots_file import load_verify

    rules = [rule for rule in load_verify(path) if only in {None, rule.name}]
    if not rules:
        what = "says nothing of verify:" if only is None else f"verifies nothing of {only!r}"
        raise InvalidInput(
            f"{path} {what}", subject=only or path, expected="verify: with - aliases: [prod]"
        )
    return rules


def _ahead(report: RetentionReport) -> Iterator[str]:
    yield from report.lines()
    for row in [*report.manifests, *report.rows[:_SHOWN]]:
        first = row.first
        when = f" {first.at:%Y-%m-%d %H:%M} UTC" if first is not None else ""
        if first is not None or row.outlook in {Outlook.GONE, Outlook.UNKNOWN}:
            yield f"{row.outlook}{when}: {row.path}" + (f" ({row.detail})" if row.detail else "")
    yield f"retention: {report.summary}"
