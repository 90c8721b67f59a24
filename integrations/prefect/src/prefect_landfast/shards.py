"""A large scan in pieces: each a task, on the task runner of the flow, and one task that logs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ParamSpec, TypeVar

import landfast
from prefect import unmapped
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task
from pydantic import BaseModel, PrivateAttr

from prefect_landfast.client import recording
from prefect_landfast.tasks.verb import verb
from prefect_landfast.tracking import depend_on

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS_S = (5.0, 30.0, 120.0)


def log_in_shards(
    client: landfast.Client,
    name: str,
    references: Sequence[landfast.Reference],
    *,
    shards: int,
    registry: str | None,
    **log: Any,
) -> landfast.ArtifactVersion:
    """Scan references in shards, mapped over the flow's task runner, and log them as one version.

    The client travels to the workers, without secrets, and refuses to work on another registry there.

    Args:
        client: Of the flow.
        name: Of the artifact.
        references: The places.
        shards: How many pieces each place is cut into.
        registry: As in the tasks.
        log: As in `Client.log_scans`.
    """
    # Drawn before the first request: what others log meanwhile is newer than what is seen here.
    ticket = client.ticket()
    plans = [client.plan(reference, shards=shards, near=name) for reference in references]
    pieces = [shard for plan in plans for shard in plan.shards]
    scans = with_retries(scan_shard).map(pieces, client=unmapped(client), near=unmapped(name))
    found = Found([plan.source.uri for plan in plans], scans.result(), ticket)
    version: landfast.ArtifactVersion = with_retries(log_shards)(
        name, found, registry=registry, **log
    )
    return version


class Found(BaseModel):
    """What all shards of some places found.

    Of what a task takes, only the fields tell its runs apart.  What was found is no field: a retry that
    finds something else is a retry all the same.
    """

    uris: list[str]
    _scans: Sequence[Any] = PrivateAttr()
    _ticket: int = PrivateAttr()

    def __init__(self, uris: Sequence[str], scans: Sequence[Any], ticket: int) -> None:
        super().__init__(uris=list(uris))
        self._scans, self._ticket = tuple(scans), ticket


@verb("scan for {near}")
def scan_shard(shard: Any, client: landfast.Client, near: str) -> Any:
    """Scan one shard; what it found lies in the registry's store, where `log_shards` takes it."""
    return client.scan_shard(shard, near=near)


@verb("log {name}")
def log_shards(
    name: str, found: Found, *, registry: str | None, **log: Any
) -> landfast.ArtifactVersion:
    """Log what all shards found, as one version."""
    with recording(registry) as client:
        version = client.log_scans(name, found._scans, ticket=found._ticket, **log)
        depend_on(version)
    return version


def with_retries(task: Task[P, R]) -> Task[P, R]:
    """Return a task that is tried again where that may help: a server that did not answer."""
    return task.with_options(
        retries=len(RETRY_DELAYS_S),
        retry_delay_seconds=list(RETRY_DELAYS_S),
        retry_condition_fn=is_worth_a_retry,
    )


def is_worth_a_retry(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001
    """Tell whether a failed task would fare better later; Prefect asks."""
    return isinstance(state.result(raise_on_failure=False), landfast.Unavailable)
