"""build_snapshot_schedule: observe external assets at certain times, all in one run."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from dagster_landfast.external import step_name
from dagster_landfast.refusals import observed_specs


def build_snapshot_schedule(
    assets: Sequence[dg.AssetsDefinition | dg.SourceAsset],
    cron: str,
    *,
    name: str | None = None,
    timezone: str = "UTC",
    default_status: dg.DefaultScheduleStatus = dg.DefaultScheduleStatus.STOPPED,
) -> dg.ScheduleDefinition:
    """Return a schedule that observes assets in one run, with all their partitions.

    The asset's own `cron=` needs no schedule, but the automation daemon starts one run for each partition that
    is due; this one run lists folders that lie side by side once.

    Args:
        assets: What `observable_prefix_asset(s)` and `artifact_asset` returned.
        cron: Five fields of cron.
        name: Of the schedule; None is made of the keys.
        timezone: Of `cron`.
        default_status: Whether it runs before anybody turns it on.

    Raises:
        InvalidInput: If an asset is not observable.

    Example:
        >>> from dagster_landfast import observable_prefix_asset
        >>> flowers = observable_prefix_asset("raw/flowers", "s3://vendor/flowers/")
        >>> build_snapshot_schedule([flowers], "0 6 * * *").name
        'snapshot__raw__flowers'
    """
    keys = [spec.key for spec in observed_specs(assets)]
    return dg.ScheduleDefinition(
        name=name or step_name(keys, "snapshot"),
        cron_schedule=cron,
        target=dg.AssetSelection.assets(*keys),
        execution_timezone=timezone,
        default_status=default_status,
    )
