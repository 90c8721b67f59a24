"""Find the `LandfastResource` that a function of the user's means, without being handed one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat
from dagster_landfast.resource import LandfastResource


def required_keys(resource_key: str | None) -> set[str]:
    """Return what a definition requires so that `resource_of` finds the resource that it was given, if one was."""
    return set() if resource_key is None else {resource_key}


def resource_of(context: Any) -> LandfastResource:
    """Return the resource of a context: one that it requires, one of the definitions, else the environment's.

    Args:
        context: Of an asset, op or check.

    Raises:
        InvalidInput: If there are several that differ; then the asset has to require one.
    """
    required = [found for value in _required(context) if (found := _landfast_in(value))]
    if required:
        return _only(required)
    defined = list(_defined(context))
    return _only(defined) if defined else LandfastResource()


def _required(context: Any) -> list[Any]:
    try:
        return list(context.resources._asdict().values())
    except (AttributeError, dg.DagsterInvariantViolationError):
        return []


def _landfast_in(value: Any) -> LandfastResource | None:
    for candidate in (value, getattr(value, "landfast", None)):
        if isinstance(candidate, LandfastResource):
            return candidate
    return None


def _defined(context: Any) -> Iterator[LandfastResource]:
    """Yield the resources of the definitions that this step does not require, configured as in this run."""
    step = compat.step_context(context)
    if step is None:
        return
    yield from defined(step.job_def.resource_defs, step.dagster_run, step.instance)


def defined(
    definitions: Mapping[str, dg.ResourceDefinition],
    run: dg.DagsterRun,
    instance: dg.DagsterInstance | None,
) -> Iterator[LandfastResource]:
    """Yield those of some definitions that are ours, configured as in a run."""
    config: Mapping[str, Any] = run.run_config.get("resources", {})  # type: ignore[assignment]
    for key, definition in definitions.items():
        kind = getattr(definition, "configurable_resource_cls", None)
        if isinstance(kind, type) and issubclass(kind, LandfastResource):
            given = {key: config[key]} if key in config else None
            with dg.build_resources(
                {key: definition}, instance=instance, resource_config=given
            ) as built:
                yield getattr(built, key)


def _only(found: list[LandfastResource]) -> LandfastResource:
    first, *rest = found
    if all(same(first, other) for other in rest):
        return first
    raise landfast.InvalidInput(
        f"the definitions have {len(found)} different LandfastResources",
        expected="one, or one that the asset requires",
        hint="Let the asset take one as a parameter (def features(context, registry: LandfastResource)),"
        " and give an IO manager its own: landfast=...",
    )


def same(one: LandfastResource, other: LandfastResource) -> bool:
    """Tell whether two resources say the same; credentials are not compared."""
    plain = set(LandfastResource.model_fields) - {"s3", "gcs", "clients"}
    return all(getattr(one, name) == getattr(other, name) for name in plain)
