"""`landfast hold`, `release`, `copy`: let stores promise that what a version refers to stays, or keep it ourselves."""

from __future__ import annotations

import click

from landfast.cli.common import Output, command, partition_option, show_plan
from landfast.client import Client
from landfast.model.storage.holds import HoldKind, HoldRecord


@command("hold", example="landfast hold vision/mnist:prod --reason 'the model of May'")
@click.argument("name", required=False)
@click.option("--config", type=click.Path(), help="snapshots.yaml: apply its holds: section now.")
@click.option(
    "--plan",
    is_flag=True,
    help="Print what would be sent and what prevents a hold, and do nothing.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in HoldKind]),
    help="Kind of hold [default: legal-hold on S3, temporary-hold on gs://].",
)
@click.option("--reason", default="", help="Reason, for readers of the list of holds.")
@click.option("--partial", is_flag=True, help="If something cannot be held, hold the rest.")
@click.option("--any-endpoint", is_flag=True, help="Use an endpoint other than the recorded one.")
@click.option(
    "--own-store", is_flag=True, help="Also hold the version's files in the registry's own store."
)
@partition_option("name")
def hold_command(
    client: Client,
    out: Output,
    name: str | None,
    config: str | None,
    plan: bool,
    kind: str | None,
    reason: str,
    partial: bool,
    any_endpoint: bool,
    own_store: bool,
) -> None:
    """Put a hold on every object version that NAME recorded, until `landfast release`; without NAME, list holds.

    Exit codes: 0 everything is held; 3 with --plan or --partial, something cannot be held.
    """
    if name is None:
        _without_name(client, out, config)
        return
    if plan:
        found = client.plan_hold(name, kind=kind, any_endpoint=any_endpoint, own_store=own_store)
        out.answer(found.to_dict(), found.lines())
        raise click.exceptions.Exit(0 if found.ok else 3)
    done = client.hold(
        name,
        kind=kind,
        reason=reason,
        partial=partial,
        any_endpoint=any_endpoint,
        own_store=own_store,
    )
    out.answer(done.to_dict(), done.lines())
    raise click.exceptions.Exit(0 if done.ok else 3)


def _without_name(client: Client, out: Output, config: str | None) -> None:
    if config is not None:
        from landfast.snapshots_file import load_holds

        reports = client.keep_holds(load_holds(config))
        out.answer(
            [report.to_dict() for report in reports],
            [line for report in reports for line in report.lines()],
        )
        raise click.exceptions.Exit(0 if all(report.ok for report in reports) else 3)
    records = list(client.registry.holds.records())
    out.answer([record.to_dict() for record in records], map(_line, records))


def _line(record: HoldRecord) -> str:
    state = "ending" if record.ending else "held" if record.complete else "begun"
    words = (state, str(record.version), record.holder or "by hand", record.reason)
    return "  ".join(word for word in words if word)


@command("release", example="landfast release vision/mnist:prod")
@click.argument("name")
@click.option("--holder", help="Release only the hold of this holder [default: all].")
@partition_option("name")
def release_command(client: Client, out: Output, name: str, holder: str | None) -> None:
    """Release the hold of NAME; objects that other held versions need, or that others hold, stay held."""
    done = client.release(name, holder=holder)
    out.answer(done.to_dict(), done.lines())


@command("copy", example="landfast copy vision/mnist:prod --plan")
@click.argument("name")
@click.option(
    "--all", "everything", is_flag=True, help="Also copy files that their store can hold."
)
@click.option(
    "--plan",
    is_flag=True,
    help="Print what the command would read and store, in numbers, and do nothing.",
)
@click.option("--any-endpoint", is_flag=True, help="Use an endpoint other than the recorded one.")
@partition_option("name")
def copy_command(
    client: Client, out: Output, name: str, everything: bool, plan: bool, any_endpoint: bool
) -> None:
    """Copy the files of NAME that no hold can protect into the registry's store, as the same version.

    From then on, NAME is read from there, even if the originals are gone. If it is interrupted, run it
    again: it continues.
    """
    if plan:
        show_plan(out, client.plan_copy(name, everything=everything, any_endpoint=any_endpoint))
    done = client.copy(name, everything=everything, any_endpoint=any_endpoint)
    out.answer(done.to_dict(), done.lines())
