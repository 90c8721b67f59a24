"""The only place that knows Dagster's insides; everything else uses its public names.

Each function says what it would be replaced by if Dagster offered it.  The version matrix of the tests
(oldest supported and newest Dagster) runs all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.partitions.utils.base import INVALID_PARTITION_SUBSTRINGS
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.definitions.utils import NoValueSentinel
from dagster._core.errors import DagsterInvalidPropertyError
from dagster._core.execution.stats import StepEventStatus
from dagster._core.storage.tags import AUTOMATION_CONDITION_TAG, PARTITION_NAME_TAG
from dagster.components.resolved.core_models import (
    AssetSpecUpdateKwargs,
    resolve_asset_spec_update_kwargs_to_mapping,
)

# The tag of an event whose value is the data version; for events that are logged by hand.
__all__ = [
    "DATA_VERSION_TAG",
    "SPEC_WITHOUT_KEY",
    "asset_of_test",
    "checked_partitions",
    "code_location",
    "dependencies",
    "ended_steps",
    "instance_id",
    "is_asked_alone",
    "is_automatic",
    "is_local",
    "is_no_value",
    "is_observable",
    "is_partition_key",
    "loading_partitions",
    "node_metadata",
    "observed_by_hand",
    "output_assets",
    "partition_keys",
    "partitions_of_test",
    "set_data_version",
    "step_context",
    "upstream_partitions",
]

# In a component's YAML: what an AssetSpec says, all but its key optional, and the key too.
SPEC_WITHOUT_KEY = dg.Resolver(
    resolve_asset_spec_update_kwargs_to_mapping, model_field_type=AssetSpecUpdateKwargs.model()
)

_ABSENT = (dg.DagsterInvariantViolationError, DagsterInvalidPropertyError, AttributeError)


def step_context(context: Any) -> Any | None:
    """Return the step that a context belongs to; None outside a run.

    Args:
        context: Of an asset, op, check, input, output or hook; also one made for a test, or None.
    """
    inner = getattr(context, "op_execution_context", context)
    if isinstance(inner, dg.HookContext):
        return inner._step_execution_context
    try:
        if isinstance(inner, dg.InputContext | dg.OutputContext):
            return inner.step_context
        return inner.get_step_execution_context()
    except _ABSENT:
        return None


def set_data_version(context: Any, asset_key: dg.AssetKey, digest: str) -> None:
    """Make `digest` the data version of the materialization that this step is about to record.

    An IO manager is called before the event is built.  A version that the user gave with the output
    still wins.  Nothing happens outside a run.
    """
    step = step_context(context)
    if step is not None:
        step.set_data_version(asset_key, dg.DataVersion(digest))


def is_no_value(value: Any) -> bool:
    """Tell whether an IO manager was handed what stands for no value.

    Where an asset is annotated, Dagster hands over a `MaterializeResult` that has none, such as that of a Pipes
    process, as this.
    """
    return value is NoValueSentinel


def output_assets(step: Any) -> list[dg.AssetKey]:
    """Return the assets that a step makes, sorted; for an op inside a graph, those of the graph."""
    keys = set(step.get_output_asset_keys())
    if not keys and step.is_in_graph_asset:
        keys = set(step.assets_def.keys)
    return sorted(keys)


def dependencies(step: Any, asset_key: dg.AssetKey) -> list[dg.AssetKey]:
    """Return the assets that one asset of a step depends on, sorted; itself is not among them."""
    if step.assets_def is None:
        return []
    upstream = step.assets_def.asset_deps.get(asset_key, set())
    return sorted(key for key in upstream if key != asset_key)


def node_metadata(step: Any, asset_key: dg.AssetKey) -> Mapping[str, Any]:
    """Return the definition's metadata of an asset that a step makes or reads."""
    layer = step.job_def.asset_layer
    return layer.get(asset_key).metadata if layer.has(asset_key) else {}


def is_observable(step: Any, asset_key: dg.AssetKey) -> bool | None:
    """Tell whether an asset is observed rather than materialized; None if it is not known."""
    layer = step.job_def.asset_layer
    return bool(layer.get(asset_key).is_observable) if layer.has(asset_key) else None


def partition_keys(step: Any) -> list[str] | None:
    """Return the partitions that a step makes; None if what it makes has no partitions."""
    definition = step.run_partitions_def
    if definition is None or not step.has_partitions:
        return None
    with loading_partitions(step.instance):
        return list(definition.get_partition_keys_in_range(step.partition_key_range))


def upstream_partitions(
    step: Any, upstream: dg.AssetKey, keys: Sequence[str] | None
) -> list[str] | None:
    """Return the partitions of an upstream asset that some partitions of this step's assets depend on.

    Args:
        step: The step.
        upstream: An asset that it depends on.
        keys: Partitions that it makes; None if it makes an asset without partitions.

    Returns:
        None if the upstream asset has no partitions.
    """
    layer = step.job_def.asset_layer
    theirs = layer.get(upstream).partitions_def if layer.has(upstream) else None
    if theirs is None or step.assets_def is None:
        return None
    ours = step.assets_def.partitions_def if keys is not None else None
    mapping = step.assets_def.infer_partition_mapping(
        next(iter(step.assets_def.keys)), upstream, theirs
    )
    with loading_partitions(step.instance):
        subset = ours.subset_with_partition_keys(keys) if ours is not None else None
        mapped = mapping.get_upstream_mapped_partitions_result_for_partitions(subset, ours, theirs)
        return list(mapped.partitions_subset.get_partition_keys())


def checked_partitions(step: Any, asset_key: dg.AssetKey) -> list[str] | None:
    """Return the partitions of an asset that a check speaks of: those of its run, else all that were recorded.

    Returns:
        None if the asset has no partitions.
    """
    layer, tags, instance = step.job_def.asset_layer, step.dagster_run.tags, step.instance
    definition = layer.get(asset_key).partitions_def if layer.has(asset_key) else None
    if definition is None:
        return None
    if "dagster/partition" in tags:
        return [tags["dagster/partition"]]
    with loading_partitions(instance):
        if "dagster/asset_partition_range_start" in tags:
            ends = [tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")]
            return list(definition.get_partition_keys_in_range(dg.PartitionKeyRange(*ends)))
        kinds = [dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION]
        said = [instance.get_latest_storage_id_by_partition(asset_key, kind) for kind in kinds]
        recorded = {key for keys in said for key in keys}
        return [key for key in definition.get_partition_keys() if key in recorded]


def asset_of_test(context: Any) -> dg.AssetKey:
    """Return the asset that is being called as a plain function, with a context made for a test."""
    return context.asset_key  # type: ignore[no-any-return]


def partitions_of_test(context: Any) -> list[str] | None:
    """Return the partition of a context made for a test."""
    return [context.partition_key] if context.has_partition_key else None


@contextmanager
def loading_partitions(instance: dg.DagsterInstance) -> Iterator[None]:
    """Let partitions that were added at run time be seen."""
    with partition_loading_context(dynamic_partitions_store=instance):
        yield


def instance_id(instance: dg.DagsterInstance) -> str:
    """Return the id that an instance keeps in its storage, the same for all its processes.

    Dagster+ keeps none; there it is the deployment's name.
    """
    own = getattr(instance.run_storage, "get_run_storage_id", None)
    return str(own()) if own else os.environ.get("DAGSTER_CLOUD_DEPLOYMENT_NAME", "dagster")


def code_location(run: dg.DagsterRun) -> str:
    """Return the code location that a run was launched from; ``""`` if it runs in this process."""
    origin = getattr(run, "remote_job_origin", None) or getattr(run, "external_job_origin", None)
    return "" if origin is None else str(origin.location_name)


def ended_steps(
    instance: dg.DagsterInstance, run_id: str, step_keys: Iterable[str]
) -> dict[str, bool]:
    """Return those of the steps of a run that are over, and whether they succeeded."""
    over = {StepEventStatus.SUCCESS: True, StepEventStatus.FAILURE: False}
    stats = instance.get_run_step_stats(run_id, sorted(step_keys))
    return {one.step_key: over[one.status] for one in stats if one.status in over}


def is_local(step: Any) -> bool:
    """Tell whether steps of this run share a disk: launched and executed by what Dagster itself ships."""
    executor = step.job_def.executor_def.executor_creation_fn
    launcher = type(step.instance.run_launcher)
    return _is_shipped([executor, launcher]) and step.step_launcher is None


def _is_shipped(things: Iterable[Any]) -> bool:
    return all(str(getattr(thing, "__module__", "")).startswith("dagster.") for thing in things)


def is_automatic(context: Any) -> bool:
    """Tell whether the automation daemon launched the run that a step belongs to."""
    step = step_context(context)
    return step is not None and AUTOMATION_CONDITION_TAG in step.dagster_run.tags


def is_asked_alone(context: Any) -> bool:
    """Tell whether a run is for one partition that somebody named, and not the automation daemon."""
    step = step_context(context)
    return (
        step is not None
        and PARTITION_NAME_TAG in step.dagster_run.tags
        and not is_automatic(context)
    )


def observed_by_hand(asset_key: dg.AssetKey) -> dg.ObserveResult:
    """Return what says that an asset's events are logged already: checks of the asset run after it.

    `ObserveResult` has neither partitions nor a data version for each.
    """
    return dg.ObserveResult(
        asset_key=asset_key, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
    )


def is_partition_key(text: str) -> bool:
    """Tell whether a text can be the key of a partition that is added at run time."""
    return bool(text) and not any(part in text for part in INVALID_PARTITION_SUBSTRINGS)
