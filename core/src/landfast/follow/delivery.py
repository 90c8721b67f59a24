"""Deliver what a consumer was not told yet: one after another, again where it fails, until asked to stop."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from landfast.errors import Unavailable
from landfast.follow.outcome import Failure, Stopped, Undelivered

MOST_BACKOFF_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How it is done.

    Args:
        once: Whether to end when there is nothing more.
        interval_s: Seconds between two looks.
        retries: How often a delivery that fails is tried again.
        skip: Whether to go on behind what cannot be delivered, instead of ending there.
        wait: Waits so many seconds; true if it was asked to stop.
        is_stopped: Whether it was asked to stop.
        note: Told of what goes wrong and is tried again.
    """

    once: bool
    interval_s: float
    retries: int
    skip: bool
    wait: Callable[[float], bool]
    is_stopped: Callable[[], bool]
    note: Callable[[str], None]


def run(drain: Callable[[], None], how: Manner) -> None:
    """Drain again and again: until there is nothing more (`once`), or until it is asked to stop.

    Args:
        drain: Delivers what there is; `Stopped` ends it.
        how: How.

    Raises:
        Undelivered: If something cannot be delivered.
        Unavailable: If the registry does not answer, with `once`; else it is asked again.
    """
    silent = 0
    while not how.is_stopped():
        pause = how.interval_s
        try:
            drain()
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
        if how.once or how.wait(pause):
            return


def deliver(what: str, send: Callable[[], Failure | None], how: Manner) -> Failure | None:
    """Send something, again while it fails; answer the failure of what is skipped.

    Raises:
        Undelivered: If it cannot be delivered, and is not skipped.
        Stopped: If the process was asked to stop before it was delivered.
    """
    if how.is_stopped():
        raise Stopped
    for attempt in itertools.count(1):
        failure = send()
        if failure is None:
            return None
        if failure.is_final or attempt > how.retries:
            if how.skip:
                return failure
            raise Undelivered(what, failure, attempt)
        pause = max(backoff(attempt), failure.wait_s or 0.0)
        how.note(f"{failure.reason}; {what} is tried again in {pause:.0f} s")
        if how.wait(pause):
            raise Stopped
    return None


def backoff(attempt: int) -> float:
    """Return how many seconds to wait after the first, second, ... failure; not the same for all who wait."""
    return min(MOST_BACKOFF_S, 2.0 ** min(attempt - 1, 10)) * random.uniform(0.8, 1.2)  # noqa: S311
