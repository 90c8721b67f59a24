"""Whether the tasks of a flow stay on this machine: a registry in a local file is of use only there."""

from __future__ import annotations

import functools

import landfast
from prefect import get_client
from prefect.context import FlowRunContext

_LOCAL_POOLS = {"process"}


def check(settings: landfast.Settings) -> None:
    """Refuse the registry that nobody named, where other machines would not see it.

    Raises:
        landfast.InvalidInput: Naming what runs elsewhere, and what to set.
    """
    other = elsewhere()
    if other is not None:
        settings.require_shared(
            other, "Save a LandfastRegistry block as 'default', or set LANDFAST_REGISTRY_URL"
        )


def elsewhere() -> str | None:
    """Return what may run tasks of this flow on other machines; None if nothing does."""
    flow = FlowRunContext.get()
    if flow is None:
        return None
    runner = type(flow.task_runner)
    if runner.__module__.partition(".")[0] != "prefect":
        return f"the task runner {runner.__name__}"
    pool = None if flow.flow_run is None else flow.flow_run.work_pool_name
    if pool is None:
        return None
    kind = _kind_of(pool)
    return None if kind in _LOCAL_POOLS else f"the {kind} work pool {pool!r}"


@functools.lru_cache
def _kind_of(pool: str) -> str:
    with get_client(sync_client=True) as client:
        return client.read_work_pool(pool).type
