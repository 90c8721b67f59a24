"""Deliver what a consumer was not told yet: one after another, again where it fails, until asked to stop."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from landfast.errors import Unavailable
from landfast.watch.outcome import Failure, Stopped, Target, Undelivered

if TYPE_CHECKING:
    from landfast.follow.follower import Follower
    from landfast.model.version import Change
    from landfast.watch.selection import Selection

MOST_BACKOFF_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How it is done.

    Args:
        once: Whether to end when there is nothing more.
        interval_s: Seconds between two looks at the feed.
        retries: How often a delivery that fails is tried again.
        skip: Whether to go on behind a change that cannot be delivered, instead of ending there.
        wait: Waits so many seconds; true if it was asked to stop.
        is_stopped: Whether it was asked to stop.
        note: Told of what goes wrong and is tried again.
        told: Told of each change that was dealt with, and why it was not delivered.
    """

    once: bool
    interval_s: float
    retries: int
    skip: bool
    wait: Callable[[float], bool]
    is_stopped: Callable[[], bool]
    note: Callable[[str], None]
    told: Callable[[Change, Failure | None], None]


def run(follower: Follower, selection: Selection, target: Target, how: Manner) -> None:
    """Deliver changes until there are no more (`once`), or until it is asked to stop.

    Raises:
        Undelivered: If a change cannot be delivered; the consumer's position is before it.
        Unavailable: If the registry does not answer, with `once`; else it is asked again.
    """
    silent = 0
    while not how.is_stopped():
        pause = how.interval_s
        try:
            _drain(follower, selection, target, how)
            silent = 0
        except Stopped:
            return
        except Unavailable as error:
            if how.once:
                raise
            silent += 1
            pause = max(pause, backoff(silent))
            if silent == 1:
                how.note(f"{error}; it is asked again")
        if (how.once and not silent) or how.wait(pause):
            return


def _drain(follower: Follower, selection: Selection, target: Target, how: Manner) -> None:
    for change in follower.changes(selection.filter, keep=selection.has):
        if how.is_stopped():
            raise Stopped
        failure = _deliver(change, target, how)
        how.told(change, failure)


def _deliver(change: Change, target: Target, how: Manner) -> Failure | None:
    for attempt in itertools.count(1):
        failure = target.send(change)
        if failure is None:
            return None
        if failure.is_final or attempt > how.retries:
            if how.skip:
                return failure
            raise Undelivered(change, failure, attempt)
        pause = max(backoff(attempt), failure.wait_s or 0.0)
        how.note(f"{failure.reason}; {change.id} is tried again in {pause:.0f} s")
        if how.wait(pause):
            raise Stopped
    return None


def backoff(attempt: int) -> float:
    """Return how many seconds to wait after the first, second, ... failure; not the same for all who wait."""
    return min(MOST_BACKOFF_S, 2.0 ** min(attempt - 1, 10)) * random.uniform(0.8, 1.2)  # noqa: S311
