"""Landfast's resource and IO managers; with no argument they use the embedded registry."""

import os

import dagster as dg
from dagster_landfast import LandfastObjectIOManager, LandfastReferenceIOManager, LandfastResource

landfast = LandfastResource(ui_url=os.environ.get("LANDFAST_UI_URL"))


@dg.definitions
def resources() -> dg.Definitions:
    """Name them as the assets do."""
    return dg.Definitions(
        resources={
            "landfast": landfast,
            "references": LandfastReferenceIOManager(landfast=landfast),
            "io_manager": LandfastObjectIOManager(landfast=landfast),
        }
    )
