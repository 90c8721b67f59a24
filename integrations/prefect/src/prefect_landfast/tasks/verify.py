"""verify_artifact: compare a version with what lies at its source now."""

from __future__ import annotations

from typing import Any

import landfast

from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.client import recording
from prefect_landfast.logs import logger
from prefect_landfast.tasks.use import named
from prefect_landfast.tasks.verb import async_twin, verb
from prefect_landfast.tracking import depend_on


@verb("verify {artifact}")
@landfast.renamed({"raise_on_drift": "fail_on"})
def verify_artifact(
    artifact: str | landfast.ArtifactVersion,
    *,
    partition: str | None = None,
    fail_on: landfast.FailOn = "drift",
    registry: str | LandfastRegistry | None = None,
    **options: Any,
) -> landfast.VerifyReport:
    """Compare every entry of a version with what the storage has now, from list pages.

    Args:
        artifact: As in `use_artifact`.
        fail_on: ``drift`` fails if anything but the recorded content lies at the source; ``loss`` only if recorded
            bytes cannot be had, or could not be looked at; ``never`` only reports.
        partition: A partition key instead of ``~PARTITION``.
        registry: A `LandfastRegistry` block or its name; None is explained at `landfast_client`.
        options: deep (read the bytes), workers, any_endpoint, as in `landfast.Client.verify`.

    Returns:
        The report: `.ok`, `.summary`, `.rows`.

    Raises:
        landfast.ObjectChanged: If it drifted, or bytes are lost, as `fail_on` says.

    Example:
        >>> report = verify_artifact("flowers:prod", fail_on="never")  # doctest: +SKIP
        >>> report.summary  # doctest: +SKIP
        '119 intact, 1 overwritten'
    """
    with recording(registry) as client:
        version = client.get(named(client, artifact, partition))
        depend_on(version)
        report = client.verify(version, **options)
        logger().info("%s: %s", version.qualified_name, report.summary)
        report.raise_for(fail_on, version.qualified_name)
    return report


averify_artifact = async_twin(verify_artifact)
