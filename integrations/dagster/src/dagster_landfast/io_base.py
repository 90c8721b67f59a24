"""LandfastIOManager: what both IO managers have in common, the resource."""

# Annotations stay real objects here: Dagster reads those of resources when the class is made.

import dagster as dg
from pydantic import Field, PrivateAttr

from dagster_landfast.resource import LandfastResource


class LandfastIOManager(dg.ConfigurableIOManager):
    """An IO manager on a `LandfastResource`; without one it takes everything from the environment."""

    versions: dict[str, str] = Field(
        default={},
        description="Versions to read instead of the current ones, by asset key: v3, an alias, a digest.",
    )
    landfast: dg.ResourceDependency[LandfastResource] = None  # type: ignore[assignment]

    _environment: LandfastResource | None = PrivateAttr(default=None)

    @property
    def resource(self) -> LandfastResource:
        """The resource given, else one that takes everything from the environment."""
        given: LandfastResource | None = self.landfast
        if given is not None:
            return given
        if self._environment is None:
            self._environment = LandfastResource()
        return self._environment

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Mark the runs of the steps that are over, as a resource of the definitions does itself."""
        if self._environment is not None:
            self._environment.teardown_after_execution(context)
