"""Components that ``dg`` finds through the ``dagster_dg_cli.registry_modules`` entry point."""

from dagster_landfast.components.snapshots import LandfastSnapshotsComponent

__all__ = ["LandfastSnapshotsComponent"]
