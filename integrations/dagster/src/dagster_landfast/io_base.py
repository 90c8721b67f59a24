"""LandfastIOManager: what both IO managers have in common, the resource."""

# Annotations stay real objects here: Dagster reads those of resources when the class is made.

import dagster as dg
from pydantic import Field, PrivateAttr

from dagster_landfast.finding import defined, resource_of, same
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

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Look whether the registry answers, before a step does work that could not be recorded."""
        # A resource that is given does so itself.
        given: LandfastResource | None = self.landfast
        if context.run is None or given is not None:
            return
        # Dagster tells here only of resources that something requires.
        found = list(defined(context.all_resource_defs, context.run, context.instance))
        first = found[0] if found else LandfastResource()
        if all(same(first, other) for other in found):
            first.check_reachable()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Mark the runs of the steps that are over, as a resource of the definitions does itself."""
        for found in self._found:
            found.teardown_after_execution(context)
