"""Which version of an asset is read: the pinned one, else the one Dagster recorded, else the registry's.

Dagster calls an asset fresh or stale by its latest record, so that is what has to be loaded: a version that
somebody logged a second ago is read when Dagster has heard of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import dagster as dg
import landfast

from dagster_landfast import records
from dagster_landfast.feed import partitions_of
from dagster_landfast.identity import within_partition

Pin = str | Mapping[str, str]


class ResolvedBy(StrEnum):
    """What decided which version is read."""

    PIN = "pin"
    DAGSTER = "dagster"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A version that is read, and why this one.

    Args:
        partition_key: Dagster's; None for an asset without partitions.
        version: The version.
        by: What decided.
        latest: The registry's latest version, such as ``v7``, where it is another one; else None.
    """

    partition_key: str | None
    version: landfast.ArtifactVersion
    by: ResolvedBy
    latest: str | None = None


def resolve(
    client: landfast.Client,
    name: landfast.ArtifactName,
    *,
    asset_key: dg.AssetKey | None = None,
    partition_keys: Sequence[str] | None = None,
    pin: Pin | None = None,
    instance: dg.DagsterInstance | None = None,
    observable: bool | None = None,
    missing_ok: bool = False,
) -> list[Resolved]:
    """Find the version to read of an asset, for each of its partitions; few queries for many partitions.

    Args:
        client: Of the registry.
        name: The artifact, by `identity.artifact_name`, without a partition.
        asset_key: Whose records count; None asks the registry only.
        partition_keys: Dagster's; None for an asset without partitions.
        pin: A version, alias or digest, or a whole name; or one by partition key, ``*`` for the rest.
        instance: Where the records are; None asks the registry only.
        observable: Whether the asset is observed; None if it is not known.
        missing_ok: Whether partitions without a version are left out.

    Raises:
        NotFound: Naming what there is no version of.
    """
    said: Mapping[str | None, records.Recorded] = {}
    if instance is not None and asset_key is not None:
        said = records.latest(instance, asset_key, partition_keys, observable=observable)
    lookup = _Lookup(client, name, many=len(partition_keys or ()) > _FEW)
    found = []
    for key in partition_keys if partition_keys is not None else (None,):
        try:
            found.append(_one(lookup, key, said.get(key), _pin_of(pin, key)))
        except landfast.NotFound:
            if not missing_ok or _pin_of(pin, key) is not None:
                raise
    return found


# From so many partitions on, all of a collection are asked for at once.
_FEW = 4


class _Lookup:
    """Versions by name; of many partitions, the latest ones are fetched together."""

    def __init__(self, client: landfast.Client, name: landfast.ArtifactName, *, many: bool) -> None:
        self.client = client
        self.name = name
        self._many = many
        self._latest: dict[landfast.ArtifactName, dict[str, landfast.ArtifactVersion]] = {}

    def latest(self, name: landfast.ArtifactName) -> landfast.ArtifactVersion:
        bare = self.client.resolve_name(name.bare())
        if self._many:
            collection = replace(bare, partition="")
            if collection not in self._latest:
                self._latest[collection] = partitions_of(self.client, collection)
            if bare.partition in self._latest[collection]:
                return self._latest[collection][bare.partition]
        return self.client.get(bare)

    def get(self, name: landfast.ArtifactName) -> landfast.ArtifactVersion:
        return self.client.get(name) if name.picks_version else self.latest(name)


def _one(
    lookup: _Lookup, key: str | None, said: records.Recorded | None, pin: str | None
) -> Resolved:
    recorded = None if said is None else landfast.ArtifactName.parse(said.artifact)
    # An asset may have logged under another name than its own.
    own = within_partition(lookup.name, key) if recorded is None else recorded.bare()
    if pin is not None:
        version = lookup.get(_pinned(pin, own, key))
        return Resolved(partition_key=key, version=version, by=ResolvedBy.PIN)
    if recorded is not None and said is not None:
        theirs = _recorded_version(lookup, recorded, said)
        if theirs is not None:
            newest = lookup.latest(recorded)
            ahead = None if newest == theirs else newest.version
            return Resolved(partition_key=key, version=theirs, by=ResolvedBy.DAGSTER, latest=ahead)
    return Resolved(partition_key=key, version=lookup.latest(own), by=ResolvedBy.REGISTRY)


def _recorded_version(
    lookup: _Lookup, name: landfast.ArtifactName, said: records.Recorded
) -> landfast.ArtifactVersion | None:
    """Return the version that a record names; None if this registry has another one, or none, by that name."""
    try:
        newest = lookup.latest(name)
        version = newest if newest.index == name.index else lookup.client.get(name)
    except landfast.NotFound:
        return None
    return version if version.digest == said.digest else None


def _pin_of(pin: Pin | None, key: str | None) -> str | None:
    if pin is None or isinstance(pin, str):
        return pin or None
    return pin.get(key or "", pin.get("*"))


def _pinned(pin: str, own: landfast.ArtifactName, key: str | None) -> landfast.ArtifactName:
    if pin.startswith("lf1:"):
        return replace(own, digest=pin)
    if any(mark in pin for mark in "/:@~"):
        name = landfast.ArtifactName.parse(pin)
        return name if name.partition or key is None else within_partition(name, key)
    picked = landfast.ArtifactName.parse(f"{own.collection}:{pin}")
    return replace(own, index=picked.index, alias=picked.alias)
