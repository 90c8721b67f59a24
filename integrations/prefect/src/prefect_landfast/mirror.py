"""Mirror: changes that others logged (Airflow, a script, the command line) become Prefect events."""

from __future__ import annotations

from typing import Any

import landfast
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from prefect_landfast.client import base_client
from prefect_landfast.events import announce, consumer_name


@flow(name="mirror-changes", flow_run_name="mirror changes", persist_result=False)
def mirror_changes(registry: str | None = None, history: bool = True) -> State[Any]:
    """Send an event for every change of the registry that this Prefect was not told of.

    It reads the feed from where its last run ended, which the registry remembers; so it may run every
    minute, on a schedule, and a run that is killed loses nothing.

    Args:
        registry: Name of a `LandfastRegistry` block; None as in the tasks.
        history: Whether the first run tells of what was logged before it.

    Example:
        >>> mirror_changes.serve(  # doctest: +SKIP
        ...     "every-minute", interval=60, entrypoint_type=EntrypointType.MODULE_PATH
        ... )
    """
    sent, position = mirror(base_client(registry), history=history)
    return Completed(message=f"{sent} changes told, feed at {position}", data=sent)


def mirror(client: landfast.Client, *, history: bool = True) -> tuple[int, int]:
    """Do what `mirror_changes` does, with a client.

    A change that a run of this Prefect has told already is not sent again; one whose run died before it
    told is.

    Returns:
        The number of events sent, and the position in the feed.
    """
    reader = f"{consumer_name()}#mirror"
    position = client.announced_position(reader)
    is_first = position == 0
    sent = 0
    for change in client.changes(after=position):
        if change.kind is landfast.ChangeKind.ALIAS:
            continue
        if history or not is_first:
            sent += announce(client, change.version.bare()) is not None
        client.mark_announced(reader, change)
        position = change.position
    return sent, position
