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

_MAX_NAMED = 5


@verb("verify {artifact}")
def verify_artifact(
    artifact: str | landfast.ArtifactVersion,
    *,
    raise_on_drift: bool = True,
    partition: str | None = None,
    registry: str | LandfastRegistry | None = None,
    **options: Any,
) -> landfast.VerifyReport:
    """Compare every entry of a version with what the storage has now, from list pages.

    Args:
        artifact: As in `use_artifact`.
        raise_on_drift: False only reports.
        partition: A partition key instead of ``~PARTITION``.
        registry: A `LandfastRegistry` block or its name; None is explained at `landfast_client`.
        options: deep (read the bytes), workers, any_endpoint, as in `landfast.Client.verify`.

    Returns:
        The report: `.ok`, `.summary`, `.rows`.

    Raises:
        landfast.ObjectChanged: If anything but pins is not as recorded, unless `raise_on_drift` is False.

    Example:
        >>> report = verify_artifact("flowers:prod", raise_on_drift=False)  # doctest: +SKIP
        >>> report.summary  # doctest: +SKIP
        '119 intact, 1 overwritten'
    """
    with recording(registry) as client:
        version = client.get(named(client, artifact, partition))
        depend_on(version)
        report = client.verify(version, **options)
        logger().info("%s: %s", version.qualified_name, report.summary)
        if raise_on_drift and not report.ok:
            raise _drift(version, report)
    return report


def _drift(
    version: landfast.ArtifactVersion, report: landfast.VerifyReport
) -> landfast.ObjectChanged:
    worst = sorted(report.rows, key=lambda row: row.verdict.badness, reverse=True)[:_MAX_NAMED]
    return landfast.ObjectChanged(
        f"{version.qualified_name} is not what lies at its source now",
        subject=version.qualified_name,
        expected="every entry intact",
        found=f"{report.summary} ({', '.join(f'{row.path} {row.verdict}' for row in worst)})",
        hint="landfast verify names every entry; log again to record what is there now.",
    )


averify_artifact = async_twin(verify_artifact)
