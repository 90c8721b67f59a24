"""LandfastReferenceIOManager: an asset returns where its data lies, and gets versions to read."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, identity, lineage, loading, publishing, resolving, runs
from dagster_landfast.io_base import LandfastIOManager
from dagster_landfast.reference import Reference
from dagster_landfast.resource import LandfastResource

ALLOW_MISSING = "allow_missing_partitions"


class LandfastReferenceIOManager(LandfastIOManager):
    """Records what an asset returns as references, and loads the versions that Dagster knows.

    An asset returns a `Reference`; a ``str`` or ``UPath`` if its annotation says so; in a run over several
    partitions ``{partition key: ...}`` with exactly those partitions.  An input is, by annotation,
    `ArtifactVersion` (also without one), ``Path`` (downloaded), ``UPath``, ``str``, ``list[str]`` (pinned
    URIs), or a ``dict`` of these by partition key.

    Example:
        >>> import dagster as dg
        >>> @dg.asset(io_manager_key="references")
        ... def features(raw: landfast.ArtifactVersion) -> Reference:
        ...     return Reference(f"s3://bucket/features/{raw.version}/", aliases=["candidate"])
        >>> resources = {"references": LandfastReferenceIOManager()}
    """

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Log what the asset refers to, and make its digest the data version.

        Raises:
            InvalidInput: If the asset returned something else, or not exactly the partitions of the run.
        """
        if compat.is_no_value(obj):
            return
        if obj is None:
            context.log.warning(
                f"{_subject(context)} returned None, so no version is recorded. Annotate it with -> None"
                " if that is meant."
            )
            return
        key = context.asset_key if context.has_asset_key else None
        published = self._published(context, key, obj)
        context.add_output_metadata(dict(published.metadata))
        if key is not None:
            publishing.attach(context, key, published)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the version that is pinned, else the one that Dagster recorded, else the registry's latest.

        Raises:
            NotFound: Naming what there is no version of.
        """
        found = load(self.resource_for(context), context, pins=self.versions)
        return loading.shaped(context, found)

    def _published(
        self, context: dg.OutputContext, key: dg.AssetKey | None, obj: Any
    ) -> publishing.Published:
        resource, name = self.resource_for(context), output_name(context)
        items = by_partition(context, obj)
        if all(isinstance(item, landfast.ArtifactVersion) for item in items.values()):
            return publishing.described(resource, context, items, asset_key=key)
        references = {part: _reference(context, item) for part, item in items.items()}
        defaults = context.definition_metadata
        return publishing.publish(
            resource, context, name, references, asset_key=key, defaults=defaults
        )


def load(
    resource: LandfastResource,
    context: dg.InputContext,
    *,
    pins: Mapping[str, str] | None = None,
) -> list[resolving.Resolved]:
    """Resolve an input, for each of its partitions, and record the edges.

    Args:
        resource: Of the registry.
        context: Of the input; outside a run no edge is recorded.
        pins: Versions by asset key, before those of the resource.

    Raises:
        NotFound: Naming what there is no version of.
    """
    resource.check_shared(context)
    key = context.asset_key if context.has_asset_key else None
    if key is None:
        found = _of_op(resource, context)
    else:
        found = _of_asset(resource, context, {**resource.versions, **(pins or {})})
    name = context.name if context.has_input_name else "value"
    used = [lineage.Used(name=name, asset_key=key, resolved=resolved) for resolved in found]
    lineage.record(resource, context, used)
    return found


def output_name(context: dg.OutputContext) -> landfast.ArtifactName:
    """Return the artifact that an output is, without a partition.

    Raises:
        InvalidInput: If it is an op's, and ``Out(metadata={"landfast/artifact": ...})`` names none.
    """
    if context.has_asset_key:
        return identity.artifact_name(context.asset_key, context.definition_metadata)
    given = identity.text_of(context.definition_metadata.get(identity.ARTIFACT))
    if not given:
        raise landfast.InvalidInput(
            f"{_subject(context)} is an op's output, which has no artifact name of its own",
            subject=_subject(context),
            hint='Give Out(metadata={"landfast/artifact": "name"}), or another IO manager.',
        )
    name = identity.named(given, _subject(context))
    # Of a dynamic output, and of an op that is mapped over one, each key is a partition.
    mapped = context.step_key.partition("[")[2].rstrip("]")
    return identity.within_partition(name, context.mapping_key or mapped or None)


def by_partition(context: dg.OutputContext, obj: Any) -> dict[str | None, Any]:
    """Return an output's value for each partition that the run makes of it; None is no partition.

    Raises:
        InvalidInput: If the run makes several, and the value is no mapping of exactly these.
    """
    if not context.has_asset_partitions:
        return {None: obj}
    keys = sorted(context.asset_partition_keys)
    if len(keys) == 1 and not (isinstance(obj, Mapping) and set(obj) == set(keys)):
        return {keys[0]: obj}
    if isinstance(obj, Mapping) and set(obj) == set(keys):
        return {key: obj[key] for key in keys}
    found = sorted(map(str, obj)) if isinstance(obj, Mapping) else type(obj).__name__
    raise landfast.InvalidInput(
        f"{_subject(context)} did not return exactly the {len(keys)} partitions of this run",
        subject=_subject(context),
        expected=f"a dict with the keys {_shortened(keys)}",
        found=_shortened(found) if isinstance(found, list) else found,
    )


def _of_asset(
    resource: LandfastResource, context: dg.InputContext, pins: Mapping[str, str]
) -> list[resolving.Resolved]:
    step = compat.step_context(context)
    upstream = context.upstream_output
    given = {} if upstream is None else upstream.definition_metadata
    key = context.asset_key
    pin = context.definition_metadata.get(identity.VERSION)
    return resolving.resolve(
        resource.client,
        identity.name_in_use(resource.client, key, given),
        asset_key=key,
        partition_keys=sorted(context.asset_partition_keys)
        if context.has_asset_partitions
        else None,
        pin=pin or pins.get(key.to_user_string()),
        instance=instance_of(context),
        observable=None if step is None else compat.is_observable(step, key),
        missing_ok=bool(context.definition_metadata.get(ALLOW_MISSING)),
    )


def instance_of(context: dg.InputContext) -> dg.DagsterInstance | None:
    """Return the instance of an input; None if it has none, as in a unit test."""
    try:
        return context.instance
    except dg.DagsterInvariantViolationError:
        return None


def _of_op(resource: LandfastResource, context: dg.InputContext) -> list[resolving.Resolved]:
    """Return what the op upstream logged in this run; without a run, what its name has now."""
    upstream = context.upstream_output
    if upstream is None:
        raise landfast.InvalidInput("an input of no asset and no op has no version")
    name = output_name(upstream)
    found = runs.execution(context, deployment=resource.deployment)
    if found is None:
        return resolving.resolve(resource.client, name)
    edges = resource.client.edges([found.run_of_step(upstream)])
    wanted = resource.client.resolve_name(name)
    logged = [
        edge.version
        for edge in edges
        if edge.direction is landfast.Direction.LOGGED and edge.version.bare() == wanted
    ]
    version = resource.client.get(logged[-1] if logged else name)
    by = resolving.ResolvedBy.DAGSTER if logged else resolving.ResolvedBy.REGISTRY
    return [resolving.Resolved(partition_key=None, version=version, by=by)]


def _reference(context: dg.OutputContext, item: Any) -> Reference:
    if isinstance(item, Reference):
        return item
    if isinstance(item, landfast.Reference):
        return Reference(item)
    is_path = isinstance(item, str | PathLike) or type(item).__module__.startswith("upath")
    if is_path and loading.annotation_of(context) is not Any:
        return Reference(str(item))
    raise landfast.InvalidInput(
        f"{_subject(context)} returned a {type(item).__name__}",
        subject=_subject(context),
        expected="a Reference, or str or UPath where the annotation says so",
        hint="Objects are stored by LandfastObjectIOManager.",
    )


def _subject(context: dg.OutputContext) -> str:
    if context.has_asset_key:
        return f"asset {context.asset_key.to_user_string()}"
    return f"output {context.name} of {context.step_key}"


def _shortened(keys: Sequence[str]) -> str:
    shown = ", ".join(repr(key) for key in keys[:5])
    return shown if len(keys) <= 5 else f"{shown} and {len(keys) - 5} more"
