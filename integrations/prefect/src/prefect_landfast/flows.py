"""The flows that take a snapshot of external data and verify what aliases name, ready to be scheduled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import landfast
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from prefect_landfast.client import recording
from prefect_landfast.events import tell_verdicts
from prefect_landfast.logs import logger
from prefect_landfast.shards import log_in_shards, with_retries
from prefect_landfast.tasks.log import log_reference

KEPT = "Prefect stores the parameters of runs"
# Parameters that no file of snapshots has.
_OF_THE_RUN = {"registry", "shards", "partition_key", "partition_format"}


@flow(name="snapshot-artifact", flow_run_name="snapshot {name}", persist_result=False)
def snapshot_artifact(
    name: str,
    uri: str | list[str | dict[str, str]],
    *,
    type: str | None = None,
    partition: str | None = None,
    partition_key: str | None = None,
    partition_format: str | None = None,
    aliases: list[str] | None = None,
    tags: list[str] | None = None,
    metadata: dict[str, Any] | None = None,
    description: str | None = None,
    ttl: str | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    max_objects: int | Literal["unlimited"] | None = None,
    checksum: str | bool | None = None,
    allow_empty: bool = False,
    inventory: str | None = None,
    options: dict[str, Any] | None = None,
    shards: int = 1,
    registry: str | None = None,
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
        inventory: Where the bucket's inventory lies; None lists the bucket.
        aliases: To move to the version.
        tags: To add to the version.
        metadata: JSON object.
        ttl: How long the version is kept if it is new: a number and ``s``, ``m``, ``h``, ``d`` or ``w``.
        options: For the store: endpoint, region, profile, ...; never a secret, Prefect stores parameters.
        shards: Into how many tasks the listing of each place is cut.

    Returns:
        The version, as the result of the run.

    Raises:
        landfast.InvalidInput: If a parameter cannot be used, naming it; or holds a secret.

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
        inventory=inventory,
        aliases=aliases,
        tags=tags,
        metadata=metadata,
        ttl=ttl,
        options=options,
    )
    filled = config.for_partition(partition_key_of(partition_key, partition_format))
    version = take(filled, registry=registry, shards=shards)
    return Completed(message=version.outcome, data=version)


def _verified() -> str:
    given = flow_run.parameters
    return f"verify {given.get('artifact') or '*'}:{','.join(given.get('aliases') or ())}"


@flow(name="verify-aliases", flow_run_name=_verified, persist_result=False)
def verify_aliases(
    artifact: str | None = None,
    *,
    aliases: list[str],
    fail_on: landfast.FailOn = "drift",
    registry: str | None = None,
) -> State[list[dict[str, Any]]]:
    """Compare every version that aliases name with what its stores have now, from list pages.

    A change is a row of the feed and, at once, the event of `on_verdict_change`.  The message of the run's last
    state says what it found.

    Args:
        artifact: ``[[entity/]project/]collection``, which means all its partitions, or one with ``~PARTITION``; None
            is the whole project.
        aliases: Which, such as ``prod``.
        fail_on: As in `verify_artifact`.
        registry: Name of a `LandfastRegistry` block; None as in the tasks.

    Returns:
        What was found of each version, as the result of the run.

    Raises:
        landfast.ObjectChanged: If something drifted, or bytes are lost, as `fail_on` says.
        landfast.NotFound: If no version has one of the aliases.

    Example:
        >>> verify_aliases("vision/flowers", aliases=["prod"])  # doctest: +SKIP
    """
    rule = landfast.VerifyRule(name=artifact, aliases=aliases, fail_on=fail_on)
    with recording(registry) as client:
        found = client.verify_aliases(*rule.names, aliases=rule.aliases)
        for one in found:
            logger().info("%s: %s: %s", one.version, one.verdict or "not looked at", one.summary)
        tell_verdicts(client, [one.change for one in found if one.change is not None])
        rule.raise_for(found)
    changed = sum(one.change is not None for one in found)
    intact = sum(one.ok for one in found)
    message = f"{rule.label}: {intact} of {len(found)} intact, {changed} changed"
    return Completed(message=message, data=[one.to_dict() for one in found])


def config_of(
    name: str, uri: str | Sequence[str | dict[str, str]], **given: Any
) -> landfast.SnapshotConfig:
    """Return the snapshot that parameters of `snapshot_artifact` describe; None is "not given".

    Raises:
        landfast.InvalidInput: If a parameter cannot be used, naming it; or holds a secret.
    """
    said = {key: value for key, value in given.items() if key not in _OF_THE_RUN}
    said["uri" if isinstance(uri, str) else "uris"] = uri
    if said.get("checksum") is True:
        del said["checksum"]
    entry = {key: value for key, value in said.items() if value is not None}
    (config,) = landfast.snapshots_of([{"name": name, **entry}], source="snapshot_artifact")
    config.refuse_secrets(KEPT)
    return config


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
    log = config.log_options()
    places = config.references()
    if shards == 1:
        version: landfast.ArtifactVersion = with_retries(log_reference)(
            config.name, places, registry=registry, **log
        )
        return version
    with recording(registry) as client:
        return log_in_shards(client, config.name, places, shards=shards, registry=registry, **log)


def _scheduled() -> datetime:
    """Return when the run was to start, UTC; now outside a run."""
    return flow_run.scheduled_start_time or datetime.now(UTC)
