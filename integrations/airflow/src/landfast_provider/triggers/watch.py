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
        verdicts: Whether it tells of changes of verdicts, from now on, instead of content.
    """

    def __init__(self, artifact: str, *, verdicts: bool = False) -> None:
        self._asset = artifact_asset(artifact)
        self._verdicts = verdicts
        self._mirror: landfast.Mirror | None = None

    def look(self, client: landfast.Client) -> list[dict[str, Any]]:
        """Return what the events to emit now say, oldest change first; mostly nothing.

        The first look of an asset that was never told anything tells the newest change only.
        """
        found = self._follow().look(client.registry)
        return [client.version_of(change).facts(change) for change in found]

    def settle(self, client: landfast.Client) -> None:
        """Record that what the last look returned is told: a triggerer that starts anew does not repeat it."""
        self._follow().settle(client.registry)

    def _follow(self) -> landfast.Mirror:
        # Made where Airflow may be asked for the name of its deployment.
        if self._mirror is None:
            told = consumer(self._asset)
            self._mirror = landfast.Mirror(
                told,
                reader=f"{told}#{'verdicts' if self._verdicts else 'watch'}",
                name=self._asset.artifact,
                begin="now" if self._verdicts else "newest",
                verdicts=self._verdicts,
                own=(SYSTEM, deployment()),
            )
        return self._mirror
