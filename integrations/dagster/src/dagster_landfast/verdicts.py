"""build_verdict_sensor: run a job when what an alias names stands otherwise at its source than before."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import feed
from dagster_landfast.cursors import Cursor
from dagster_landfast.resource import LandfastResource
from dagster_landfast.sensors import resource_of_sensor

_MOST_RUNS = 100


def build_verdict_sensor(
    artifact: str,
    *,
    job: Any,
    verdicts: Collection[str] = (),
    name: str = "landfast_verdicts",
    minimum_interval_seconds: int = 30,
    resource_key: str | None = None,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.STOPPED,
) -> dg.SensorDefinition:
    """Return a sensor that runs a job for each change of a verdict on what aliases of an artifact name.

    `landfast.Client.verify_aliases` or ``landfast verify --aliases``, on a schedule, finds that out, whoever runs it.
    The run has tags ``landfast/name``, ``landfast/verdict`` and ``landfast/previous_verdict``.  The sensor reads the
    feed from where it left off, and begins with the first change after its first look.

    Args:
        artifact: ``[[entity/]project/]collection``, which means all its partitions, or one with ``~PARTITION``.
        job: What to run: a job, or assets.
        verdicts: Only changes to these, such as ``gone``, ``changed``; none is every change, also back to ``intact``.
        name: Of the sensor.
        minimum_interval_seconds: Between two looks.
        resource_key: Of the `LandfastResource`; None is the one of the definitions, else the environment's.
        default_status: Whether it runs before anybody turns it on.

    Raises:
        InvalidInput: If the name says a version, or a verdict is none.

    Example:
        >>> @dg.job
        ... def alarm(): ...
        >>> build_verdict_sensor("vision/mnist", job=alarm).name
        'landfast_verdicts'
    """
    only = landfast.check_verdicts(verdicts)
    wanted = landfast.ArtifactName.parse(artifact).whole("what a sensor follows")

    def look(context):  # type: ignore[no-untyped-def]
        client = _client(context, resource_key)
        found = Cursor.read(
            context.cursor, registry=feed.registry_of(client), head=feed.head_of(client)
        )
        requests, position = _requests(client, wanted, only, found)
        cursor = str(Cursor(registry=found.registry, position=position))
        if not requests and cursor == context.cursor:
            return dg.SkipReason(f"no verdict changed after position {position}")
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return dg.SensorDefinition(
        name=name,
        evaluation_fn=look,
        job=job,
        minimum_interval_seconds=minimum_interval_seconds,
        description=f"Runs when what is recorded as {artifact} stands otherwise at its source.",
        required_resource_keys={resource_key} if resource_key else set(),
        default_status=default_status,
    )


def _client(context: Any, resource_key: str | None) -> landfast.Client:
    resource: LandfastResource = resource_of_sensor(context, resource_key)
    return resource.client


def _requests(
    client: landfast.Client,
    wanted: landfast.ArtifactName,
    only: frozenset[str],
    found: Cursor,
) -> tuple[list[dg.RunRequest], int]:
    requests: list[dg.RunRequest] = []
    position = found.position
    if not found.registry:
        return requests, position
    for change in client.changes(
        after=position, name=wanted, partitions=not wanted.partition, verdicts=True
    ):
        position = change.position
        if change.verdict is not None and change.verdict.verdict in only:
            tags = {
                "landfast/name": str(change.version),
                "landfast/verdict": change.verdict.verdict,
                "landfast/previous_verdict": change.verdict.previous,
            }
            requests.append(dg.RunRequest(run_key=change.id, tags=tags))
            if len(requests) == _MOST_RUNS:
                break
    return requests, position
