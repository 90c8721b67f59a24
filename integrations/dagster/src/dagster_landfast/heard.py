"""Heard: what Dagster knows of the assets that follow artifacts, so that a sensor tells only what is news."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg
import landfast

from dagster_landfast import records
from dagster_landfast.records import Recorded

# An asset, and Dagster's partition of it; None for one without partitions.
Part = tuple[dg.AssetKey, str | None]


class Heard:
    """The latest record of each asset and partition, by a run or by a sensor.

    Args:
        instance: Dagster's.
        registry: Id of the registry whose feed is followed.
    """

    def __init__(self, instance: dg.DagsterInstance, registry: str) -> None:
        self._instance = instance
        self._registry = registry
        self._known: dict[Part, Recorded] = {}
        self._reached: dict[Part, int] = {}

    def read(self, pending: Mapping[Part, Sequence[landfast.Change]]) -> None:
        """Read what Dagster knows of assets and partitions, unless they were told of in this tick.

        Args:
            pending: The changes that each is going to be told of.
        """
        for part, said in _read(self._instance, pending).items():
            if part not in self._known:
                self._known[part] = said
                self._reached[part] = self._reach(said, pending[part])

    def knows(self, part: Part, version: landfast.ArtifactName, digest: str, position: int) -> bool:
        """Tell whether Dagster has this content already, or what came after it.

        Args:
            part: The asset and partition.
            version: Full name of the version.
            digest: Its content digest.
            position: Of the change that made it the current one; a record that reaches so far is as new.
        """
        said = self._known.get(part)
        return said is not None and (position <= self._reached[part] or _has(said, version, digest))

    def tell(self, part: Part, version: landfast.ArtifactName, digest: str, position: int) -> None:
        """Remember what is being told."""
        self._known[part] = Recorded(artifact=str(version), digest=digest, storage_id=0)
        self._reached[part] = position

    def _reach(self, said: Recorded, pending: Sequence[landfast.Change]) -> int:
        """Return how far in the feed a record reaches.

        One that does not say (of an earlier release, or of an observable asset of the user's own) reaches as far as the
        last change that brought its content.
        """
        position = landfast.Change.position_of(said.position, self._registry)
        if position is not None:
            return position
        had = [one.position for one in pending if _has(said, one.version, one.digest)]
        return max(had, default=0)


def _has(said: Recorded, version: landfast.ArtifactName, digest: str) -> bool:
    return said.digest == digest and said.artifact in {"", str(version)}


def _read(instance: dg.DagsterInstance, parts: Iterable[Part]) -> dict[Part, Recorded]:
    """Read records, in one or two queries for each asset."""
    wanted: dict[dg.AssetKey, list[str] | None] = {}
    for key, part in parts:
        keys = wanted.setdefault(key, None if part is None else [])
        if keys is not None and part is not None:
            keys.append(part)
    return {
        (key, part): said
        for key, keys in wanted.items()
        for part, said in records.known(instance, key, keys, observable=True).items()
    }
