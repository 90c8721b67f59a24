"""Which version Dagster's own latest record of an asset names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from dagster_landfast.compat import DATA_VERSION_TAG
from dagster_landfast.identity import text_of

# Keys of metadata that every record of ours has.
ARTIFACT = "landfast/artifact"
DIGEST = "landfast/digest"
# Of an observation: up to where in the registry's change feed it knows what happened to its artifact.
POSITION = "landfast/position"

_CHUNK = 500  # SQLite takes 999 variables in a statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What an event says.

    Args:
        artifact: Qualified name with version; ``""`` if it says only the data version.
        digest: Content digest, or data version.
        storage_id: Position of the event in the log.
        position: Id of the newest change that it knows of, by `feed.Look`; ``""`` if it does not say.
    """

    artifact: str
    digest: str
    storage_id: int
    position: str = ""


def latest(
    instance: dg.DagsterInstance,
    asset_key: dg.AssetKey,
    partition_keys: Sequence[str] | None,
    *,
    observable: bool | None = None,
) -> dict[str | None, Recorded]:
    """Return what the latest record of an asset names, by partition; those that name nothing are absent.

    One or two queries, for any number of partitions.

    Args:
        instance: Where the records are.
        asset_key: The asset.
        partition_keys: None for an asset without partitions.
        observable: Whether it is observed; None if it is not known: the newest record counts.
    """
    said = known(instance, asset_key, partition_keys, observable=observable)
    return {key: recorded for key, recorded in said.items() if recorded.artifact}


def known(
    instance: dg.DagsterInstance,
    asset_key: dg.AssetKey,
    partition_keys: Sequence[str] | None,
    *,
    observable: bool | None = None,
) -> dict[str | None, Recorded]:
    """Return what the latest record of an asset says, also if it names no version; arguments as of `latest`."""
    kinds = [dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION]
    if observable:
        kinds.reverse()
    first, second = (_latest_of(instance, asset_key, partition_keys, kind) for kind in kinds)
    both = {**second, **first}
    if observable is None:
        both |= {
            key: theirs
            for key, theirs in second.items()
            if key in first and theirs.storage_id > first[key].storage_id
        }
    return {key: event.said() for key, event in both.items() if event.digest}


@dataclass(frozen=True, slots=True)
class _Event:
    storage_id: int
    metadata: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def digest(self) -> str:
        return text_of(self.metadata.get(DIGEST)) or self.tags.get(DATA_VERSION_TAG, "")

    def said(self) -> Recorded:
        is_ours = DIGEST in self.metadata
        return Recorded(
            artifact=(text_of(self.metadata.get(ARTIFACT)) or "") if is_ours else "",
            digest=self.digest,
            storage_id=self.storage_id,
            position=text_of(self.metadata.get(POSITION)) or "",
        )


def _latest_of(
    instance: dg.DagsterInstance,
    asset_key: dg.AssetKey,
    partition_keys: Sequence[str] | None,
    kind: dg.DagsterEventType,
) -> dict[str | None, _Event]:
    if partition_keys is None or len(partition_keys) == 1:
        wanted = dg.AssetRecordsFilter(asset_key, asset_partitions=partition_keys)
        found = _fetch(instance, kind, wanted, limit=1)
        return {partition_keys[0] if partition_keys else None: event for _, event in found}
    ids = instance.get_latest_storage_id_by_partition(asset_key, kind, set(partition_keys))
    return {
        partition: event
        for chunk in _chunks(sorted(ids.values()))
        for partition, event in _fetch(
            instance, kind, dg.AssetRecordsFilter(asset_key, storage_ids=chunk), limit=len(chunk)
        )
    }


def _fetch(
    instance: dg.DagsterInstance,
    kind: dg.DagsterEventType,
    wanted: dg.AssetRecordsFilter,
    *,
    limit: int,
) -> Iterator[tuple[str | None, _Event]]:
    observed = kind is dg.DagsterEventType.ASSET_OBSERVATION
    fetch = instance.fetch_observations if observed else instance.fetch_materializations
    for record in fetch(wanted, limit=limit).records:
        entry = record.event_log_entry
        said = entry.asset_observation if observed else entry.asset_materialization
        if said is not None:
            yield said.partition, _Event(record.storage_id, said.metadata, said.tags or {})


def _chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _CHUNK):
        yield list(ids[start : start + _CHUNK])
