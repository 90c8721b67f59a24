"""log_reference and use_artifact: Landfast in an asset that exists already, in one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, identity, lineage, publishing, resolving
from dagster_landfast.finding import resource_of
from dagster_landfast.reference import Place, Reference
from dagster_landfast.resolving import Resolved, ResolvedBy
from dagster_landfast.resource import LandfastResource


def log_reference(
    context: Any,
    uri: Place | Reference | Mapping[str, Place | Reference],
    *,
    asset_key: dg.AssetKey | None = None,
    resource: LandfastResource | None = None,
    **reference: Any,
) -> dg.MaterializeResult[Any]:
    """Record what an asset wrote, and return its materialization.

    A new version comes about only if the content changed; its digest is the data version, so what depends on
    the asset becomes stale exactly then.

    Args:
        context: Of the asset.
        uri: Where the data lies; in a run over several partitions by partition key.
        asset_key: Of a step that makes several assets: which one.
        resource: None is the one that the asset requires, or that the definitions have, or the environment's.
        reference: artifact, type, include, exclude, aliases, tags, metadata, description, max_objects, checksum,
            allow_empty, options as in `Reference`.

    Raises:
        InvalidInput: If it is not clear which asset or which partitions are meant.
        NotFound: If there is nothing.

    Example:
        >>> import dagster as dg
        >>> @dg.asset
        ... def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        ...     return log_reference(context, "s3://bucket/features/", type="dataset")
    """
    resource = resource or resource_of(context)
    key = asset_key or _only_asset(context)
    given = _definition(context, key)
    references = _by_partition(context, key, uri, reference)
    name = identity.artifact_name(key, given)
    published = publishing.publish(
        resource, context, name, references, asset_key=key, defaults=given
    )
    publishing.attach(context, key, published)
    _finish(resource, context, key, references)
    return dg.MaterializeResult(
        asset_key=key,
        data_version=dg.DataVersion(published.digest),
        metadata=dict(published.metadata),
    )


@landfast.renamed({"name": "artifact"})
def use_artifact(
    context: Any,
    artifact: str | dg.AssetKey | landfast.ArtifactName,
    *,
    type: str | None = None,
    partition_key: str | None = None,
    resource: LandfastResource | None = None,
) -> landfast.ArtifactVersion:
    """Return the version to read of an artifact, and record that this step read it.

    Of an artifact that is an asset upstream (`deps=`) it is the version that Dagster's latest record names, of
    the partition that this one depends on; of any other the registry's latest.  A name that says a version
    means that one.

    Args:
        context: Of the asset or op.
        artifact: Such as ``features``, ``vision/mnist:prod``, or the key of an asset upstream.
        type: The type expected.
        partition_key: Which partition, where it is not clear from the context.
        resource: As in `log_reference`.

    Raises:
        NotFound: Naming what is missing.
        Conflict: If it has another type.
        InvalidInput: If this step depends on several partitions of it, and none is named.
    """
    resource = resource or resource_of(context)
    resource.check_shared(context)
    upstream, wanted = _meant(resource.client, context, artifact)
    if upstream is None or wanted.picks_version or wanted.partition:
        version = resource.client.get(identity.within_partition(wanted, partition_key))
        by = ResolvedBy.PIN if wanted.picks_version else ResolvedBy.REGISTRY
        resolved = Resolved(partition_key=partition_key, version=version, by=by)
    else:
        resolved = _of_asset(resource, context, upstream, wanted, partition_key)
    resolved.version.of_type(type)
    used = lineage.Used(name=str(wanted), asset_key=upstream, resolved=resolved)
    lineage.record(resource, context, [used])
    return resolved.version


def _finish(
    resource: LandfastResource, context: Any, key: dg.AssetKey, parts: Iterable[str | None]
) -> None:
    """Mark the runs as finished: a resource that nobody required is not told how the step ends."""
    found = resource.execution(context)
    if found is None:
        return
    for part in parts:
        client = resource.client.with_defaults(run=found.run_key(key, part))
        client.finish_run(landfast.RunStatus.FINISHED)


def _only_asset(context: Any) -> dg.AssetKey:
    step = compat.step_context(context)
    if step is None:
        return compat.asset_of_test(context)
    assets = compat.output_assets(step)
    if len(assets) == 1:
        return assets[0]
    found = ", ".join(key.to_user_string() for key in assets) or "none"
    raise landfast.InvalidInput(
        f"step {step.step.key} does not make exactly one asset",
        subject=step.step.key,
        expected="asset_key= to say which",
        found=found,
        hint="An op logs with LandfastResource.for_context(context).log(...).",
    )


def _definition(context: Any, key: dg.AssetKey) -> Mapping[str, Any]:
    step = compat.step_context(context)
    return {} if step is None else compat.node_metadata(step, key)


def _by_partition(
    context: Any,
    key: dg.AssetKey,
    uri: Place | Reference | Mapping[str, Place | Reference],
    given: Mapping[str, Any],
) -> dict[str | None, Reference]:
    step = compat.step_context(context)
    keys = compat.partition_keys(step) if step is not None else compat.partitions_of_test(context)
    if not isinstance(uri, Mapping):
        uri = {} if keys and len(keys) > 1 else {keys[0] if keys else "": uri}
    if set(uri) != set(keys or [""]):
        raise landfast.InvalidInput(
            f"asset {key.to_user_string()} makes {len(keys or ())} partitions in this run",
            subject=key.to_user_string(),
            expected="a URI for each, as a dict by partition key",
            found=f"{len(uri)} of others" if uri else "one URI",
        )
    return {part or None: _reference(place, given) for part, place in uri.items()}


def _reference(place: Place | Reference, given: Mapping[str, Any]) -> Reference:
    if isinstance(place, Reference):
        return replace(place, **given)
    return Reference(place, **given)


def _meant(
    client: landfast.Client, context: Any, name: str | dg.AssetKey | landfast.ArtifactName
) -> tuple[dg.AssetKey | None, landfast.ArtifactName]:
    """Return the asset upstream that a name means, if any, and the artifact."""
    step = compat.step_context(context)
    if isinstance(name, dg.AssetKey):
        given = {} if step is None else compat.node_metadata(step, name)
        return name, identity.name_in_use(client, name, given)
    wanted = landfast.ArtifactName.parse(name) if isinstance(name, str) else name
    if step is None:
        return None, wanted
    bare = replace(client.resolve_name(wanted).bare(), partition="")
    for asset in compat.output_assets(step):
        for upstream in compat.dependencies(step, asset):
            given = compat.node_metadata(step, upstream)
            in_use = client.resolve_name(identity.name_in_use(client, upstream, given))
            if bare == in_use:
                return upstream, wanted
            # By its other name, if that is nothing of its own.
            other = bare in map(client.resolve_name, identity.names(upstream, given))
            if other and client.collection_type(bare) is None:
                entity, project, collection = in_use.entity, in_use.project, in_use.collection
                return upstream, replace(
                    wanted, entity=entity, project=project, collection=collection
                )
    return None, wanted


def _of_asset(
    resource: LandfastResource,
    context: Any,
    upstream: dg.AssetKey,
    name: landfast.ArtifactName,
    partition_key: str | None,
) -> Resolved:
    step = compat.step_context(context)
    keys = None if partition_key is None else [partition_key]
    if step is not None and keys is None:
        keys = compat.upstream_partitions(step, upstream, compat.partition_keys(step))
    if keys is not None and len(keys) != 1:
        raise landfast.InvalidInput(
            f"this step depends on {len(keys)} partitions of {upstream.to_user_string()}",
            subject=upstream.to_user_string(),
            expected="one, named with partition_key=",
        )
    (resolved,) = resolving.resolve(
        resource.client,
        name,
        asset_key=upstream,
        partition_keys=keys,
        pin=resource.versions.get(upstream.to_user_string()),
        instance=None if step is None else step.instance,
        observable=None if step is None else compat.is_observable(step, upstream),
    )
    return resolved
