"""log_reference: record what lies at a URI; a new version only if the content changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import landfast

from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.client import recording
from prefect_landfast.tasks.verb import async_twin, verb
from prefect_landfast.tracking import depend_on, record_flow_inputs, record_inputs

Place = str | Path | landfast.Reference


@verb("log {artifact}")
def log_reference(
    artifact: str,
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
    inputs: Sequence[str | landfast.ArtifactVersion] | None = None,
    registry: str | LandfastRegistry | None = None,
    **scan: Any,
) -> landfast.ArtifactVersion:
    """Record what lies at a URI as an output of this run; a new version only if the content changed.

    Args:
        artifact: ``[[entity/]project/]collection[~PARTITION]``.
        uri: A URI, a path, a `landfast.Reference`, or several of them.
        type: Of the artifact; None is the collection's, ``dataset`` for a new one.
        partition: A partition key instead of ``~PARTITION``.
        aliases: To move to the version; `latest` is implied.
        tags: To add to the version.
        metadata: JSON object; of the version if it is new, of this look at it always.
        description: Of the version if it is new.
        ttl: How long the version is kept if it is new.
        move_latest: False for backfills.
        inputs: Versions that it was made from, besides those that Prefect can tell: what the task's other
            arguments stem from. None is, where there are none of these, all that this flow run used before; an
            empty list is nothing more.
        registry: A `LandfastRegistry` block or its name; None is explained at `landfast_client`.
        scan: checksum, max_objects, include, exclude, allow_empty, options, shards, as in
            `landfast.Artifact.add_reference`.

    Returns:
        The version with this content; `.changed` and `.created` tell what happened.

    Raises:
        landfast.NotFound: If there is nothing at the URI.
        landfast.LimitExceeded: If there is more than `max_objects` (10,000).
        landfast.AccessDenied: Naming the missing permission.

    Example:
        >>> version = log_reference("flowers", "s3://raw-images/flowers/")  # doctest: +SKIP
        >>> version.version, version.changed  # doctest: +SKIP
        ('v0', True)
    """
    places = [uri] if isinstance(uri, (str, Path, landfast.Reference)) else list(uri)
    with recording(registry) as client:
        if not record_inputs(client, inputs or ()) and inputs is None:
            record_flow_inputs(client)
        version = client.log(
            artifact,
            *places,
            type=type,
            partition=partition,
            aliases=aliases,
            tags=tags,
            metadata=metadata,
            description=description,
            ttl=ttl,
            move_latest=move_latest,
            **scan,
        )
        depend_on(version)
    return version


alog_reference = async_twin(log_reference)
