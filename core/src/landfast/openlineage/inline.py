"""Tell OpenLineage what the own run did, right after it was recorded: best effort, where somebody wants that.

Nothing waits long for it, and nothing fails by it.  What does not arrive is in the registry; `landfast openlineage`
tells it later, in the same words.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from landfast.errors import LandfastError, needs_extra

if TYPE_CHECKING:
    from landfast.model.lineage import RunEvent
    from landfast.model.run import RunKey
    from landfast.openlineage.emit import Emitter
    from landfast.openlineage.events import Events
    from landfast.own_run import OwnRun
    from landfast.registry.registry import Registry
    from landfast.settings import Settings

PATIENCE_S = 2.0
SILENCE_S = 60.0
"""How long nothing is sent after something did not arrive."""

_MOST_RUNS = 100
# Threads of a run commit in another order than they began.
_OVERLAP = timedelta(minutes=1)

# Its operators' hook tells what they used and logged.
_TELLS_ITSELF = "airflow"


class _Place(Protocol):
    """What a context has: where the run is recorded, and whose it is."""

    @property
    def settings(self) -> Settings: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def own_run(self) -> OwnRun: ...
    @property
    def note(self) -> Callable[[str], None]: ...


@dataclass(slots=True)
class _Told:
    """What was told of a run by this process."""

    events: Events
    marks: set[tuple[str, datetime, int]] = field(default_factory=set)
    until: datetime | None = None


class _State:
    """What this process knows of the server and has told it: forked children begin anew."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.emitter: Emitter | None = None
        self.silent_until = 0.0
        self.runs: dict[tuple[str, RunKey], _Told] = {}


_state = _State()


def tell_run(place: _Place) -> None:
    """Tell what the run of a context did and was not told yet, if it is to be told."""
    key = place.own_run.key
    if key is None or key.system == _TELLS_ITSELF or not is_wanted(place.settings.openlineage):
        return
    state = _current_state()
    if time.monotonic() < state.silent_until:
        return
    try:
        with state.lock:
            _tell(place, key, state)
    except Exception as error:  # noqa: BLE001 - what was recorded is recorded, whatever fails here
        state.silent_until = time.monotonic() + SILENCE_S
        why = str(error) if isinstance(error, LandfastError) else type(error).__name__
        place.note(f"OpenLineage is not told: {why}")


def is_wanted(setting: str | None) -> bool:
    """Tell whether runs are told as they go on: where the setting says so, else where `OPENLINEAGE_URL` is set."""
    return setting == "on" if setting else bool(os.environ.get("OPENLINEAGE_URL"))


def _current_state() -> _State:
    if _state.pid != os.getpid():
        _state.__init__()  # type: ignore[misc]
    return _state


def _tell(place: _Place, key: RunKey, state: _State) -> None:
    with needs_extra("openlineage", "telling OpenLineage"):
        from landfast.openlineage.emit import Emitter
    if state.emitter is None:
        state.emitter = Emitter()
        state.emitter.hurry(PATIENCE_S)
    told = state.runs.get((place.registry.info.id, key)) or _beginning(place, key, state)
    since = None if told.until is None else told.until - _OVERLAP
    for row in place.registry.consumers.events_of_run(key, since=since):
        if _mark(row) in told.marks:
            continue
        failure = state.emitter.send(told.events.of_row(row))
        if failure is not None:
            state.silent_until = time.monotonic() + SILENCE_S
            place.note(
                f"{failure.reason}; lineage is recorded all the same, and `landfast openlineage` tells it later"
            )
            return
        told.marks.add(_mark(row))
        told.until = row.at


def _beginning(place: _Place, key: RunKey, state: _State) -> _Told:
    """Begin to tell of a run: another process of it, or its attempt before, has told what came earlier."""
    from landfast.openlineage.run import events_of

    rows = place.registry.consumers.events_of_run(key)
    told = _Told(events_of(place.registry))
    for row in rows[:-1]:
        told.events.hear(row)
        told.marks.add(_mark(row))
    while len(state.runs) >= _MOST_RUNS:
        state.runs.pop(next(iter(state.runs)))
    state.runs[place.registry.info.id, key] = told
    return told


def _mark(row: RunEvent) -> tuple[str, datetime, int]:
    return (str(row.kind), row.at, row.version_id or 0)
