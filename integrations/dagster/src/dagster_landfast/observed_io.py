"""What loads an observed asset: the version that was recorded, whatever IO managers the definitions have."""

# Annotations stay real objects here: Dagster reads those of resources when the class is made.

from typing import Any

import dagster as dg

from dagster_landfast import loading
from dagster_landfast.finding import resource_of
from dagster_landfast.reference_io import LandfastReferenceIOManager, load

OBSERVED_IO = "landfast_observed_io"


class ObservedIOManager(LandfastReferenceIOManager):
    """Loads with the resource of the definitions, which nobody has to hand to it."""

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the version that is pinned, else the one that Dagster recorded, else the registry's latest."""
        resource = resource_of(context)
        return loading.shaped(context, load(resource, context, pins=resource.versions))


# One for all observed assets: definitions may not have two under one key.
MANAGER = ObservedIOManager()
