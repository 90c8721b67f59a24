"""Report: a Prefect artifact, in Markdown, for each change of a collection."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from uuid import UUID

import httpx
import landfast
from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate

from prefect_landfast import api
from prefect_landfast.run import PrefectRun, current_run


def publish(client: landfast.Client, name: landfast.ArtifactName) -> landfast.Change | None:
    """Write a report on the change of a collection that Prefect has none on yet, if there is one.

    Its key is the collection's, so that Prefect shows the reports as one timeline.

    Args:
        client: Who knows.
        name: The collection, with its partition if it has one.

    Returns:
        The change; None if there is nothing new, or outside a run.

    Raises:
        landfast.Unavailable: If Prefect does not take it.
    """
    run = current_run()
    if run is None:  # outside of one Prefect is about to take no more artifacts
        return None
    return client.announce(
        name,
        f"prefect-report:{api.deployment()}",
        lambda _, change: _send(run, change, client.report(change)),
    )


def _send(run: PrefectRun, change: landfast.Change, text: str) -> None:
    # Not `create_markdown_artifact`: in an async flow it leaves its connection open.
    report = ArtifactCreate(
        type="markdown",
        key=report_key(change.version),
        data=text,
        description=f"{change.version}, {change.kind}",
        flow_run_id=_uuid(run.config.get("flow_run_id")),
        task_run_id=_uuid(run.config.get("task_run_id")),
    )
    try:
        with get_client(sync_client=True) as prefect:
            prefect.create_artifact(report)
    except httpx.HTTPError as error:
        raise landfast.Unavailable(
            f"Prefect does not take the report on {change.version}",
            subject=str(change.version),
            found=type(error).__name__,
            hint="The version is recorded; log again to report it.",
        ) from error


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def report_key(name: landfast.ArtifactName) -> str:
    """Return the key of a collection's reports: lowercase letters, digits and dashes.

    Example:
        >>> report_key(landfast.ArtifactName.parse("default/vision/Flowers_2:v3"))
        'landfast-vision-flowers-2-cde821'
    """
    place = f"{name.entity}/{name.project}/{name.collection}"
    readable = re.sub(r"[^a-z0-9]+", "-", f"{name.project}-{name.collection}".lower()).strip("-")
    # Names that differ in case or in punctuation alone would meet otherwise.
    return f"landfast-{readable}-{hashlib.sha256(place.encode()).hexdigest()[:6]}"


def facts(client: landfast.Client, version: landfast.ArtifactVersion) -> dict[str, Any]:
    """Return what the event of a materialization says of a version: names and counts, no entries."""
    change = version.change
    said = {**version.facts(change), "changed": version.changed, "created": version.created}
    if change is not None and change.previous is not None:
        diff = client.diff(str(change.previous), version)
        said |= diff.counts
    return said
