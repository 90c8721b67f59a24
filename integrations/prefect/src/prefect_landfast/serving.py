"""Serve what snapshots.yaml describes: a deployment of `snapshot_artifact` for each snapshot in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import landfast
from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.types.entrypoint import EntrypointType

from prefect_landfast.flows import snapshot_artifact

ONE_AT_A_TIME = ConcurrencyLimitConfig(
    limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
)
"""A snapshot that is still running is not joined by the next one, which is cancelled."""


def serve_snapshots(
    path: str | Path = "snapshots.yaml",
    *,
    registry: str | None = None,
    partition_format: str | None = None,
    shards: int = 1,
    **options: Any,
) -> None:
    """Take the snapshots of a file on their schedules, in this process, until it is stopped.

    Args:
        path: The file; `landfast snapshot --config` reads the same one.
        registry: Name of a `LandfastRegistry` block; None as in the tasks.
        partition_format: As in `snapshot_deployments`.
        shards: Into how many tasks the listing of each place is cut.
        options: For `prefect.serve`: limit, pause_on_shutdown, ...

    Raises:
        landfast.NotFound: If there is no such file.
        landfast.InvalidInput: Naming file, line, what is wrong and what is allowed.

    Example:
        >>> serve_snapshots("snapshots.yaml", registry="default")  # doctest: +SKIP
    """
    made = snapshot_deployments(
        path, registry=registry, partition_format=partition_format, shards=shards
    )
    serve(*made, **options)


def snapshot_deployments(
    path: str | Path = "snapshots.yaml",
    *,
    registry: str | None = None,
    partition_format: str | None = None,
    shards: int = 1,
) -> list[RunnerDeployment]:
    """Return a deployment for each snapshot of a file: for `prefect.serve`, or `.apply()`.

    Each runs one at a time: where the last run still goes on, the next is cancelled.  A deployment is
    named as its snapshot, with ``:`` for ``/``, which Prefect does not allow there.

    Args:
        path: The file.
        registry: Name of a `LandfastRegistry` block; None as in the tasks.
        partition_format: The partition key of scheduled runs, a format of `strftime` such as
            ``%Y-%m-%d`` for the time (UTC) at which the run was to start.  Without it, a snapshot with
            ``{partition_key}`` gets no schedule: its runs are started with `partition_key`.
        shards: Into how many tasks the listing of each place is cut.

    Raises:
        landfast.NotFound: If there is no such file.
        landfast.InvalidInput: If the file is wrong, or holds a secret: Prefect stores parameters.
    """
    return [
        _deployment(config, registry=registry, partition_format=partition_format, shards=shards)
        for config in landfast.load_snapshots(path)
    ]


def _deployment(
    config: landfast.SnapshotConfig,
    *,
    registry: str | None,
    partition_format: str | None,
    shards: int,
) -> RunnerDeployment:
    _refuse_secrets(config)
    needs_key = config.needs_partition_key
    parameters = {
        **parameters_of(config),
        "registry": registry,
        "partition_format": partition_format if needs_key else None,
        "shards": shards if shards != 1 else None,
    }
    return snapshot_artifact.to_deployment(  # type: ignore[return-value]  # async only in a loop
        name=config.name.replace("/", ":"),
        description=config.description or f"Snapshots of {config.name}.",
        cron=None if needs_key and partition_format is None else config.schedule,
        parameters={name: value for name, value in parameters.items() if value is not None},
        tags=["landfast"],
        concurrency_limit=ONE_AT_A_TIME,
        # The installed package is found wherever it is installed; a file path is not.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def parameters_of(config: landfast.SnapshotConfig) -> dict[str, Any]:
    """Return the parameters of `snapshot_artifact` for a snapshot; None stands for "not given"."""
    unlimited = config.max_objects == landfast.UNLIMITED
    return {
        "name": config.name,
        "uri": _uri(config),
        "type": config.type,
        "description": config.description,
        "partition": config.partition,
        "include": _listed(config.include),
        "exclude": _listed(config.exclude),
        "max_objects": "unlimited" if unlimited else config.max_objects,
        "checksum": config.checksum,
        "allow_empty": config.allow_empty or None,
        "aliases": _listed(config.aliases),
        "tags": _listed(config.tags),
        "metadata": dict(config.metadata) or None,
        "ttl_seconds": None if config.ttl is None else int(config.ttl.total_seconds()),
        "options": dict(config.options) or None,
    }


def _uri(config: landfast.SnapshotConfig) -> str | list[str | dict[str, str]]:
    places: list[str | dict[str, str]] = [
        place.uri if place.name is None else {"uri": place.uri, "name": place.name}
        for place in config.uris
    ]
    only = places[0]
    return only if len(places) == 1 and isinstance(only, str) else places


def _listed(texts: Sequence[str]) -> list[str] | None:
    return list(texts) or None


def _refuse_secrets(config: landfast.SnapshotConfig) -> None:
    told = [place.uri for place in config.uris]
    told += [f"{name}={value}" for name, value in config.options.items()]
    masked = [landfast.redact(text) for text in told]
    secret = [shown for text, shown in zip(told, masked, strict=True) if text != shown]
    if secret:
        raise landfast.InvalidInput(
            f"snapshot {config.name} holds a secret, and Prefect stores the parameters of runs",
            subject=config.name,
            found=", ".join(secret),
            hint="Give credentials in a LandfastRegistry block, landfast.toml or the environment.",
        )
