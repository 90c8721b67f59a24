"""Landfast for Dagster: reference artifacts as assets, resources and IO managers.

One line in an asset that exists already::

    import dagster_landfast as dl

    @dg.asset
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        raw = dl.use_artifact(context, "vision/mnist")
        ...
        return dl.log_reference(context, "s3://bucket/features/")
"""

from importlib.metadata import version

from dagster_shared.libraries import DagsterLibraryRegistry
from landfast import ArtifactVersion

from dagster_landfast.adoption import log_reference, use_artifact
from dagster_landfast.alias_checks import build_alias_checks
from dagster_landfast.automation import build_automation_sensor, on_content_change
from dagster_landfast.checks import (
    Bounds,
    build_drift_checks,
    build_reference_checks,
    build_retention_checks,
)
from dagster_landfast.components import LandfastSnapshotsComponent
from dagster_landfast.external import observable_prefix_asset, observable_prefix_assets
from dagster_landfast.object_io import LandfastObjectIOManager
from dagster_landfast.pipes import pipes_env, pipes_results
from dagster_landfast.prefix import Prefix
from dagster_landfast.reference import Reference
from dagster_landfast.reference_io import LandfastReferenceIOManager
from dagster_landfast.registry_asset import artifact_asset
from dagster_landfast.resource import LandfastResource
from dagster_landfast.schedules import build_snapshot_schedule
from dagster_landfast.sensors import build_artifact_sensor
from dagster_landfast.sharding import sharded_reference_asset
from dagster_landfast.verdicts import build_verdict_sensor

__all__ = [
    "ArtifactVersion",
    "Bounds",
    "LandfastObjectIOManager",
    "LandfastReferenceIOManager",
    "LandfastResource",
    "LandfastSnapshotsComponent",
    "Prefix",
    "Reference",
    "__version__",
    "artifact_asset",
    "build_alias_checks",
    "build_artifact_sensor",
    "build_automation_sensor",
    "build_drift_checks",
    "build_reference_checks",
    "build_retention_checks",
    "build_snapshot_schedule",
    "build_verdict_sensor",
    "log_reference",
    "observable_prefix_asset",
    "observable_prefix_assets",
    "on_content_change",
    "pipes_env",
    "pipes_results",
    "sharded_reference_asset",
    "use_artifact",
]

__version__ = version("dagster-landfast")

# Ours is not one of Dagster's own packages: without the flag Dagster compares our version
# number with its own and warns about a mismatch.
DagsterLibraryRegistry.register("dagster-landfast", __version__, is_dagster_package=False)
