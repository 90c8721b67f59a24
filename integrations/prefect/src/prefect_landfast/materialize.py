"""materialize_artifact: a task whose output is an artifact, and a Prefect asset."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ParamSpec, Protocol, cast, overload

import landfast
from prefect.assets import materialize
from prefect.context import AssetContext
from prefect.serializers import Serializer
from prefect.tasks import MaterializingTask

from prefect_landfast.assets import artifact_asset
from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.client import base_client, recording
from prefect_landfast.names import asset_key
from prefect_landfast.output import Output, Place, draft_of
from prefect_landfast.report import facts
from prefect_landfast.tracking import record_inputs

P = ParamSpec("P")


class Decorator(Protocol):
    """Turns a body into a task that answers a version: awaited, if the body is."""

    @overload
    def __call__(  # type: ignore[overload-overlap]  # the narrower comes first
        self, function: Callable[P, Coroutine[Any, Any, Any]], /
    ) -> MaterializingTask[P, Coroutine[Any, Any, landfast.ArtifactVersion]]: ...

    @overload
    def __call__(
        self, function: Callable[P, object], /
    ) -> MaterializingTask[P, landfast.ArtifactVersion]: ...


@landfast.renamed({"name": "artifact"})
def materialize_artifact(
    artifact: str,
    uri: Place | Sequence[Place] | None = None,
    *,
    type: str | None = None,
    partition: str | None = None,
    aliases: Sequence[str] = (),
    serializer: str | Serializer[Any] | None = None,
    registry: str | LandfastRegistry | None = None,
    asset_description: str | None = None,
    owners: Sequence[str] | None = None,
    url: str | None = None,
    by: str = "landfast",
    **task_options: Any,
) -> Decorator:
    """Make a task that writes an artifact: when its body has returned, what it wrote is logged.

    The task answers the `landfast.ArtifactVersion`.  Versions among its arguments, and those that its
    arguments stem from, are recorded as its inputs.

    Args:
        artifact: ``[[entity/]project/]collection[~PARTITION]``.
        uri: Where the body writes; None lets the body return it: a URI, a path, a `landfast.Reference`, a
            list of them, or a `landfast.Artifact` draft (which has its own partition).
        type: Of the artifact; None is the collection's, ``dataset`` for a new one.
        partition: A partition key instead of ``~PARTITION``.
        aliases: To move to the version.
        serializer: ``"json"``, ``"pickle"`` or a Prefect serializer: the body returns the object itself, which
            is kept in the registry's store; `load_object` reads it.
        registry: A `LandfastRegistry` block or its name; None is explained at `landfast_client`.
        asset_description: Of the asset.
        owners: Of the asset.
        url: A page about the asset; else its page below `LANDFAST_UI_URL`.
        by: The tool that materializes it, in the asset's event.
        task_options: Of Prefect's `task`: retries, tags, cache_policy, asset_deps, ...

    Raises:
        landfast.InvalidInput: If `artifact` is none; when run, if the body returns something else.
        landfast.Conflict: When run, before the body, if the name means another artifact there.
        landfast.Unavailable: When run, before the body, if the registry does not answer.

    Example:
        >>> @materialize_artifact("vision/features", "s3://feat/flowers/", retries=2)
        ... def build_features(data: landfast.ArtifactVersion) -> None:
        ...     ...
        >>> build_features.assets
        [Asset(key='landfast://default/vision/features')]
    """
    asset = artifact_asset(artifact, description=asset_description, owners=owners, url=url)
    output = Output(
        name=artifact,
        place=uri,
        type=type,
        partition=partition,
        aliases=tuple(aliases),
        serializer=serializer,
    )
    check = functools.partial(_check, artifact, asset.key, registry)
    log = functools.partial(_log, output, asset.key, registry)

    def decorate(function: Callable[..., Any]) -> MaterializingTask[..., Any]:
        return materialize(asset, by=by, **task_options)(_with_log(function, check, log))

    return cast(Decorator, decorate)


def _with_log(
    function: Callable[P, Any],
    check: Callable[[], None],
    log: Callable[[Any], landfast.ArtifactVersion],
) -> Callable[P, Any]:
    """Return the body between the check that it can be logged and the log of what it answers."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: P.args, **kwargs: P.kwargs) -> landfast.ArtifactVersion:
            await asyncio.to_thread(check)
            return await asyncio.to_thread(log, await function(*args, **kwargs))

        return run_async

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> landfast.ArtifactVersion:
        check()
        return log(function(*args, **kwargs))

    return run


def _log(
    output: Output, key: str, registry: str | LandfastRegistry | None, result: Any
) -> landfast.ArtifactVersion:
    with recording(registry) as client:
        record_inputs(client)
        draft = draft_of(client, output, result)
        version = client.log_artifact(draft, aliases=output.aliases)
        _describe_in_event(client, key, version)
    return version


def _check(name: str, key: str, registry: str | LandfastRegistry | None) -> None:
    """Find out before the body's work whether there is a registry, and whether it means this asset."""
    client = base_client(registry)
    _ = client.registry  # opened here
    meant = asset_key(client.resolve_name(name))
    if meant != key:
        raise landfast.Conflict(
            f"{name!r} is another artifact for the registry than for the asset",
            subject=name,
            expected=key,
            found=meant,
            hint="Write project/collection, or set LANDFAST_PROJECT, where the task is defined.",
        )


def _describe_in_event(
    client: landfast.Client, key: str, version: landfast.ArtifactVersion
) -> None:
    context = AssetContext.get()
    if context is not None and key in {asset.key for asset in context.downstream_assets}:
        context.add_asset_metadata(key, facts(client, version))
