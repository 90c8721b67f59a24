"""`landfast registry`: make, upgrade and describe a registry."""

from __future__ import annotations

from dataclasses import asdict, replace

import click

from landfast.cli.common import Output, command
from landfast.client import Client
from landfast.registry.values import RegistryInfo


@click.group("registry")
def registry_command() -> None:
    """Make, upgrade and describe a registry."""


@command("init")
@click.argument("where", metavar="URL")
@click.option(
    "--store", metavar="URL", help="Where manifests and managed files lie: a folder, s3://, gs://."
)
def init_command(client: Client, out: Output, where: str, store: str | None) -> None:
    """Make a registry at URL (sqlite:///PATH or postgresql://...)."""
    settings = replace(
        client.settings, registry_url=where, store_url=store or client.settings.store_url
    )
    _say(out, "ready", Client(settings=settings).init_registry())


@command("upgrade")
@click.argument("where", metavar="[URL]", required=False)
def upgrade_command(client: Client, out: Output, where: str | None) -> None:
    """Bring the registry's schema to this version of landfast."""
    from landfast.registry.opener import upgrade_registry

    _say(out, "upgraded", upgrade_registry(where or client.settings.effective_registry_url))


@command("adopt")
@click.argument("where", metavar="[URL]", required=False)
def adopt_command(client: Client, out: Output, where: str | None) -> None:
    """Say that the registry's store belongs to it.

    For a registry whose database was moved away from where the store knows it, and for one whose store belonged to a
    registry that is gone for good. A copy of a registry that goes on gets a store of its own instead: `fork`.
    """
    _say(out, "adopted", _at(client, where).adopt_store())


@command("fork")
@click.argument("where", metavar="[URL]", required=False)
@click.option(
    "--store", metavar="URL", required=True, help="A new folder, s3://, gs:// for its blobs."
)
def fork_command(client: Client, out: Output, where: str | None, store: str) -> None:
    """Give a copy of a registry an id and a store of its own; its blobs are copied there."""
    _say(out, "forked", _at(client, where).fork_registry(store))


@command("info")
def info_command(client: Client, out: Output) -> None:
    """Describe the registry in use."""
    _say(out, "registry", client.registry.info)


@command("check")
@click.option("--deep", is_flag=True, help="Read every blob again; else a listing tells.")
def check_command(client: Client, out: Output, deep: bool) -> None:
    """Look whether the store has every manifest and managed file of every live version.

    Exit codes: 0 nothing is missing; 6 blobs are missing or damaged, or the store is another registry's.
    """
    report = client.check_registry(deep=deep)
    lines = [f"label: {report.label}"] if report.label else []
    for row in report.problems:
        what = f"{row.kind} of {row.version}" + (f", {row.path}" if row.path else "")
        lines.append(f"{row.verdict}: {what} ({row.detail or row.sha256}). {row.mend}")
    out.answer(report.to_dict(), [*lines, f"{report.registry}: {report.summary}"])
    raise click.exceptions.Exit(report.exit_code)


def _at(client: Client, where: str | None) -> Client:
    return Client(settings=replace(client.settings, registry_url=where)) if where else client


def _say(out: Output, what: str, info: RegistryInfo) -> None:
    value = asdict(info)
    out.answer(
        value,
        [f"{what} {info.url}", *(f"  {key:<14} {value[key]}" for key in value if key != "url")],
    )


registry_command.add_command(init_command)
registry_command.add_command(upgrade_command)
registry_command.add_command(adopt_command)
registry_command.add_command(fork_command)
registry_command.add_command(check_command)
registry_command.add_command(info_command)
