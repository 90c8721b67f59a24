"""Landfast for Dagster: reference artifacts as assets, resources and IO managers.

One line in an asset that exists already::

    import dagster_landfast as landfast

    @dg.asset
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        raw = landfast.use_artifact(context, "vision/mnist")
        ...
        return landfast.log_reference(context, "s3://bucket/features/")
"""

from importlib.metadata import version

from dagster_shared.libraries import DagsterLibraryRegistry
from landfast import ArtifactVersion

from dagster_landfast.adoption import log_reference, use_artifact
from dagster_landfast.checks import Bounds, build_drift_checks, build_reference_checks
from dagster_landfast.object_io import LandfastObjectIOManager
from dagster_landfast.reference import Reference
from dagster_landfast.reference_io import LandfastReferenceIOManager
from dagster_landfast.resource import LandfastResource

__all__ = [
    "ArtifactVersion",
    "Bounds",
    "LandfastObjectIOManager",
    "LandfastReferenceIOManager",
    "LandfastResource",
    "Reference",
    "__version__",
    "build_drift_checks",
    "build_reference_checks",
    "log_reference",
    "use_artifact",
]

__version__ = version("dagster-landfast")

# Ours is not one of Dagster's own packages: without the flag Dagster compares our version
# number with its own and warns about a mismatch.
DagsterLibraryRegistry.register("dagster-landfast", __version__, is_dagster_package=False)
