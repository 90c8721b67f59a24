"""Mirror: changes that others logged (Airflow, a script, the command line) become Prefect events."""

from __future__ import annotations

import itertools
from typing import Any

import landfast
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from prefect_landfast.client import base_client
from prefect_landfast.events import consumer_name, event_id, event_of, known, send

_PAGE = 50  # events that Prefect answers at once


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

    Every change of a latest version is told, in order, also one that a later change has superseded.  What
    a run of this Prefect has told already is not sent again; what its run died before telling is.

    Returns:
        The number of events sent, and the position in the feed.
    """
    reader = f"{consumer_name()}#mirror"
    position = client.announced_position(reader)
    is_first = position == 0
    sent = 0
    changes = client.changes(after=position)
    while page := list(itertools.islice(changes, _PAGE)):
        moved = [change for change in page if change.kind is not landfast.ChangeKind.ALIAS]
        ids = [event_id(change) for change in moved]
        # Beside the mirror, runs tell: of what they logged, and of what is newest.
        told = known(ids) if history or not is_first else ids
        for change, id_ in zip(moved, ids, strict=True):
            if id_ not in told and not _was_told(client, change):
                send(event_of(client.version_of(change), change))
                client.mark_announced(consumer_name(), change)
                sent += 1
            client.mark_announced(reader, change)
        position = page[-1].position
    return sent, position


def _was_told(client: landfast.Client, change: landfast.Change) -> bool:
    """Tell whether a run told of just this change: Prefect may have put its event away only later."""
    told = client.announced_position(consumer_name(), change.version.bare())
    return told == change.position
