"""Edges: which versions a step read, and which it only depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import dagster as dg

from dagster_landfast import compat, identity, resolving
from dagster_landfast.resolving import Resolved, ResolvedBy

if TYPE_CHECKING:
    from dagster_landfast.resource import LandfastResource


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """An input of a step, for the metadata of its outputs.

    Args:
        name: Of the input, or what the code asked for.
        asset_key: The asset that was read; None if a name was given.
        resolved: The version, and what decided.
        declared: Whether nothing was loaded: the asset only says that it depends on it.
    """

    name: str
    asset_key: dg.AssetKey | None
    resolved: Resolved
    declared: bool = False


# Inputs are loaded, code runs and outputs are stored in one process, with one object for the step.
_used: WeakKeyDictionary[Any, dict[tuple[str, str], Used]] = WeakKeyDictionary()


def used_by(context: Any, asset_key: dg.AssetKey | None = None) -> list[Used]:
    """Return what a step read so far.

    Args:
        context: Any context of the step.
        asset_key: Only what this asset of the step depends on, and what has no asset.
    """
    step = compat.step_context(context)
    if step is None:
        return []
    found = list(_used.get(step, {}).values())
    if asset_key is None or len(compat.output_assets(step)) < 2:
        return found
    upstream = compat.dependencies(step, asset_key)
    return [used for used in found if used.asset_key is None or used.asset_key in upstream]


def record(resource: LandfastResource, context: Any, inputs: Sequence[Used]) -> None:
    """Record that a step read versions: an edge for each asset and partition that is made of them.

    Args:
        resource: Of the registry.
        context: Any context of the step; outside a run nothing is recorded.
        inputs: What was read.
    """
    step = compat.step_context(context)
    found = resource.execution(context)
    if step is None or found is None:
        return
    seen = _used.setdefault(step, {})
    for used in inputs:
        seen[used.name, used.resolved.version.qualified_name] = used
    readers = _Readers(step, found.assets, found.partitions)
    for asset_key in found.assets or (None,):
        for partition_key in found.partitions or (None,):
            read = [used for used in inputs if readers.reads(asset_key, partition_key, used)]
            if read:
                client = resource.begin(found, found.run_key(asset_key, partition_key))
                for declared in {used.declared for used in read}:
                    versions = [u.resolved.version for u in read if u.declared is declared]
                    client.use_all(versions, declared=declared)


def declare(resource: LandfastResource, context: Any, asset_key: dg.AssetKey) -> None:
    """Record the dependencies of an asset that nothing was loaded of, where Dagster knows their version.

    Args:
        resource: Of the registry.
        context: Any context of the step.
        asset_key: The asset that depends on them.
    """
    step = compat.step_context(context)
    if step is None:
        return
    loaded = {used.asset_key for used in used_by(context)}
    declared: list[Used] = []
    for upstream in compat.dependencies(step, asset_key):
        if upstream not in loaded:
            declared += _declared(resource, step, upstream)
    record(resource, context, declared)


def _declared(resource: LandfastResource, step: Any, upstream: dg.AssetKey) -> Iterable[Used]:
    found = resolving.resolve(
        resource.client,
        identity.name_in_use(resource.client, upstream, compat.node_metadata(step, upstream)),
        asset_key=upstream,
        partition_keys=compat.upstream_partitions(step, upstream, compat.partition_keys(step)),
        instance=step.instance,
        observable=compat.is_observable(step, upstream),
        missing_ok=True,
    )
    named = identity.ARTIFACT in compat.node_metadata(step, upstream)
    for resolved in found:
        # A collection that happens to be called like an asset is not its artifact.
        if named or resolved.by is ResolvedBy.DAGSTER:
            name = upstream.to_user_string()
            yield Used(name=name, asset_key=upstream, resolved=resolved, declared=True)


class _Readers:
    """Which asset and partition of a step reads which partition of an input."""

    def __init__(
        self, step: Any, assets: Sequence[dg.AssetKey], partitions: Sequence[str] | None
    ) -> None:
        self._step = step
        self._several_assets = len(assets) > 1
        self._several_partitions = len(partitions or ()) > 1
        self._mapped: dict[tuple[dg.AssetKey, str], set[str]] = {}

    def reads(self, asset_key: dg.AssetKey | None, partition_key: str | None, used: Used) -> bool:
        upstream, theirs = used.asset_key, used.resolved.partition_key
        if upstream is None:
            return True
        if asset_key is not None and self._several_assets:
            known = compat.dependencies(self._step, asset_key)
            if upstream not in known:
                return False
        if not self._several_partitions or partition_key is None or theirs is None:
            return True
        pair = upstream, partition_key
        if pair not in self._mapped:
            keys = compat.upstream_partitions(self._step, upstream, [partition_key])
            self._mapped[pair] = set(keys or ())
        return theirs in self._mapped[pair]
