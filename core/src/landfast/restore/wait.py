"""Wait until objects that were asked for can be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from landfast.errors import Unavailable
from landfast.restore.look import Findings, Target
from landfast.restore.tally import Tally
from landfast.stores.base import ObjectInfo
from landfast.system.progress import Report

# How long after each other a store is asked whether it is done, in seconds: longer each time.
_FIRST_S, _GROWTH, _MOST_S = 15.0, 1.5, 600.0
# Of those that are not back yet, only so many are asked about.
_WINDOW = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait: at most so many seconds, or as long as it takes; how to sleep, and which clock counts."""

    timeout_s: float | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def wait(
    findings: Findings,
    targets: Iterable[Target],
    tally: Tally,
    pool: ThreadPoolExecutor,
    *,
    patience: Patience,
    progress: Report,
) -> None:
    """Ask about objects in order until all can be read.

    Raises:
        Unavailable: If that takes longer than `patience` has; the restore itself goes on.
    """

    def ask(target: Target) -> ObjectInfo:
        store = findings.store_of(target)
        return store.stat(target.location, version_id=target.version_id, checksum=False)

    rest, total = iter(targets), tally.away
    pause, began = _FIRST_S, patience.clock()
    window = list(islice(rest, _WINDOW))
    while window:
        answers = list(zip(window, pool.map(ask, window), strict=True))
        left = [target for target, info in answers if info.is_archived]
        for _, info in answers:
            if not info.is_archived:
                tally.came_back(info.restored_until)
        progress(total - tally.away, total)
        if len(left) == len(window):
            _check_time(tally.away, patience, patience.clock() - began + pause)
            patience.sleep(pause)
            pause = min(pause * _GROWTH, _MOST_S)
        window = left + list(islice(rest, _WINDOW - len(left)))


def _check_time(away: int, patience: Patience, seconds: float) -> None:
    if patience.timeout_s is None or seconds <= patience.timeout_s:
        return
    raise Unavailable(
        f"{away:,} objects are still being restored",
        expected=f"all of them to be readable within {patience.timeout_s:,.0f} seconds",
        hint="The store continues the restore. To wait again, run the same command.",
        is_lasting=True,
    )
