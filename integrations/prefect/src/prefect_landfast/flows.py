"""The flow that takes a snapshot of external data, ready to be scheduled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import landfast
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from prefect_landfast.client import recording
from prefect_landfast.report import outcome
from prefect_landfast.shards import log_in_shards, with_retries
from prefect_landfast.tasks.log import log_reference


@flow(name="snapshot-artifact", flow_run_name="snapshot {name}", persist_result=False)
def snapshot_artifact(
    name: str,
    uri: str | list[str | dict[str, str]],
    *,
    registry: str | None = None,
    type: str | None = None,
    description: str | None = None,
    partition: str | None = None,
    partition_key: str | None = None,
    partition_format: str | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    max_objects: int | Literal["unlimited"] | None = None,
    checksum: str | bool | None = None,
    allow_empty: bool = False,
    aliases: list[str] | None = None,
    tags: list[str] | None = None,
    metadata: dict[str, Any] | None = None,
    ttl_seconds: int | None = None,
    options: dict[str, Any] | None = None,
    shards: int = 1,
) -> State[landfast.ArtifactVersion]:
    """Record what lies at a URI; a new version only if the content changed.

    The message of the run's last state says what it found, such as "unchanged at v7".  All parameters
    are JSON, and the same as in `snapshots.yaml`.

    Args:
        name: ``[[entity/]project/]collection``.
        uri: The place; or a list of places, each a URI or ``{"uri": ..., "name": ...}``, where the name
            is the path that takes the place's entries.
        registry: Name of a `LandfastRegistry` block; None as in the tasks.
        type: Of the artifact; None is the collection's, ``dataset`` for a new one.
        description: Of the version if it is new.
        partition: A partition key, or a text with ``{partition_key}``.
        partition_key: Fills ``{partition_key}`` in `uri` and `partition`.
        partition_format: The key as a format of `strftime`, such as ``%Y-%m-%d``, for the time (UTC) at
            which the run was to start; `partition_key` goes first.
        include: Globs of paths to keep.
        exclude: Globs of paths to leave out.
        max_objects: The most entries of each place; None is the setting's, 10,000.
        checksum: A kind, such as ``sha256``; false records none.
        allow_empty: Whether an empty place is no error.
        aliases: To move to the version.
        tags: To add to the version.
        metadata: JSON object.
        ttl_seconds: How long the version is kept if it is new.
        options: For the store: endpoint, region, profile, ...; never a secret, Prefect stores parameters.
        shards: Into how many tasks the listing of each place is cut.

    Returns:
        The version, as the result of the run.

    Raises:
        landfast.InvalidInput: If a parameter cannot be used, naming it.

    Example:
        >>> snapshot_artifact("vision/flowers", "s3://raw-images/flowers/").version  # doctest: +SKIP
        'v0'
    """
    config = config_of(
        name,
        uri,
        type=type,
        description=description,
        partition=partition,
        include=include,
        exclude=exclude,
        max_objects=max_objects,
        checksum=checksum,
        allow_empty=allow_empty,
        aliases=aliases,
        tags=tags,
        metadata=metadata,
        ttl_seconds=ttl_seconds,
        options=options,
    )
    filled = config.for_partition(partition_key_of(partition_key, partition_format))
    version = take(filled, registry=registry, shards=shards)
    return Completed(message=outcome(version), data=version)


def config_of(
    name: str, uri: str | Sequence[str | dict[str, str]], **given: Any
) -> landfast.SnapshotConfig:
    """Return the snapshot that parameters of `snapshot_artifact` describe; None is "not given".

    Raises:
        landfast.InvalidInput: If a parameter cannot be used, naming it.
    """
    told = {key: value for key, value in given.items() if value is not None}
    for key in ("registry", "shards", "partition_key", "partition_format"):
        told.pop(key, None)
    if told.get("max_objects") == "unlimited":
        told["max_objects"] = landfast.UNLIMITED
    if told.get("checksum") is True:
        del told["checksum"]
    if (seconds := told.pop("ttl_seconds", None)) is not None:
        told["ttl"] = timedelta(seconds=seconds)
    return landfast.SnapshotConfig(name=name, uris=_places(uri), **told)


def partition_key_of(key: str | None, form: str | None) -> str | None:
    """Return the partition key of a run: as given, else the time it was to start, in a format."""
    return key or (_scheduled().strftime(form) if form else None)


def take(
    config: landfast.SnapshotConfig, *, registry: str | None = None, shards: int = 1
) -> landfast.ArtifactVersion:
    """Log what a snapshot describes, in one task or in shards.

    Args:
        config: With its partition key filled in.
        registry: As in the tasks.
        shards: Into how many tasks the listing of each place is cut.
    """
    log: dict[str, Any] = {
        "type": config.type,
        "partition": config.partition,
        "aliases": tuple(config.aliases),
        "tags": tuple(config.tags),
        "metadata": dict(config.metadata),
        "description": config.description,
        "ttl": config.ttl,
    }
    places = config.references()
    if shards == 1:
        version: landfast.ArtifactVersion = with_retries(log_reference)(
            config.name, places, registry=registry, **log
        )
        return version
    with recording(registry) as client:
        return log_in_shards(client, config.name, places, shards=shards, registry=registry, **log)


def _places(uri: str | Sequence[str | dict[str, str]]) -> tuple[landfast.SnapshotUri, ...]:
    given = [uri] if isinstance(uri, str) else uri
    return tuple(
        landfast.SnapshotUri(uri=place) if isinstance(place, str) else landfast.SnapshotUri(**place)
        for place in given
    )


def _scheduled() -> datetime:
    """Return when the run was to start, UTC; now outside a run."""
    return flow_run.scheduled_start_time or datetime.now(UTC)
