"""`landfast doctor`: can this place be recorded and read back, and with which permissions?"""

from __future__ import annotations

import click

from landfast.cli.common import Output, command
from landfast.client import Client


@command("doctor")
@click.argument("uri")
def doctor_command(client: Client, out: Output, uri: str) -> None:
    """Test listing, versioning and a pinned read of URI, and print the minimal permissions."""
    from landfast.upkeep.doctor import doctor

    report = doctor(uri, client.context.stores)
    out.answer(report.to_dict(), report.lines())
    raise click.exceptions.Exit(0 if report.ok else 1)
