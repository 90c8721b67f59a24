"""`landfast registry`: make, upgrade and describe a registry."""

from __future__ import annotations

from dataclasses import asdict

import click

from landfast.cli.common import Output, command
from landfast.client import Client
from landfast.registry.base import RegistryInfo


@click.group("registry")
def registry_command() -> None:
    """Make, upgrade and describe a registry."""


@command("init")
@click.argument("where", metavar="URL")
@click.option(
    "--store", metavar="URL", help="Where manifests and managed files lie: a folder, s3://, gs://."
)
def init_command(client: Client, out: Output, where: str, store: str | None) -> None:  # noqa: ARG001
    """Make a registry at URL (sqlite:///PATH or postgresql://...)."""
    from landfast.registry.opening import init_registry

    _say(out, "ready", init_registry(where, store_url=store))


@command("upgrade")
@click.argument("where", metavar="URL", required=False)
def upgrade_command(client: Client, out: Output, where: str | None) -> None:
    """Bring the registry's schema to this version of landfast."""
    from landfast.registry.opening import upgrade_registry

    _say(out, "upgraded", upgrade_registry(where or client.settings.effective_registry_url))


@command("info")
def info_command(client: Client, out: Output) -> None:
    """Describe the registry in use."""
    _say(out, "registry", client.registry.info)


def _say(out: Output, what: str, info: RegistryInfo) -> None:
    value = asdict(info)
    out.answer(
        value,
        [f"{what} {info.url}", *(f"  {key:<14} {value[key]}" for key in value if key != "url")],
    )


registry_command.add_command(init_command)
registry_command.add_command(upgrade_command)
registry_command.add_command(info_command)
