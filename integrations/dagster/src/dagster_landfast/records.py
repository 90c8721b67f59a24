"""Which version Dagster's own latest record of an asset names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from dagster_landfast.identity import text_of

# Keys of metadata that every record of ours has.
ARTIFACT = "landfast/artifact"
DIGEST = "landfast/digest"

_CHUNK = 500  # SQLite takes 999 variables in a statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What an event says.

    Args:
        artifact: Qualified name with version.
        digest: Content digest.
        storage_id: Position of the event in the log.
    """

    artifact: str
    digest: str
    storage_id: int


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
    return {key: event.said() for key, event in both.items() if event.names_version}


@dataclass(frozen=True, slots=True)
class _Event:
    storage_id: int
    metadata: Mapping[str, Any]

    @property
    def names_version(self) -> bool:
        return ARTIFACT in self.metadata and DIGEST in self.metadata

    def said(self) -> Recorded:
        return Recorded(
            artifact=text_of(self.metadata[ARTIFACT]) or "",
            digest=text_of(self.metadata[DIGEST]) or "",
            storage_id=self.storage_id,
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
            yield said.partition, _Event(record.storage_id, said.metadata)


def _chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _CHUNK):
        yield list(ids[start : start + _CHUNK])
