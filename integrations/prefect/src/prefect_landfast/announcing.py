"""Announce: say what a log changed, to people in a report and to automations in an event."""

from __future__ import annotations

import landfast

from prefect_landfast import events, report


def announce(client: landfast.Client, version: landfast.ArtifactVersion) -> None:
    """Tell Prefect of the change that a log made, or an earlier try of the same run.

    Raises:
        landfast.Unavailable: If Prefect does not take it; the version is recorded all the same, and a
            retry tells of it again.
    """
    name = version.full_name.bare()
    report.publish(client, name)
    events.announce(client, name)
