"""The vendor's readings: looked at on a schedule, a new version only when the content changed."""

import dagster as dg
from dagster_landfast import (
    Bounds,
    build_drift_checks,
    build_snapshot_schedule,
    observable_prefix_asset,
)

from weather.vendor import BUCKET, STATIONS

stations = dg.StaticPartitionsDefinition(list(STATIONS))

readings = observable_prefix_asset(
    "readings",
    f"s3://{BUCKET}/readings/station={{partition_key}}/",
    partitions_def=stations,
    group_name="vendor",
)

hourly = build_snapshot_schedule([readings], cron="0 * * * *")

drift = build_drift_checks([readings], files=Bounds(minimum=2, max_drop=0.5))
