"""Tell OpenLineage what a consumer was not told yet, of both streams."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from landfast.follow.delivery import Manner, deliver
from landfast.openlineage.events import Events

if TYPE_CHECKING:
    from openlineage.client.event_v2 import DatasetEvent, RunEvent

    from landfast.follow.follower import Follower
    from landfast.follow.outcome import Failure
    from landfast.openlineage.emit import Emitter
    from landfast.registry.registry import Registry

Told = Callable[[str, "RunEvent | DatasetEvent", "Failure | None"], None]


def events_of(registry: Registry) -> Events:
    """Return what translates the streams of a registry."""
    return Events(
        lambda name: registry.get(name, deleted=True),
        lambda key, until: registry.consumers.events_of_run(key, until=until),
    )


def drain(
    follower: Follower,
    events: Events,
    emitter: Emitter,
    how: Manner,
    told: Told,
    *,
    without: Collection[str] = (),
    changes: bool = True,
) -> None:
    """Emit the run events and changes that there are now; see `landfast.follow.delivery`.

    Args:
        follower: Who remembers what was told, of both streams.
        events: What translates them.
        emitter: Where to.
        how: How.
        told: Told of each event with its id, and why it was not delivered.
        without: Systems whose runs somebody else tells of.
        changes: Whether changes are told.
    """
    for row in follower.run_events(keep=lambda row: row.run.system not in without):
        event = events.of_row(row)
        what = f"{row.id} ({row.kind} of {replace(row.run, deployment='')})"
        told(row.id, event, deliver(what, lambda: emitter.send(event), how))  # noqa: B023 - called at once
    for change in follower.changes(keep=lambda _: changes):
        static = events.of_change(change)
        what = f"{change.id} ({change.alias} of {change.version})"
        told(change.id, static, deliver(what, lambda: emitter.send(static), how))  # noqa: B023
