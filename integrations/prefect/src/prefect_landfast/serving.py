"""Serve what snapshots.yaml describes: a deployment for each snapshot in it, and for each verification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import landfast
from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.types.entrypoint import EntrypointType

from prefect_landfast.flows import KEPT, snapshot_artifact, verify_aliases

ONE_AT_A_TIME = ConcurrencyLimitConfig(
    limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
)
"""A snapshot that is still running is not joined by the next one, which is cancelled."""

_AS_EVERY: dict[str, Any] = {
    "tags": ["landfast"],
    "concurrency_limit": ONE_AT_A_TIME,
    # The installed package is found wherever it is installed; a file path is not.
    "entrypoint_type": EntrypointType.MODULE_PATH,
}


def serve_snapshots(
    path: str | Path = "snapshots.yaml",
    *,
    partition_format: str | None = None,
    shards: int = 1,
    registry: str | None = None,
    **options: Any,
) -> None:
    """Take the snapshots of a file on their schedules, and verify what it says, in this process, until it is stopped.

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
    partition_format: str | None = None,
    shards: int = 1,
    registry: str | None = None,
) -> list[RunnerDeployment]:
    """Return a deployment for each snapshot and each verification of a file: for `prefect.serve`, or `.apply()`.

    Each runs one at a time: where the last run still goes on, the next is cancelled.  A deployment is
    named as its snapshot, with ``:`` for ``/``, which Prefect does not allow there; one of `verify_aliases` as
    ``vision:flowers:prod``.

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
    made = [
        _deployment(config, registry=registry, partition_format=partition_format, shards=shards)
        for config in landfast.load_snapshots(path)
    ]
    return made + [_verification(rule, registry) for rule in landfast.load_verify(path)]


def _verification(rule: landfast.VerifyRule, registry: str | None) -> RunnerDeployment:
    parameters = {
        "artifact": rule.name,
        "aliases": list(rule.aliases),
        "fail_on": rule.fail_on,
        "registry": registry,
    }
    return verify_aliases.to_deployment(  # type: ignore[return-value]  # async only in a loop
        name=rule.label.removeprefix("*:").replace("/", ":").replace("%", "_"),
        description=f"Verifies {rule.label}.",
        cron=rule.schedule,
        parameters={name: value for name, value in parameters.items() if value is not None},
        **_AS_EVERY,
    )


def _deployment(
    config: landfast.SnapshotConfig,
    *,
    registry: str | None,
    partition_format: str | None,
    shards: int,
) -> RunnerDeployment:
    config.refuse_secrets(KEPT)
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
        **_AS_EVERY,
    )


def parameters_of(config: landfast.SnapshotConfig) -> dict[str, Any]:
    """Return the parameters of `snapshot_artifact` for a snapshot: its entry in the file, without its time."""
    entry = config.to_dict()
    entry.pop("schedule", None)
    return {"uri": entry.pop("uris", None), **entry}
