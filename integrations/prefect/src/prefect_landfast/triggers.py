"""Triggers: start a deployment when an artifact changed, or when it has not for too long."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import landfast
from prefect.events import DeploymentEventTrigger, EventTrigger
from prefect.events.schemas.automations import Posture

from prefect_landfast.events import CHANGED, VERDICT, resource_id
from prefect_landfast.names import full_name

ANY = "*"
"""As `partition`: every partition of the collection."""


@landfast.renamed({"name": "artifact"})
def on_artifact_change(
    artifact: str, *, parameter: str | None = None, partition: str | None = None
) -> DeploymentEventTrigger:
    """Start a deployment whenever the latest version of an artifact becomes another one.

    Args:
        artifact: ``[[entity/]project/]collection[~PARTITION]``; the rest from the settings of this place.
        parameter: The deployment's parameter that takes the version, such as ``default/vision/flowers:v3``;
            None gives no parameter.
        partition: A partition key instead of ``~PARTITION``; ``"*"`` is every partition.

    Raises:
        landfast.InvalidInput: If `artifact` is none, or names a version.

    Example:
        >>> trigger = on_artifact_change("default/vision/flowers", parameter="ref")
        >>> trigger.match.root
        {'prefect.resource.id': 'landfast.artifact.default/vision/flowers'}
    """
    return DeploymentEventTrigger(
        name=f"landfast-{artifact}",
        description=f"The latest version of {artifact} changed.",
        expect={CHANGED},
        match=_match(artifact, partition),
        parameters=None if parameter is None else {parameter: template("name")},
    )


def on_verdict_change(
    artifact: str,
    *,
    parameter: str | None = None,
    partition: str | None = None,
    verdicts: Collection[str] = (),
) -> DeploymentEventTrigger:
    """Start a deployment whenever what an alias names stands otherwise at its source than before.

    `landfast.Client.verify_aliases` or ``landfast verify --aliases``, on a schedule, finds that out, whoever runs it;
    the flow `verify_aliases` sends the event at once, `mirror_changes` that of what others found, with `verdict` and
    `previous_verdict` in its payload.

    Args:
        artifact: As in `on_artifact_change`.
        parameter: As in `on_artifact_change`.
        partition: As in `on_artifact_change`.
        verdicts: Only changes to these, such as ``gone``, ``changed``; none is every change, also back to ``intact``.

    Raises:
        landfast.InvalidInput: If `artifact` is none, names a version, or a verdict is none.

    Example:
        >>> on_verdict_change("default/vision/flowers", parameter="ref").expect
        {'landfast.artifact.verdict'}
    """
    only = landfast.check_verdicts(verdicts)
    labels = {"landfast.verdict": sorted(only)} if verdicts else {}
    return DeploymentEventTrigger(
        name=f"landfast-verdict-{artifact}",
        description=f"What is recorded as {artifact} stands otherwise at its source.",
        expect={VERDICT},
        match=_match(artifact, partition) | labels,
        parameters=None if parameter is None else {parameter: template("name")},
    )


@landfast.renamed({"name": "artifact"})
def on_no_artifact_change(
    artifact: str, *, within: timedelta = timedelta(days=1), partition: str | None = None
) -> EventTrigger:
    """Fire when nothing new arrived for some time; for a Prefect `Automation`.

    Args:
        artifact: As in `on_artifact_change`.
        within: The time; 10 s at least.
        partition: As in `on_artifact_change`.

    Raises:
        landfast.InvalidInput: If `artifact` is none, or names a version.

    Example:
        >>> on_no_artifact_change("default/vision/flowers").within
        datetime.timedelta(days=1)
    """
    return EventTrigger(
        posture=Posture.Proactive,
        expect={CHANGED},
        match=_match(artifact, partition),
        threshold=1,
        within=within,
    )


def template(key: str) -> dict[str, str]:
    """Return the parameter value that Prefect fills in from the event's payload.

    Example:
        >>> template("version")
        {'__prefect_kind': 'jinja', 'template': '{{ event.payload.version }}'}
    """
    return {"__prefect_kind": "jinja", "template": f"{{{{ event.payload.{key} }}}}"}


def _match(name: str, partition: str | None) -> Any:
    landfast.ArtifactName.parse(name).whole("what a trigger waits for")
    if partition == ANY:
        every = resource_id(full_name(name, partition=""))
        return {"prefect.resource.id": [every, f"{every}~*"]}
    return {"prefect.resource.id": resource_id(full_name(name, partition=partition))}
