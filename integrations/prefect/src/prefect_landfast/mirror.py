"""Mirror: changes that others logged (Airflow, a script, the command line) become Prefect events."""

from __future__ import annotations

from typing import Any, Literal

import landfast
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from prefect_landfast.client import base_client
from prefect_landfast.events import consumer_name, event_id, event_of, known, send

_PAGE = 50  # events that Prefect answers at once


@flow(name="mirror-changes", flow_run_name="mirror changes", persist_result=False)
def mirror_changes(registry: str | None = None, history: bool = True) -> State[Any]:
    """Send an event for every change of the registry, and of a verdict, that this Prefect was not told of.

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
    begin: Literal["start", "now"] = "start" if history else "now"
    consumer = consumer_name()
    moved = landfast.Mirror(consumer, reader=f"{consumer}#mirror", begin=begin)
    verdicts = landfast.Mirror(consumer, reader=f"{consumer}#verdicts", begin=begin, verdicts=True)
    sent = _tell(client, moved) + _tell(client, verdicts)
    return sent, max(moved.position, verdicts.position)


def _tell(client: landfast.Client, following: landfast.Mirror) -> int:
    """Send what a mirror finds and Prefect does not have: runs tell too, of what they logged and what is newest."""
    sent = 0
    while changes := following.look(client.registry, limit=_PAGE):
        told = known([event_id(change) for change in changes])
        for change in changes:
            if event_id(change) not in told:
                send(event_of(client.version_of(change), change))
                if change.verdict is None:
                    client.mark_announced(consumer_name(), change)
                sent += 1
    following.settle(client.registry)
    return sent
