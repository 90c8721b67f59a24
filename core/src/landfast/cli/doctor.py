"""`landfast doctor`: can this place be recorded and read back, and with which permissions?"""

from __future__ import annotations

import click

from landfast.cli.common import Output, command
from landfast.client import Client


@command("doctor", example="landfast doctor s3://acme-data/mnist/")
@click.argument("uri")
def doctor_command(client: Client, out: Output, uri: str) -> None:
    """Test whether URI can be recorded and read back.

    It tries listing, versioning and a pinned read, and prints the minimal permissions.
    """
    from landfast.upkeep.doctor import doctor

    report = doctor(uri, client.context.stores)
    out.answer(report.to_dict(), report.lines())
    raise click.exceptions.Exit(0 if report.ok else 1)
