"""dagster-wandb's artifacts: those of W&B that its IO manager logged, each partition of an asset as a partition.

The IO manager names an artifact ``ASSET.PARTITION``, where a partition of several dimensions has a ``-`` for each
``|``; the name of an asset has no dot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from landfast.errors import NotFound
from landfast.migrate import wandb
from landfast.migrate.base import PeerPlace, PeerVersion

_OWN_ALIAS = "dagster-run-"
_INTEGRATION = "dagster_wandb"


def versions(place: PeerPlace) -> Iterator[PeerVersion]:
    """Yield the artifacts of the IO manager among those of W&B, whose files are the same."""
    mine = [
        version
        for version in wandb.versions(place)
        if version.metadata.get("source_integration") == _INTEGRATION
    ]
    if not mine:
        raise NotFound(
            f"{place.path} holds no artifacts of dagster-wandb",
            subject=place.path,
            expected=f"artifacts whose metadata say source_integration: {_INTEGRATION}",
            hint="`landfast import wandb` takes all others.",
        )
    yield from map(_of_asset, mine)


def _of_asset(version: PeerVersion) -> PeerVersion:
    spaces, slash, artifact = version.name.rpartition("/")
    asset, _, partition = artifact.partition(".")
    run = version.metadata.get("source_dagster_run_id")
    return replace(
        version,
        name=f"{spaces}{slash}{asset}",
        partition=partition,
        # The run is in the metadata; an alias for each would only grow.
        aliases=tuple(a for a in version.aliases if not a.startswith(_OWN_ALIAS)),
        facts={**version.facts, **({"dagster_run": run} if isinstance(run, str) else {})},
    )
