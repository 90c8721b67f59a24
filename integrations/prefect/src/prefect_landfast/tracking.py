"""Dependencies: what a task's result stems from, for Prefect's asset graph and for our lineage.

Prefect follows assets from task to task, through tasks that know nothing of artifacts.  The same path
tells which versions went into what a later task logs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

import landfast
from prefect.assets import Asset
from prefect.context import AssetContext, TaskRunContext

from prefect_landfast.names import asset_key
from prefect_landfast.run import current_run, flow_run_id

_MAX_FLOW_RUNS = 256
_MAX_DEPTH = 8

_lock = threading.Lock()
# By flow run, then by asset: the versions that its tasks answered in this process.
_seen: OrderedDict[str, dict[str, dict[str, landfast.ArtifactVersion]]] = OrderedDict()


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
    _remember(key, version)


def record_inputs(
    client: landfast.Client, inputs: Iterable[str | landfast.ArtifactVersion] = ()
) -> bool:
    """Record as used what goes into the version that the current task is about to log; tell whether anything does.

    That is what is given; each version among the task's parameters; and what its parameters stem from,
    as far as Prefect follows it.  Where a flow run had several versions of one artifact in its hands,
    and only Prefect tells, they are recorded as declared.
    """
    known = set[str]()
    for given in [*inputs, *_of_this_registry(client, _parameters())]:
        known.add(asset_key(client.use(given).full_name))
    upstream = _upstream()
    for key, versions in upstream.items():
        if key not in known:
            client.use_all(_of_this_registry(client, versions), declared=len(versions) > 1)
    return bool(known or upstream)


def record_flow_inputs(client: landfast.Client) -> None:
    """Record as used what the flow run has used before the current task began, by whichever of its tasks.

    For a body that reads and writes by itself, between tasks, where nothing tells what went into what.
    """
    run = current_run()
    if run is None:
        return
    # A retry records the same again, and not what was used since.
    began = client.run(run.key).started_at
    used = {
        edge.version: None
        for edge in client.edges_within(run.key)
        if edge.direction is landfast.Direction.USED and edge.at <= began
    }
    client.use_all(version for name in used if (version := client.find(name)) is not None)


def _parameters() -> list[landfast.ArtifactVersion]:
    task = TaskRunContext.get()
    return [] if task is None else list(_versions_in(task.parameters, _MAX_DEPTH))


def _versions_in(value: Any, depth: int) -> Iterator[landfast.ArtifactVersion]:
    if isinstance(value, landfast.ArtifactVersion):
        yield value
    elif depth and isinstance(value, (dict, list, tuple, set, frozenset)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _versions_in(item, depth - 1)


def _upstream() -> dict[str, list[landfast.ArtifactVersion]]:
    context = AssetContext.get()
    keys = set() if context is None else {asset.key for asset in context.upstream_assets}
    with _lock:
        seen = _seen.get(flow_run_id() or "", {})
        return {key: list(seen[key].values()) for key in sorted(keys) if key in seen}


def _of_this_registry(
    client: landfast.Client, versions: Iterable[landfast.ArtifactVersion]
) -> Iterator[landfast.ArtifactVersion]:
    for version in versions:
        if client.find(version.full_name) == version:
            yield version


def _remember(key: str, version: landfast.ArtifactVersion) -> None:
    with _lock:
        seen = _seen.setdefault(flow_run_id() or "", {})
        seen.setdefault(key, {})[version.qualified_name] = version
        _seen.move_to_end(flow_run_id() or "")
        while len(_seen) > _MAX_FLOW_RUNS:
            _seen.popitem(last=False)
