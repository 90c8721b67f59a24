"""Dagster Pipes: a process outside Dagster joins the run of the step that launched it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, identity, lineage, publishing
from dagster_landfast.finding import resource_of
from dagster_landfast.resolving import Resolved, ResolvedBy
from dagster_landfast.resource import LandfastResource


def pipes_env(
    context: Any,
    *,
    asset_key: dg.AssetKey | None = None,
    partition_key: str | None = None,
    resource: LandfastResource | None = None,
) -> dict[str, str]:
    """Return the environment variables with which an external process logs and uses in the name of this step.

    There `landfast.init()`, `landfast.Client()` and every command of the command line join the run.  Give them as
    ``env=`` of a Pipes client; where it has none, as ``extras={"landfast": pipes_env(context)}``, and let the
    process begin with ``os.environ.update(pipes.get_extra("landfast"))``.  No secret is among them: a registry URL
    with a password, and the credentials for what is referred to, have to be there already.

    Args:
        context: Of the asset or op.
        asset_key: Of a step that makes several assets: for which one.
        partition_key: Of a step that makes several partitions: for which one.
        resource: None is the one that the asset requires, or that the definitions have, or the environment's.

    Returns:
        What `landfast.Client.run_env` says.

    Example:
        >>> import dagster as dg
        >>> @dg.asset
        ... def model(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient):
        ...     done = pipes.run(context=context, command=["train.sh"], env=pipes_env(context))
        ...     return pipes_results(context, done)
    """
    resource = resource or resource_of(context)
    client = resource.for_context(context, asset_key=asset_key, partition_key=partition_key)
    return client.run_env()


def pipes_results(
    context: Any,
    invocation: dg.PipesClientCompletedInvocation,
    *,
    resource: LandfastResource | None = None,
) -> tuple[Any, ...]:
    """Return what an external process reported, completed by what it logged and used.

    A materialization gets the version that the process logged under the asset's name (or the only one that it
    logged): its digest as data version, unless the process reported one, and its metadata.  A process that speaks
    no Pipes at all, only ``landfast``, needs nothing else.

    Args:
        context: Of the asset.
        invocation: What the Pipes client's `run` returned.
        resource: As in `pipes_env`.

    Returns:
        Materializations and check results, for the asset to return.
    """
    resource = resource or resource_of(context)
    results = tuple(invocation.get_results())
    step, found = compat.step_context(context), resource.execution(context)
    if step is None or found is None:
        return results
    completed: list[Any] = []
    for result in results:
        if isinstance(result, dg.MaterializeResult):
            key = result.asset_key or found.assets[0]
            completed.append(_completed(_Joined(resource, context, key), result))
        else:
            completed.append(result)
    return tuple(completed)


def _completed(joined: _Joined, result: dg.MaterializeResult[Any]) -> dg.MaterializeResult[Any]:
    versions = joined.logged()
    joined.record_used()
    lineage.declare(joined.resource, joined.context, joined.asset_key)
    if not versions:
        return result
    published = publishing.described(
        joined.resource, joined.context, versions, asset_key=joined.asset_key
    )
    publishing.attach(joined.context, joined.asset_key, published)
    return dg.MaterializeResult(
        asset_key=joined.asset_key,
        data_version=result.data_version or dg.DataVersion(published.digest),
        metadata={**published.metadata, **(result.metadata or {})},
        check_results=result.check_results,
        tags=result.tags,
    )


class _Joined:
    """What an external process did for one asset, as the registry has it."""

    def __init__(self, resource: LandfastResource, context: Any, asset_key: dg.AssetKey) -> None:
        self.resource, self.context, self.asset_key = resource, context, asset_key
        self.client = resource.client
        self._step = compat.step_context(context)
        found = resource.execution(context)
        assert found is not None
        # With one asset and one partition they are the same; else the process may join either.
        parts = found.partitions or (None,)
        self._keys = list(
            dict.fromkeys(key for part in parts for key in found.run_keys(asset_key, part))
        )
        self._partitions = found.partitions
        self._edges = self.client.edges(self._keys)

    def logged(self) -> dict[str | None, landfast.ArtifactVersion]:
        """Return the version of each partition; of an earlier attempt's, the last that was logged counts."""
        names = {
            edge.version.bare()
            for edge in self._edges
            if edge.direction is landfast.Direction.LOGGED
        }
        given = compat.node_metadata(self._step, self.asset_key)
        versions: dict[str | None, landfast.ArtifactVersion] = {}
        for part in self._partitions or (None,):
            own = self.client.resolve_name(identity.artifact_name(self.asset_key, given, part))
            only = next(iter(names)) if len(names) == 1 else None
            name = own if own in names else only
            if name is not None:
                versions[part] = self._newest(name)
        return versions if len(versions) == len(self._partitions or (None,)) else {}

    def record_used(self) -> None:
        """Let the versions that the process used be shown as inputs of the asset."""
        used = [e for e in self._edges if e.direction is landfast.Direction.USED]
        lineage.record(self.resource, self.context, list(map(self._used, used)))

    def _used(self, edge: landfast.Edge) -> lineage.Used:
        collection = replace(edge.version.bare(), partition="")
        upstream = next((key for key, name in self._upstream() if name == collection), None)
        resolved = Resolved(
            partition_key=edge.version.partition or None,
            version=self.client.get(edge.version),
            by=ResolvedBy.REGISTRY,
        )
        return lineage.Used(name=str(collection), asset_key=upstream, resolved=resolved)

    def _upstream(self) -> Iterable[tuple[dg.AssetKey, landfast.ArtifactName]]:
        for key in compat.dependencies(self._step, self.asset_key):
            given = compat.node_metadata(self._step, key)
            yield key, self.client.resolve_name(identity.name_in_use(self.client, key, given))

    def _newest(self, name: landfast.ArtifactName) -> landfast.ArtifactVersion:
        for observation in self.client.history(name):
            if observation.run in self._keys:
                return self.client.get(observation.version)
        raise landfast.NotFound(f"nothing was logged as {name}", subject=str(name))


__all__ = ["pipes_env", "pipes_results"]
