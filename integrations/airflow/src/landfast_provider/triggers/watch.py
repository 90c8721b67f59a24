"""Watch: which changes of an artifact an asset's events still have to tell."""

from __future__ import annotations

from typing import Any

import landfast

from landfast_provider.assets import artifact_asset, full_name
from landfast_provider.events import consumer, event_extra
from landfast_provider.run_key import SYSTEM, deployment


class Watch:
    """Follows an artifact in the registry's feed, for one asset; used by one thread at a time.

    Every change is told, in order, also one that was superseded before the look.  What was told is kept by the
    registry, under the name that the operators of this Airflow use too: what they told is not told again, and a
    restarted triggerer goes on where the last one stopped.

    Args:
        artifact: ``[[entity/]project/]collection``, which means all its partitions, or one with ``~PARTITION``.
    """

    def __init__(self, artifact: str) -> None:
        self._name = full_name(artifact)
        self._registry = ""
        self._position = 0
        self._unsettled: list[landfast.Change] = []

    def look(self, client: landfast.Client) -> list[dict[str, Any]]:
        """Return what the events to emit now say, oldest change first; mostly nothing.

        The first look of an asset that was never told anything tells the newest change only.
        """
        told, reader = self._consumers()
        if client.registry_info.id != self._registry:
            self._registry, self._unsettled = client.registry_info.id, []
            self._position = client.announced_position(reader) or client.announced_position(told)
        news = [
            change
            for change in client.changes(
                after=self._position, name=self._name, partitions=not self._name.partition
            )
            if change.kind is not landfast.ChangeKind.ALIAS
        ]
        if not news:
            return []
        self.settle(client)
        looked_at = news if self._position else news[-1:]
        due = [change for change in looked_at if not _was_told(client, told, change)]
        events = [event_extra(client.version_of(change), change) for change in due]
        self._position = news[-1].position
        self._unsettled = news
        return events

    def settle(self, client: landfast.Client) -> None:
        """Record that what the last look returned is told: a triggerer that starts anew does not repeat it."""
        if self._unsettled:
            told, reader = self._consumers()
            for change in self._unsettled:
                client.mark_announced(told, change)
            client.mark_announced(reader, self._unsettled[-1])
            self._unsettled = []

    def _consumers(self) -> tuple[str, str]:
        told = consumer(artifact_asset(self._name))
        return told, f"{told}#watch"


def _was_told(client: landfast.Client, told: str, change: landfast.Change) -> bool:
    """Tell whether an operator told of a change: the last it told of, or before that one of its Airflow's own."""
    last = client.announced_position(told, change.version.bare())
    run = change.run
    is_ours = run is not None and (run.system, run.deployment) == (SYSTEM, deployment())
    return change.position == last or (is_ours and change.position < last)
