"""FlowClient: a client whose logs Prefect is told of, by whichever task or body they are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, Unpack

import landfast

from prefect_landfast import logs
from prefect_landfast.announcing import announce


class LogOptions(TypedDict, total=False):
    """As of `landfast.Client.log_artifact`."""

    aliases: Sequence[str]
    tags: Sequence[str]
    direction: landfast.Direction | None
    move_latest: bool


class FlowClient(landfast.Client):
    """A client that says in the run's log what each log found, and announces the change."""

    def log_artifact(
        self, draft: landfast.Draft, **how: Unpack[LogOptions]
    ) -> landfast.ArtifactVersion:
        """Log a draft, as `landfast.Client.log_artifact` does.

        Raises:
            landfast.Unavailable: If Prefect does not take the announcement; the version is recorded.
        """
        version = super().log_artifact(draft, **how)
        logs.logger().info("%s: %s", version.full_name.bare(), version.outcome)
        announce(self, version)
        return version
