"""`landfast doctor`: can this place be recorded and read back, with which permissions, and for how long?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from landfast.cli.common import Output, command
from landfast.client import Client
from landfast.errors import InvalidInput, LandfastError
from landfast.model.location import Location
from landfast.model.retention.place import PlaceRetention


@command("doctor", example="landfast doctor s3://acme-data/mnist/")
@click.argument("uri")
@click.option(
    "--lifecycle",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rules as you sent them (JSON, XML, `terraform show -json`): print where the stored rules differ.",
)
def doctor_command(client: Client, out: Output, uri: str, lifecycle: Path | None) -> None:
    """Test whether URI can be recorded and read back, and for how long.

    It tries listing, versioning and a pinned read, and prints the minimal permissions and what the bucket's
    rules will do to the objects.
    """
    from landfast.upkeep.doctor import doctor

    report = doctor(uri, client.context.stores)
    told, lines, stays = _stay(client, uri, lifecycle)
    out.answer({**report.to_dict(), "retention": told}, [*report.lines(), *lines])
    raise click.exceptions.Exit(0 if report.ok and stays else 1)


def _stay(
    client: Client, uri: str, lifecycle: Path | None
) -> tuple[dict[str, Any] | None, list[str], bool]:
    """Return what the rules of the bucket do, as JSON and as lines, and whether they are no worse than was sent."""
    head = ["", "How long what lies here stays:"]
    try:
        found = _retention(client, uri, lifecycle)
    except LandfastError as error:
        if lifecycle is not None:
            raise
        return (
            {"error": type(error).__name__, "message": str(error)},
            [*head, f"not told: {error}"],
            True,
        )
    if found is None:
        return None, [], True
    return found.to_dict(), [*head, *found.lines()], found.ok


def _retention(client: Client, uri: str, lifecycle: Path | None) -> PlaceRetention | None:
    """Look at what the rules of the bucket do; None where there are no buckets with rules."""
    from landfast.retention.buckets import tells_rules
    from landfast.retention.place import look_at

    location = Location.parse(uri)
    store = client.context.stores.at(location)
    if tells_rules(store):
        sent = None if lifecycle is None else lifecycle.read_text(encoding="utf-8")
        return look_at(store, location, sent=sent)
    if lifecycle is not None:
        raise InvalidInput(f"{location} is in no bucket whose rules can be read", subject=uri)
    return None
