"""use_artifact, use_artifacts and log_reference: artifacts inside a `@task` function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import landfast
from airflow.sdk import Asset, get_current_context

from landfast_provider.assets import ArtifactAsset, artifact_asset, partition_key
from landfast_provider.hooks.landfast import DEFAULT_CONN_ID
from landfast_provider.task_run import Named, TaskRun, to_name
from landfast_provider.version_compat import get_hook_lineage_collector

Place = str | Path | landfast.Reference


def use_artifact(
    artifact: Named,
    *,
    type: str | None = None,
    partition: str | None = None,
    landfast_conn_id: str = DEFAULT_CONN_ID,
    aws_conn_id: str | None = None,
    gcp_conn_id: str | None = None,
) -> landfast.ArtifactVersion:
    """Return the version that this task reads, and record that it does.

    A name that says a version is that version. Else the event that triggered the DAG run decides, then the newest
    event of an inlet, then the registry's latest; a retry, and a cleared task, read what was read first.

    Args:
        artifact: A name, a ``landfast://`` URI, a version, or an `artifact_asset`.
        type: The type expected.
        partition: A partition key instead of ``~PARTITION``.
        landfast_conn_id: The registry.
        aws_conn_id: Credentials of ``s3://``; None is the connection's.
        gcp_conn_id: Credentials of ``gs://``; None is the connection's.

    Raises:
        InvalidInput: If no version is said, the run was not triggered by the artifact, and it is not among
            the task's `inlets`; or if several partitions of it triggered the run: `use_artifacts` reads those.
        NotFound: If there is no such version.
        Conflict: If it has another type.

    Example:
        >>> @task(inlets=[artifact_asset("nlp/corpus")])  # doctest: +SKIP
        ... def train():
        ...     folder = use_artifact("nlp/corpus").download()
    """
    run = _run(landfast_conn_id, aws_conn_id, gcp_conn_id)
    name = to_name(artifact).in_partition(partition_key(partition, partition))
    version = run.use(name, type=type)
    _reads(run, version)
    return version


def use_artifacts(
    artifact: Named,
    *,
    declared: bool = False,
    landfast_conn_id: str = DEFAULT_CONN_ID,
    aws_conn_id: str | None = None,
    gcp_conn_id: str | None = None,
) -> list[landfast.ArtifactVersion]:
    """Return the newest version of each partition that is new to this DAG, and record that this task reads them.

    New is what changed since the last successful run of the DAG looked, by the registry's feed; for the first run
    what changed since the first event that triggered it, and everything if none did.  A retry, and a cleared task, get
    the same list.  It is empty if nothing is new.

    Args:
        artifact: A name, or an `artifact_asset`; with a version or a partition it is as for `use_artifact`.
        declared: Whether this task only lists what the tasks mapped over it read.
        landfast_conn_id: The registry.
        aws_conn_id: Credentials of ``s3://``; None is the connection's.
        gcp_conn_id: Credentials of ``gs://``; None is the connection's.

    Example:
        >>> @task  # doctest: +SKIP
        ... def changed():
        ...     return [version.uri for version in use_artifacts("sales/orders", declared=True)]
        >>> work.expand(uri=changed())  # doctest: +SKIP
    """
    run = _run(landfast_conn_id, aws_conn_id, gcp_conn_id)
    versions = run.use_all(artifact, declared=declared)
    for version in () if declared else versions:
        _reads(run, version)
    return versions


def log_reference(
    artifact: str | Asset,
    uri: Place | Sequence[Place],
    *,
    type: str | None = None,
    partition: str | None = None,
    aliases: Sequence[str] = (),
    tags: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    description: str | None = None,
    ttl: timedelta | None = None,
    move_latest: bool = True,
    landfast_conn_id: str = DEFAULT_CONN_ID,
    aws_conn_id: str | None = None,
    gcp_conn_id: str | None = None,
    **scan: Any,
) -> landfast.ArtifactVersion:
    """Log what this task wrote: a new version only if the content changed.

    An event of the asset tells consumers of a change, if the task has ``artifact_asset(NAME).on_change`` among
    its outlets.

    Args:
        artifact: ``[[entity/]project/]collection``, or its asset.
        uri: A URI, a path, a `landfast.Reference`, or several of them.
        type: Type of the artifact; None is the collection's, ``dataset`` for a new one.
        partition: Key of the partition.
        aliases: To move to the version.
        tags: To add to the version.
        metadata: JSON object.
        description: Of a new version.
        ttl: How long a new version is kept.
        move_latest: False for backfills.
        landfast_conn_id: The registry.
        aws_conn_id: Credentials of ``s3://``; None is the connection's.
        gcp_conn_id: Credentials of ``gs://``; None is the connection's.
        scan: As for `Artifact.add_reference`: checksum, max_objects, include, exclude, allow_empty, shards.

    Returns:
        The version; `.created` and `.changed` tell what happened.

    Raises:
        InvalidInput: If the partition is an empty text.
        Conflict: If nothing changed and the asset itself is an outlet: Airflow would emit an event all the same.
    """
    run = _run(landfast_conn_id, aws_conn_id, gcp_conn_id)
    asset = artifact_asset(artifact)
    version = run.client.log(
        asset.artifact,
        *([uri] if isinstance(uri, Place) else uri),
        type=type,
        partition=partition_key(partition, partition),
        aliases=aliases,
        tags=tags,
        metadata=metadata,
        description=description,
        ttl=ttl,
        move_latest=move_latest,
        **scan,
    )
    return took(run, asset, version)


def took(
    run: TaskRun, asset: ArtifactAsset, version: landfast.ArtifactVersion
) -> landfast.ArtifactVersion:
    """Take note of a version that a task logged, and announce it if it is news.

    Raises:
        Conflict: If it is none, and each success of the task emits an event.
    """
    run.took(version)
    # Of the partition that was written, which the asset may leave open.
    written = artifact_asset(version.full_name.bare())
    get_hook_lineage_collector().add_output_asset(
        run.hook, uri=written.uri, asset_extra={"version": version.version}
    )
    if not run.announce(asset, version) and run.has_concrete_outlet(asset):
        name = str(asset.artifact)
        raise landfast.Conflict(
            f"{version.qualified_name} is unchanged, but {asset.uri} is an outlet of this task",
            subject=asset.uri,
            expected=f"outlets=[artifact_asset({name!r}).on_change]",
            found=f"outlets=[artifact_asset({name!r})]",
            hint="Airflow emits an event of such an outlet on every success: use .on_change.",
        )
    return version


def _reads(run: TaskRun, version: landfast.ArtifactVersion) -> None:
    asset = artifact_asset(version.full_name.bare())
    get_hook_lineage_collector().add_input_asset(
        run.hook, uri=asset.uri, asset_extra={"version": version.version}
    )


def _run(landfast_conn_id: str, aws_conn_id: str | None, gcp_conn_id: str | None) -> TaskRun:
    return TaskRun.of(get_current_context(), landfast_conn_id, aws_conn_id, gcp_conn_id)
