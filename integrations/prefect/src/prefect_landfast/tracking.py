"""Tell Prefect's asset graph that what a task answers stems from an artifact."""

from __future__ import annotations

import landfast
from prefect.assets import Asset
from prefect.context import AssetContext

from prefect_landfast.names import asset_key


def depend_on(version: landfast.ArtifactVersion) -> None:
    """Make a version's artifact an upstream asset of the current task.

    What takes the task's result, and materializes an asset, then lists the artifact upstream; the
    current task too, if it materializes one.  Without a task it does nothing.
    """
    context = AssetContext.get()
    key = asset_key(version.full_name)
    if context is None or key in {asset.key for asset in context.downstream_assets}:
        return
    # Without properties: those given would overwrite what the asset's own declaration says.
    context.direct_asset_dependencies.add(Asset(key=key))
    context.update_tracked_assets()
