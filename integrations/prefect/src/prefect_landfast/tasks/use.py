"""use_artifact: pin a version and record that this run used it."""

from __future__ import annotations

import landfast

from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.client import recording
from prefect_landfast.logs import logger
from prefect_landfast.tasks.verb import async_twin, verb
from prefect_landfast.tracking import depend_on


@verb("use {artifact}")
def use_artifact(
    artifact: str | landfast.ArtifactVersion,
    *,
    type: str | None = None,
    partition: str | None = None,
    registry: str | LandfastRegistry | None = None,
) -> landfast.ArtifactVersion:
    """Pin a version, and record that this run used it.

    Args:
        artifact: ``flowers`` (its latest), ``flowers:v3``, ``flowers:prod``, ``flowers@lf1:...``, or a version.
        type: The type expected.
        partition: A partition key instead of ``~PARTITION``.
        registry: A `LandfastRegistry` block or its name; None is explained at `landfast_client`.

    Returns:
        The version: it stays this one, whatever is logged while the flow goes on.

    Raises:
        landfast.NotFound: Naming what is missing, and what there is.
        landfast.Conflict: If it has another type.

    Example:
        >>> data = use_artifact("flowers:prod")  # doctest: +SKIP
        >>> data.version  # doctest: +SKIP
        'v7'
    """
    with recording(registry) as client:
        version = client.use(named(client, artifact, partition), type=type)
        depend_on(version)
        logger().info("uses %s", version.qualified_name)
    return version


def named(
    client: landfast.Client, artifact: str | landfast.ArtifactVersion, partition: str | None
) -> landfast.ArtifactName | landfast.ArtifactVersion:
    """Return what an argument names: a version as it is, a name with its partition.

    Raises:
        landfast.Conflict: If the name says another partition.
    """
    if isinstance(artifact, landfast.ArtifactVersion):
        return artifact
    return client.resolve_name(artifact).in_partition(partition)


ause_artifact = async_twin(use_artifact)
