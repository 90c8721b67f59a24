"""check_retention: fail if a rule of a bucket takes what a version refers to too soon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import landfast

from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.client import recording
from prefect_landfast.logs import logger
from prefect_landfast.tasks.use import named
from prefect_landfast.tasks.verb import async_twin, verb
from prefect_landfast.tracking import depend_on


@verb("check retention of {artifact}")
def check_retention(
    artifact: str | landfast.ArtifactVersion,
    *,
    partition: str | None = None,
    within: timedelta = timedelta(days=30),
    locks: bool = False,
    registry: str | LandfastRegistry | None = None,
    **options: Any,
) -> landfast.RetentionReport:
    """Fail if a rule of a bucket removes or archives what a version refers to sooner than in some time.

    It reads the rules of each bucket, and list pages where a rule may apply.

    Args:
        artifact: As in `use_artifact`.
        partition: A partition key instead of ``~PARTITION``.
        within: How far ahead a date is too near.
        locks: Whether to ask what holds each object version that would expire, in two requests each.
        registry: A `LandfastRegistry` block or its name; None is explained at `landfast_client`.
        options: workers, any_endpoint, as in `landfast.Client.retention`.

    Returns:
        The report: `.first`, `.summary`, `.rules`, `.rows`.

    Raises:
        landfast.ExpiresSoon: If something expires, is archived or is gone by then; names the rule and what prevents it.
        landfast.Unverifiable: If rules could not be read; names what is missing.

    Example:
        >>> check_retention("flowers:prod", within=timedelta(days=90)).first  # doctest: +SKIP
        datetime.datetime(2026, 12, 24, 0, 0, tzinfo=datetime.timezone.utc)
    """
    with recording(registry) as client:
        version = client.get(named(client, artifact, partition))
        depend_on(version)
        report = client.retention(version, within=within, locks=locks, **options)
        logger().info("%s: %s", version.qualified_name, report.summary)
        report.raise_for()
    return report


acheck_retention = async_twin(check_retention)
