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
        artifact: ``[[entity/]project/]collection``, which means all its partitions, or one with ``~PARTITION``.
    """

    def __init__(self, artifact: str) -> None:
        self._name = full_name(artifact)
        self._registry = ""
        self._seen: dict[str, landfast.ArtifactName] = {}
        self._unsettled: list[landfast.Change] = []

    def look(self, client: landfast.Client) -> list[dict[str, Any]]:
        """Return what the events to emit now say, oldest change first; mostly nothing.

        The first look of an asset that was never told anything tells the newest change only.
        """
        if client.registry.info.id != self._registry:
            self._registry, self._seen, self._unsettled = client.registry.info.id, {}, []
        latest = self._latest(client)
        moved = [name for key, name in latest.items() if self._seen.get(key) != name]
        if not moved:
            return []
        self.settle(client)
        told = consumer(artifact_asset(self._name))
        pending = [client.pending_announcement(name, told) for name in moved]
        due = sorted((each for each in pending if each), key=lambda change: change.position)
        if not client.announced_position(told):
            for old in due[:-1]:
                client.mark_announced(told, old)
            due = due[-1:]
        events = [event_extra(client.get(change.version), change) for change in due]
        self._seen.update(latest)
        self._unsettled = due
        return events

    def settle(self, client: landfast.Client) -> None:
        """Record that what the last look returned is told: a triggerer that starts anew does not repeat it."""
        while self._unsettled:
            client.mark_announced(consumer(artifact_asset(self._name)), self._unsettled[0])
            del self._unsettled[0]

    def _latest(self, client: landfast.Client) -> dict[str, landfast.ArtifactName]:
        try:
            if self._name.partition:
                return {self._name.partition: client.get(self._name).full_name}
            found = client.partitions(replace(self._name, partition=""))
        except landfast.NotFound:
            return {}
        return {key: version.full_name for key, version in found.items()}
