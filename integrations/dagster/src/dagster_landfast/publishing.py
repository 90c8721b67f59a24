"""Record references as the content of an asset: versions, edges, metadata and the data version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, feed, identity, lineage, metadata, records, runs
from dagster_landfast.reference import Reference
from dagster_landfast.resource import LandfastResource


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was recorded for an output.

    Args:
        versions: By Dagster's partition key; None for an output without partitions.
        metadata: Of the event, or of all events of a batch.
        by_partition: Metadata of the single partitions of a batch.
    """

    versions: Mapping[str | None, landfast.ArtifactVersion]
    metadata: Mapping[str, dg.MetadataValue[Any]]
    by_partition: Mapping[str, Mapping[str, dg.MetadataValue[Any]]]

    @property
    def digest(self) -> str:
        """The content digest; of a batch, of its partitions and their digests together."""
        return combined_digest(self.versions)


def publish(
    resource: LandfastResource,
    context: Any,
    name: landfast.ArtifactName,
    references: Mapping[str | None, Reference],
    *,
    asset_key: dg.AssetKey | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Published:
    """Log what an output refers to, each partition in the name of its own run.

    Args:
        resource: Of the registry.
        context: Any context of the step.
        name: The artifact, without a partition.
        references: By Dagster's partition key; None for an output without partitions.
        asset_key: The asset; None for the output of an op.
        defaults: The definition's metadata; ``landfast/type`` is the type of a reference that says none.
    """
    kind = identity.text_of((defaults or {}).get(identity.TYPE))
    versions = {
        key: _log(resource, context, asset_key, name, key, _typed(reference, kind))
        for key, reference in references.items()
    }
    if asset_key is not None:
        lineage.declare(resource, context, asset_key)
    return described(resource, context, versions, asset_key=asset_key, is_logged=True)


def described(
    resource: LandfastResource,
    context: Any,
    versions: Mapping[str | None, landfast.ArtifactVersion],
    *,
    asset_key: dg.AssetKey | None = None,
    is_logged: bool = False,
) -> Published:
    """Return what to show of versions that are logged already.

    Args:
        resource: Of the registry.
        context: Any context of the step.
        versions: By Dagster's partition key; None for an output without partitions.
        asset_key: The asset; None for the output of an op.
        is_logged: Whether this process logged them just now, so that they say themselves what that changed.
    """
    used = lineage.used_by(context, asset_key)
    if is_logged:
        tell(context, versions.values())
    found = resource.execution(context)
    if found is not None and not (is_logged and found.attempt == 1):
        versions = _with_changes(resource.client, found, versions, asset_key)
    changes: Mapping[str | None, Any] = {}
    if not is_logged and asset_key is not None:
        changes = _since_recorded(resource.client, context, asset_key, versions)
    if len(versions) == 1:
        ((key, version),) = versions.items()
        shown = metadata.version_metadata(resource, version, used=used, change=changes.get(key))
        return Published(versions=versions, metadata=shown, by_partition={})
    single = {
        key: metadata.version_metadata(resource, version, change=changes.get(key))
        for key, version in versions.items()
        if key is not None
    }
    shared = metadata.batch_metadata(list(versions.values()), used=used)
    return Published(versions=versions, metadata=shared, by_partition=single)


def tell(context: Any, versions: Iterable[landfast.ArtifactVersion]) -> None:
    """Say in the step's log what logs found; outside a run nobody reads it."""
    step: Any = compat.step_context(context)
    for version in versions if step is not None else ():
        step.log.info(f"{version.full_name.bare()}: {version.outcome}")


def _with_changes(
    client: landfast.Client,
    found: runs.Execution,
    versions: Mapping[str | None, landfast.ArtifactVersion],
    asset_key: dg.AssetKey | None,
) -> dict[str | None, landfast.ArtifactVersion]:
    """Return versions with what this step changed by them, also where an earlier attempt or its process did."""
    return {
        key: feed.moved_by(client, version, found.run_keys(asset_key, key))
        for key, version in versions.items()
    }


def _since_recorded(
    client: landfast.Client,
    context: Any,
    asset_key: dg.AssetKey,
    versions: Mapping[str | None, landfast.ArtifactVersion],
) -> dict[str | None, Mapping[str, dg.MetadataValue[Any]]]:
    """Return what changed for Dagster of versions that were looked up."""
    step = compat.step_context(context)
    if step is None:
        return {}
    keys = None if None in versions else [key for key in versions if key is not None]
    known = records.known(step.instance, asset_key, keys, observable=False)
    return {
        key: metadata.change_since(client, version, known.get(key))
        for key, version in versions.items()
    }


def attach(context: Any, asset_key: dg.AssetKey, published: Published) -> None:
    """Give the partitions of a batch their own metadata, and the event its data version."""
    step = compat.step_context(context)
    if step is None:
        return
    for partition_key, shown in published.by_partition.items():
        step.add_asset_metadata(shown, asset_key=asset_key, partition_key=partition_key)
    compat.set_data_version(context, asset_key, published.digest)


def combined_digest(versions: Mapping[str | None, landfast.ArtifactVersion]) -> str:
    """Return the digest of one version; of several, one that changes with each of them.

    Dagster has one data version for all partitions that a step makes at once.
    """
    if len(versions) == 1:
        return next(iter(versions.values())).digest
    rows = sorted((key or "", version.digest) for key, version in versions.items())
    return "batch:" + hashlib.sha256(repr(rows).encode()).hexdigest()


def _log(
    resource: LandfastResource,
    context: Any,
    asset_key: dg.AssetKey | None,
    name: landfast.ArtifactName,
    partition_key: str | None,
    reference: Reference,
) -> landfast.ArtifactVersion:
    given = reference.artifact
    own = identity.named(given, given) if given else name
    client = resource.for_context(context, asset_key=asset_key, partition_key=partition_key)
    return reference.log(client, identity.within_partition(own, partition_key))


def _typed(reference: Reference, kind: str | None) -> Reference:
    return reference if reference.type or not kind else replace(reference, type=kind)
