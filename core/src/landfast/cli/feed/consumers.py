"""`landfast registry consumers`: who follows, and how far behind."""

from __future__ import annotations

from landfast.cli.common import Output, command
from landfast.client import Client


@command("consumers", example="landfast registry consumers")
def consumers_command(client: Client, out: Output) -> None:
    """List the consumers of the feeds, and how far behind each is.

    HELD BY is the process that reads the feed now.
    """
    found = client.registry.consumers.records()
    rows = [
        (one.name, one.stream, one.position, one.behind, f"{one.moved_at:%F %T}", one.holder or "-")
        for one in found
    ]
    header = ("CONSUMER", "STREAM", "POSITION", "BEHIND", "MOVED (UTC)", "HELD BY")
    out.table([one.to_dict() for one in found], header, rows)
