"""`landfast snapshot`: log external data, one place or everything in snapshots.yaml."""

from __future__ import annotations

from typing import Any

import click

from landfast.cli.common import Output, command, log_options, show_plan, show_plans
from landfast.cli.feed.verdicts import look
from landfast.cli.help import config_schema_option
from landfast.cli.logs import exit_code
from landfast.cli.put import count_line, plan_put, put
from landfast.client import Client
from landfast.errors import InvalidInput, LandfastError
from landfast.model.snapshot_config import SnapshotConfig
from landfast.model.storage.hold_rule import HoldRule
from landfast.model.storage.verify_rule import VerifyRule
from landfast.version import ArtifactVersion

# What a file of snapshots leaves to the command line.
_OF_BOTH = frozenset({"--partition", "--workers"})


@command(
    "snapshot",
    example="""landfast snapshot vision/mnist s3://acme-data/mnist/
landfast snapshot --config snapshots.yaml""",
)
@click.argument("name", required=False)
@click.argument("uri", required=False)
@click.option(
    "--config", type=click.Path(), help="snapshots.yaml: snapshot everything in it, or only NAME."
)
@config_schema_option
@click.option(
    "--partition", metavar="KEY", help="Partition of NAME; fills {partition_key} in a config."
)
@log_options
def snapshot_command(
    client: Client,
    out: Output,
    name: str | None,
    uri: str | None,
    config: str | None,
    plan: bool,
    **given: Any,
) -> None:
    """Record URI as NAME if its content changed, or every snapshot of a config.

    With a config, it also applies holds: and verify: after the snapshots. A snapshot that fails does not
    stop the others. The exit code is that of the first failure.
    """
    if config is None:
        if name is None or uri is None:
            raise InvalidInput("snapshot needs NAME and URI, or --config FILE", subject="snapshot")
        if plan:
            show_plan(out, plan_put(client, place=uri, name=name, by_reference=True, **given))
        version = put(client, place=uri, name=name, by_reference=True, **given)
        out.answer(version.to_dict(), [_line(version)])
        return
    typed = {
        parameter.opts[0]: given[parameter.name]
        for parameter in click.get_current_context().command.params
        if parameter.name in given
    } | {"URI": uri}
    refused = [option for option, value in typed.items() if value and option not in _OF_BOTH]
    if refused:
        raise InvalidInput(
            f"{', '.join(refused)} cannot be given with --config",
            subject=refused[0],
            hint=f"Write it into {config}, which says it for each snapshot.",
        )
    chosen, holds, verified = _chosen(config, name)
    if plan:
        show_plans(
            out, [client.plan_snapshot(one, partition_key=given["partition"]) for one in chosen]
        )
    done = _Done()
    for one in chosen:
        done.snapshot(client, one, given["partition"], given["workers"])
    for rule in holds:
        done.keep(client, rule)
    for each in verified:
        done.verify(client, each)
    out.answer(done.results, done.lines)
    if done.failed:
        raise click.exceptions.Exit(done.failed)


def _chosen(
    path: str, only: str | None
) -> tuple[list[SnapshotConfig], list[HoldRule], list[VerifyRule]]:
    """Return what a file says, or the one snapshot that is asked for."""
    from landfast.snapshots_file import load_holds, load_snapshots, load_verify

    # All of the file is read before the first of it is done.
    configs, holds, verified = load_snapshots(path), load_holds(path), load_verify(path)
    if only is None:
        return configs, holds, verified
    chosen = [config for config in configs if config.name == only]
    if not chosen:
        raise InvalidInput(f"{path} has no snapshot named {only!r}", subject=only)
    return chosen, [], []


class _Done:
    """What became of each entry of a file; one that fails does not stop the others."""

    def __init__(self) -> None:
        self.results: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.failed = 0

    def snapshot(
        self, client: Client, config: SnapshotConfig, partition: str | None, workers: int | None
    ) -> None:
        try:
            version = client.snapshot(config, partition_key=partition, workers=workers)
        except LandfastError as error:
            self._fail(config.name, config.name, error)
        else:
            self.results.append(version.to_dict())
            self.lines.append(_line(version))

    def keep(self, client: Client, rule: HoldRule) -> None:
        try:
            reports = client.keep_holds([rule])
        except LandfastError as error:
            self._fail(rule.name, f"hold of {rule.name}", error)
        else:
            self.results += [report.to_dict() for report in reports]
            self.lines += [f"{one.act:<10} {one.version}  {one.summary}" for one in reports]

    def verify(self, client: Client, rule: VerifyRule) -> None:
        found = look(client, rule)
        self.results += found.results
        self.lines += found.lines
        self.failed = self.failed or found.exit_code

    def _fail(self, name: str, what: str, error: LandfastError) -> None:
        self.failed = self.failed or exit_code(error)
        self.results.append({"name": name, "error": type(error).__name__, "message": str(error)})
        self.lines.append(f"failed     {what}: {error}")


def _line(version: ArtifactVersion) -> str:
    state = "created" if version.created else "returned" if version.changed else "unchanged"
    return f"{state:<10} {version.qualified_name}  {count_line(version)}"
