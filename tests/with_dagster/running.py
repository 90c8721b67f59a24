"""Materialize assets of references in this process, and read what the events say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
from dagster_landfast import LandfastReferenceIOManager, LandfastResource


def asset(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Define an asset whose IO manager is the one that `materialize` gives."""
    options = {"io_manager_key": "io", **options}
    return dg.asset(**options) if function is None else dg.asset(**options)(function)


def materialize(
    assets: Sequence[Any], instance: dg.DagsterInstance, *, resources: Any = None, **how: Any
) -> dg.ExecuteInProcessResult:
    """Run assets; fields of `LandfastResource` may be among `how`."""
    ours = {name: how.pop(name) for name in list(how) if name in LandfastResource.model_fields}
    resource = LandfastResource(**ours)
    given = {"io": LandfastReferenceIOManager(landfast=resource), "registry": resource}
    return dg.materialize(
        assets, instance=instance, resources={**given, **(resources or {})}, **how
    )


def metadata_of(result: dg.ExecuteInProcessResult, node: str) -> dict[str, Any]:
    """Return the plain values of an asset's materialization; tables as their records."""
    (event,) = result.asset_materializations_for_node(node)
    return {
        name: value.records if isinstance(value, dg.TableMetadataValue) else value.value
        for name, value in event.metadata.items()
    }
