"""Unread: what of an artifact the successful runs of a DAG have not read yet.

Airflow alone does not know: a run that assets triggered gets only the events up to the moment at which it was
asked for, and the rest with the run that the next event triggers.  The registry's feed has every change.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import landfast

from landfast_provider.events import position_of_event
from landfast_provider.pins import speaks_of, triggering_events
from landfast_provider.run_key import SYSTEM, deployment

log = logging.getLogger(__name__)

# Where the run of a task has its windows, by name.
WINDOWS = "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The changes that a task reads.  It says the same whenever it is asked: every try reads the same.

    Args:
        since: Where the first window of this task began: successful runs have read everything above, up to `after`.
        after: Changes above this position are read,
        to: up to this one.
    """

    since: int
    after: int
    to: int


def find_window(
    context: Mapping[str, Any], client: landfast.Client, name: landfast.ArtifactName
) -> Window:
    """Return the window of a task: from the one of the last successful DAG run up to now.

    The first window begins with the first event that triggered the run; without one it has everything.
    """
    to = client.head()
    next_window = _next_window(client, context["ti"], name, to)
    if next_window is not None:
        return next_window
    events = triggering_events(context, name) or ()
    first = min((at for event in events if (at := _position(client, event))), default=1)
    return Window(since=first - 1, after=first - 1, to=to)


def unread(
    context: Mapping[str, Any],
    client: landfast.Client,
    name: landfast.ArtifactName,
    window: Window,
) -> list[landfast.ArtifactVersion]:
    """Return the newest unread version of each partition, in the order of the feed.

    An event that triggered the run counts unless an earlier window had its change, or it tells none.
    """
    newest: dict[str, landfast.ArtifactName] = {}
    for change in client.changes(after=window.after, name=name, partitions=True):
        if change.position > window.to:
            break
        if change.alias == "latest":
            newest.pop(change.version.partition, None)
            newest[change.version.partition] = change.version
    late: dict[str, landfast.ArtifactName] = {}
    for event in triggering_events(context, name) or ():
        version, at = speaks_of(event, name), _position(client, event)
        was_read = at is not None and window.since < at <= window.to
        # An event that says a partition alone is in the feed by another one.
        if version is not None and version.picks_version and not was_read:
            late[version.partition] = version
    return list(_living(client, {**late, **newest}.values()))


def changed_before(
    context: Mapping[str, Any], client: landfast.Client, name: landfast.ArtifactName
) -> set[str]:
    """Return the partitions that changed from the first triggering event on, before the run was asked for.

    What changed later has an event that asks for another run.
    """
    events = triggering_events(context, name) or ()
    first = min((at for event in events if (at := _position(client, event))), default=None)
    if first is None:
        return set()
    asked_at = context["dag_run"].run_after
    found = client.changes(after=first - 1, name=name, partitions=True)
    return {
        each.version.partition for each in found if each.alias == "latest" and each.at <= asked_at
    }


def used_by_last_success(
    client: landfast.Client, ti: Any, name: landfast.ArtifactName
) -> list[str]:
    """Return the versions of an artifact that the newest successful run of a task's DAG used.

    Args:
        client: Of the registry.
        ti: The task instance; its own DAG run does not count.
        name: Full name of the artifact.
    """
    last = next((run for run, succeeded in _earlier_uses(client, ti, name) if succeeded), None)
    if last is None:
        return []
    same = client.latest_uses(name, replace(last, node="", part=""))
    return [str(edge.version) for edge in same if edge.run.run_id == last.run_id]


def _next_window(
    client: landfast.Client, ti: Any, name: landfast.ArtifactName, to: int
) -> Window | None:
    """Return the window after the last success; before the first one, what the failed runs were to read too."""
    found, looked_at = None, set()
    for run, succeeded in _earlier_uses(client, ti, name, partitions=True):
        if run.node != ti.task_id or run in looked_at:
            continue
        looked_at.add(run)
        known = client.run(run).config.get(WINDOWS, {}).get(str(name))
        if known is None:
            continue
        window = Window(**known)
        found = replace(window, after=window.to if succeeded else window.after, to=to)
        if succeeded:
            break
    return found


def _earlier_uses(
    client: landfast.Client, ti: Any, name: landfast.ArtifactName, *, partitions: bool = False
) -> Iterator[tuple[landfast.RunKey, bool]]:
    """Yield who used an artifact in other runs of a DAG, newest use first, and whether those runs succeeded."""
    by = landfast.RunKey(system=SYSTEM, deployment=deployment(), run_id=f"{ti.dag_id}/")
    succeeded: dict[str, bool] = {}
    for edge in client.latest_uses(name, by, partitions=partitions):
        run_id = edge.run.run_id.removeprefix(by.run_id)
        if run_id == ti.run_id:
            continue
        if run_id not in succeeded:
            count = ti.get_dr_count(dag_id=ti.dag_id, run_ids=[run_id], states=["success"])
            succeeded[run_id] = bool(count)
        yield edge.run, succeeded[run_id]


def _position(client: landfast.Client, event: Any) -> int | None:
    return position_of_event(event, client.registry_info.id)


def _living(
    client: landfast.Client, names: Iterable[landfast.ArtifactName]
) -> Iterator[landfast.ArtifactVersion]:
    for name in names:
        version = client.find(name)
        if version is not None:
            yield version
        else:
            log.warning("%s was deleted before it was read", name)
