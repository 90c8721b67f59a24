"""Watch: which changes of an artifact an asset's events still have to tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import landfast

from landfast_provider.assets import artifact_asset, full_name
from landfast_provider.events import consumer, event_extra


class Watch:
    """Follows an artifact in a registry, for one asset; used by one thread at a time.

    What was told is kept by the registry, under the name that the operators of this Airflow use too: a change
    is told once, whoever tells it, and a restarted triggerer goes on where the last one stopped.

    Args:
        client: Of the registry.
        artifact: ``[[entity/]project/]collection``, which means all its partitions, or one with ``~PARTITION``.
    """

    def __init__(self, client: landfast.Client, artifact: str) -> None:
        self._client = client
        self._name = full_name(artifact)
        self._consumer = consumer(artifact_asset(self._name))
        self._seen: dict[str, landfast.ArtifactName] = {}
        self._unsettled: list[landfast.Change] = []

    def look(self) -> list[dict[str, Any]]:
        """Return what the events to emit now say, oldest change first; mostly nothing.

        The first look of an asset that was never told anything tells the newest change only.
        """
        latest = self._latest()
        moved = [name for key, name in latest.items() if self._seen.get(key) != name]
        if not moved:
            return []
        self.settle()
        pending = [self._client.pending_announcement(name, self._consumer) for name in moved]
        due = sorted((each for each in pending if each), key=lambda change: change.position)
        if not self._client.announced_position(self._consumer):
            for old in due[:-1]:
                self._client.mark_announced(self._consumer, old)
            due = due[-1:]
        events = [event_extra(self._client.get(change.version), change) for change in due]
        self._seen.update(latest)
        self._unsettled = due
        return events

    def settle(self) -> None:
        """Record that what the last look returned is told: a triggerer that starts anew does not repeat it."""
        while self._unsettled:
            self._client.mark_announced(self._consumer, self._unsettled[0])
            del self._unsettled[0]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _latest(self) -> dict[str, landfast.ArtifactName]:
        try:
            if self._name.partition:
                return {self._name.partition: self._client.get(self._name).full_name}
            found = self._client.partitions(replace(self._name, partition=""))
        except landfast.NotFound:
            return {}
        return {key: version.full_name for key, version in found.items()}
