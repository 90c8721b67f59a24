"""build_artifact_sensor: tell Dagster what anybody logged, by the registry's change feed, without a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
import landfast

from dagster_landfast.mirroring import Followed, Mirror
from dagster_landfast.refusals import observed_specs
from dagster_landfast.resource import LandfastResource

MOST_EVENTS = 200


def build_artifact_sensor(
    assets: Sequence[dg.AssetsDefinition | dg.SourceAsset],
    *,
    name: str = "landfast_changes",
    minimum_interval_seconds: int = 30,
    most_events: int = MOST_EVENTS,
    resource_key: str | None = None,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.STOPPED,
) -> dg.SensorDefinition:
    """Return a sensor that mirrors changes of artifacts as observations of assets; it launches no run.

    It does not matter who logged: another code location, Airflow, Prefect, a script, ``landfast put``.  The sensor
    reads the feed from where it left off, so no change is lost, also while it is off; after a crash a
    change may be told twice.  The first tick tells what there is.  A partition of a
    `DynamicPartitionsDefinition` that Dagster does not know is added.

    Args:
        assets: What `artifact_asset` and `observable_prefix_asset(s)` returned.
        name: Of the sensor.
        minimum_interval_seconds: Between two looks.
        most_events: Of one tick; the next one goes on.
        resource_key: Of the `LandfastResource`; None is the one of the definitions, else the environment's.
        default_status: Whether it runs before anybody turns it on.

    Raises:
        InvalidInput: If an asset is not observable, or `most_events` is less than 1.

    Example:
        >>> from dagster_landfast import artifact_asset
        >>> build_artifact_sensor([artifact_asset("vision/mnist:prod")]).name
        'landfast_changes'
    """
    if most_events < 1:
        raise landfast.InvalidInput(
            f"most_events={most_events} would never tell anything", expected="at least 1"
        )
    followed = [Followed.of(spec) for spec in observed_specs(assets)]

    def look(context):  # type: ignore[no-untyped-def]
        mirror = Mirror(
            resource=resource_of_sensor(context, resource_key),
            followed=followed,
            instance=context.instance,
            most_events=most_events,
        )
        events, cursor = mirror.advance(context.cursor)
        for note in mirror.notes:
            context.log.warning(note)
        if not events and str(cursor) == context.cursor:
            return dg.SkipReason(f"nothing new after position {cursor.position}")
        return dg.SensorResult(
            asset_events=events,
            cursor=str(cursor),
            dynamic_partitions_requests=mirror.partitions_to_add(),
        )

    return dg.SensorDefinition(
        name=name,
        evaluation_fn=look,
        minimum_interval_seconds=minimum_interval_seconds,
        description="Mirrors changes of Landfast artifacts: "
        + ", ".join(each.asset_key.to_user_string() for each in followed),
        required_resource_keys={resource_key} if resource_key else set(),
        default_status=default_status,
    )


def resource_of_sensor(context: Any, resource_key: str | None) -> LandfastResource:
    """Return the resource that a sensor is given, else the only one of the definitions, else the environment's."""
    if resource_key is not None:
        found: LandfastResource = getattr(context.resources, resource_key)
        return found
    repository = context.repository_def
    found_at = {
        key: definition
        for key, definition in (repository.get_top_level_resources() if repository else {}).items()
        if _is_ours(definition)
    }
    if not found_at:
        return LandfastResource()
    if len(found_at) > 1:
        raise landfast.InvalidInput(
            f"the definitions have {len(found_at)} LandfastResources",
            found=", ".join(sorted(found_at)),
            hint="Say which one with resource_key=...",
        )
    with dg.build_resources(found_at, instance=context.instance) as built:
        chosen: LandfastResource = getattr(built, next(iter(found_at)))
        return chosen


def _is_ours(definition: Any) -> bool:
    kind = getattr(definition, "configurable_resource_cls", None)
    return isinstance(kind, type) and issubclass(kind, LandfastResource)
