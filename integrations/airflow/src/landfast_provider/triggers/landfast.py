"""LandfastArtifactTrigger: wake DAGs when an artifact changes in the registry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from typing import Any

import landfast
from airflow.sdk import AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from landfast_provider.hooks.landfast import DEFAULT_CONN_ID
from landfast_provider.triggers.patience import PatientClient, stored
from landfast_provider.triggers.watch import Watch

# The triggerer stores an event within a second or two of its yield; only then it counts as told.
_STORED_S = 5.0


class LandfastArtifactTrigger(BaseEventTrigger):
    """Emit an event for each change of an artifact; `artifact_asset(watch=True)` makes one.

    An event is emitted at least once for each change, in order, also for one that was superseded before it was
    looked for: a triggerer that starts anew goes on where the last one stopped, because the registry remembers
    what was told.  The first watcher of an artifact tells its newest version.

    Args:
        artifact: ``[[entity/]project/]collection``, which means all its partitions, or one with ``~PARTITION``.
        poll_interval: Seconds between two looks.
        landfast_conn_id: The connection.

    Example:
        >>> watcher = AssetWatcher(name="corpus", trigger=LandfastArtifactTrigger(artifact="nlp/corpus"))
    """

    def __init__(
        self,
        *,
        artifact: str,
        poll_interval: float = 60.0,
        landfast_conn_id: str = DEFAULT_CONN_ID,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.artifact = artifact
        self.poll_interval = poll_interval
        self.landfast_conn_id = landfast_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return how to make it again: names and ids, no credentials."""
        return stored(self, "artifact", "poll_interval", "landfast_conn_id")

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each change, for ever."""
        # An error would only make Airflow start the trigger anew at once, for ever.
        client = PatientClient(self.landfast_conn_id, bears=(landfast.LandfastError,))
        watch = self._watch()
        told_at = float("inf")
        try:
            while True:
                for extra in await client.ask(watch.look) or ():
                    told_at = time.monotonic()
                    yield TriggerEvent(extra)  # type: ignore[no-untyped-call]
                await asyncio.sleep(self.poll_interval)
                if time.monotonic() - told_at >= _STORED_S:
                    await client.ask(watch.settle)
                    told_at = float("inf")
        finally:
            client.close()

    def _watch(self) -> Watch:
        return Watch(self.artifact)


class LandfastVerdictTrigger(LandfastArtifactTrigger):
    """Emit an event for each change of a verdict on what aliases of an artifact name; `artifact_verdict` makes one.

    `landfast.Client.verify_aliases` or ``landfast verify --aliases``, on a schedule, finds that out, whoever runs it.
    The event has `verdict` and `previous_verdict`.  It begins with the first change after its first look.

    Args:
        artifact: As for `LandfastArtifactTrigger`.
        verdicts: Only changes to these, such as ``gone``, ``changed``; none is every change, also back to ``intact``.
        poll_interval: Seconds between two looks.
        landfast_conn_id: The connection.

    Raises:
        InvalidInput: If a verdict is none.

    Example:
        >>> watcher = AssetWatcher(name="corpus", trigger=LandfastVerdictTrigger(artifact="nlp/corpus"))
    """

    def __init__(
        self,
        *,
        artifact: str,
        verdicts: Collection[str] = (),
        poll_interval: float = 60.0,
        landfast_conn_id: str = DEFAULT_CONN_ID,
    ) -> None:
        super().__init__(
            artifact=artifact, poll_interval=poll_interval, landfast_conn_id=landfast_conn_id
        )
        self.verdicts = sorted(landfast.check_verdicts(verdicts)) if verdicts else []

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return how to make it again: names and ids, no credentials."""
        return stored(self, "artifact", "verdicts", "poll_interval", "landfast_conn_id")

    def _watch(self) -> Watch:
        return Watch(self.artifact, verdicts=landfast.check_verdicts(self.verdicts))


def artifact_watcher(
    artifact: str, *, poll_interval: float = 60.0, landfast_conn_id: str | None = None
) -> AssetWatcher:
    """Return the watcher of an artifact's asset.

    Args:
        artifact: Its full name.
        poll_interval: Seconds between two looks.
        landfast_conn_id: The connection; None is ``landfast_default``.
    """
    trigger = LandfastArtifactTrigger(
        artifact=artifact,
        poll_interval=poll_interval,
        landfast_conn_id=landfast_conn_id or DEFAULT_CONN_ID,
    )
    return AssetWatcher(name=f"landfast {artifact}", trigger=trigger)
