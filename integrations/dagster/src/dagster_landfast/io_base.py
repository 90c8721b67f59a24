"""LandfastIOManager: what both IO managers have in common, the resource."""

# Annotations stay real objects here: Dagster reads those of resources when the class is made.

import dagster as dg
from pydantic import Field, PrivateAttr

from dagster_landfast.finding import resource_of, same
from dagster_landfast.resource import LandfastResource


class LandfastIOManager(dg.ConfigurableIOManager):
    """An IO manager on a `LandfastResource`: one that it is given, else the only one of the definitions."""

    versions: dict[str, str] = Field(
        default={},
        description="Versions to read instead of the current ones, by asset key: v3, an alias, a digest.",
    )
    landfast: dg.ResourceDependency[LandfastResource] = None  # type: ignore[assignment]

    _found: list[LandfastResource] = PrivateAttr(default_factory=list)

    def resource_for(self, context: dg.InputContext | dg.OutputContext) -> LandfastResource:
        """Return the resource given, else the one that the definitions have, else the environment's.

        Raises:
            InvalidInput: If the definitions have several that differ, and none is given.
        """
        given: LandfastResource | None = self.landfast
        if given is not None:
            return given
        found = resource_of(context)
        known = next((each for each in self._found if same(each, found)), None)
        if known is not None:
            return known
        self._found.append(found)
        return found

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Mark the runs of the steps that are over, as a resource of the definitions does itself."""
        for found in self._found:
            found.teardown_after_execution(context)
