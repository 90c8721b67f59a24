"""Watch: which changes of an artifact an asset's events still have to tell."""

from __future__ import annotations

from typing import Any

import landfast

from landfast_provider.assets import artifact_asset
from landfast_provider.events import consumer
from landfast_provider.run_key import SYSTEM, deployment


class Watch:
    """Follows an artifact in the registry's feed, for one asset; used by one thread at a time.

    What was told is kept by the registry, under the name that the operators of this Airflow use too: what they told
    is not told again, and a restarted triggerer goes on where the last one stopped.

    Args:
        artifact: ``[[entity/]project/]collection``, which means all its partitions, or one with ``~PARTITION``.
        verdicts: It tells of changes to these verdicts, from now on, instead of content.
    """

    def __init__(self, artifact: str, *, verdicts: frozenset[str] = frozenset()) -> None:
        self._asset = artifact_asset(artifact)
        self._verdicts = verdicts
        self._has_begun = False
        self._mirror: landfast.Mirror | None = None

    def look(self, client: landfast.Client) -> list[dict[str, Any]]:
        """Return what the events to emit now say, oldest change first; mostly nothing.

        The first look of an asset that was never told anything tells the newest change only.
        """
        found = self._follow().look(client.registry)
        if self._verdicts and not found and not self._has_begun:
            self.settle(
                client
            )  # a triggerer that starts anew begins here, not at its own first look
        self._has_begun = True
        wanted = [
            change
            for change in found
            if change.verdict is None or change.verdict.verdict in self._verdicts
        ]
        return [client.version_of(change).facts(change) for change in wanted]

    def settle(self, client: landfast.Client) -> None:
        """Record that what the last look returned is told: a triggerer that starts anew does not repeat it."""
        self._follow().settle(client.registry)

    def _follow(self) -> landfast.Mirror:
        # Made where Airflow may be asked for the name of its deployment.
        if self._mirror is None:
            told = consumer(self._asset)
            self._mirror = landfast.Mirror(
                told,
                reader=f"{told}#{self._stream}",
                name=self._asset.artifact,
                begin="now" if self._verdicts else "newest",
                verdicts=bool(self._verdicts),
                own=(SYSTEM, deployment()),
            )
        return self._mirror

    @property
    def _stream(self) -> str:
        """Under what it is remembered how far it is: who hears of other verdicts has a place of its own."""
        if not self._verdicts:
            return "watch"
        if self._verdicts == landfast.check_verdicts(()):
            return "verdicts"
        return "verdicts:" + ",".join(sorted(self._verdicts))
