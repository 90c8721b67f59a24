"""What runs by itself: every asset whose inputs have new content."""

import dagster as dg

automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=3,  # quick, for a demo
    emit_backfills=False,  # a run for each partition at once, instead of a backfill in half a minute
)
