"""The event `landfast.artifact.changed`: a collection's latest version is another one now.

It is sent at least once for each change that still stands, also by a retry that finds the version
recorded, and carries an id made from the change: sent twice, Prefect keeps and evaluates it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import httpx
import landfast
from prefect import get_client
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import Event, RelatedResource
from prefect.events.filters import EventFilter, EventIDFilter, EventNameFilter

from prefect_landfast import api

CHANGED = "landfast.artifact.changed"
"""Name of the event."""
VERDICT = "landfast.artifact.verdict"
"""Name of the event that what an alias names stands otherwise at its source than before."""
PAYLOAD_SCHEMA = 1
"""Goes up when a key of the payload changes its meaning; keys are only added otherwise."""

_IDS = UUID("6b7b45a5-5c4f-5a86-9d2e-0c5f1f0f7a3e")


def announce(client: landfast.Client, name: landfast.ArtifactName | str) -> landfast.Change | None:
    """Tell Prefect of the change of an artifact that it still has to be told of, if there is one.

    Nothing is sent outside a run unless `PREFECT_API_URL` is set: Prefect would start a server for it.

    Args:
        client: Who knows; in whose run the change may have been made.
        name: Collection, with its partition if it has one.

    Returns:
        The change that was sent; None if there is nothing new, or nobody to tell.

    Raises:
        landfast.Unavailable: If Prefect does not take the event. It is sent with the next log then.
    """
    if not api.can_reach_api():
        return None
    return client.announce(
        name, consumer_name(), lambda version, change: send(event_of(version, change))
    )


def consumer_name() -> str:
    """Return the name under which the registry keeps what this Prefect was told."""
    return f"prefect:{api.deployment()}"


def resource_id(name: landfast.ArtifactName) -> str:
    """Return the id of the event's resource: the collection, with its partition.

    Example:
        >>> resource_id(landfast.ArtifactName.parse("default/vision/flowers:v3"))
        'landfast.artifact.default/vision/flowers'
    """
    return f"landfast.artifact.{name.bare()}"


def event_id(change: landfast.Change) -> UUID:
    """Return the id of a change's event, the same for whoever sends it."""
    return uuid5(_IDS, change.id)


def event_of(version: landfast.ArtifactVersion, change: landfast.Change) -> Event:
    """Return the event of a change, with the run that sends it."""
    name, verdict = change.version, change.verdict
    labels = {} if verdict is None else {"landfast.verdict": verdict.verdict}
    return Event.model_validate(
        {
            "occurred": datetime.now(UTC),
            "event": CHANGED if verdict is None else VERDICT,
            "id": event_id(change),
            "resource": {
                "prefect.resource.id": resource_id(name),
                "prefect.resource.name": str(name.bare()),
                "landfast.version": version.version,
                "landfast.digest": version.digest,
                "landfast.type": version.type,
                "landfast.change": str(change.kind),
                **labels,
            },
            "related": [*_version_resources(version), *_run_resources()],
            "payload": _payload(version, change),
        }
    )


def send(event: Event) -> None:
    """Send an event, and return when the server has taken it.

    `emit_event` of Prefect only queues: a process that is killed would lose what it believes it has sent.

    Raises:
        landfast.Unavailable: If the server does not take it.
    """
    try:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=[event.model_dump(mode="json")])
    except httpx.HTTPError as error:
        raise landfast.Unavailable(
            f"Prefect at {api.deployment()} does not take the event of {event.payload['name']}",
            subject=event.payload["name"],
            found=type(error).__name__,
            hint="The version is recorded; log again to send the event.",
        ) from error


def tell_verdicts(client: landfast.Client, changes: Sequence[landfast.Change]) -> None:
    """Tell Prefect of changes of verdicts; nothing is sent where `announce` sends nothing.

    A mirror does not send them again.

    Raises:
        landfast.Unavailable: If Prefect does not take an event; a mirror sends it then.
    """
    if api.can_reach_api():
        for change in changes:
            send(event_of(client.version_of(change), change))


def known(ids: Sequence[UUID]) -> set[UUID]:
    """Return those of some events, 50 at most, that Prefect has.

    Raises:
        landfast.Unavailable: If it does not answer.
    """
    if not ids:
        return set()
    wanted = EventFilter(
        event=EventNameFilter(name=[CHANGED, VERDICT]), id=EventIDFilter(id=list(ids))
    )
    try:
        with get_client(sync_client=True) as client:
            page = client.request(
                "POST", "/events/filter", json={"filter": wanted.model_dump(mode="json")}
            )
    except httpx.HTTPError as error:
        raise landfast.Unavailable(
            f"Prefect at {api.deployment()} does not say which events it has",
            found=type(error).__name__,
            hint="Run the mirror again: it goes on where it stopped.",
        ) from error
    return {UUID(event["id"]) for event in page.json()["events"]}


def _payload(version: landfast.ArtifactVersion, change: landfast.Change) -> dict[str, Any]:
    # Automations that were made before its name was `name` ask for `ref`.
    return {"schema": PAYLOAD_SCHEMA, **version.facts(change), "ref": version.qualified_name}


def _version_resources(version: landfast.ArtifactVersion) -> list[RelatedResource]:
    sources = dict.fromkeys(version.facts()["uris"], "landfast-source")
    return [
        RelatedResource({"prefect.resource.id": place, "prefect.resource.role": role})
        for place, role in {version.uri: "landfast-version", **sources}.items()
    ]


def _run_resources() -> list[RelatedResource]:
    """Return flow run, task run, flow and deployment, as Prefect's own events name them."""
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    found: list[tuple[str, object, str]] = []
    if flow is not None and flow.flow_run is not None:
        run = flow.flow_run
        found += [
            ("flow-run", run.id, run.name),
            ("flow", run.flow_id, flow.flow.name if flow.flow else ""),
        ]
        found += [("deployment", run.deployment_id, "")] if run.deployment_id else []
    elif task is not None and task.task_run.flow_run_id is not None:
        found.append(("flow-run", task.task_run.flow_run_id, ""))
    if task is not None:
        found.append(("task-run", task.task_run.id, task.task_run.name))
    return [
        RelatedResource(
            {
                "prefect.resource.id": f"prefect.{kind}.{id_}",
                "prefect.resource.role": kind,
                **({"prefect.resource.name": name} if name else {}),
            }
        )
        for kind, id_, name in found
    ]
