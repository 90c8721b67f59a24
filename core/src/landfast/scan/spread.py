"""Spread: list a folder as one stream, and by several once it proves to be large.

One stream is the cheapest way to list, so everything begins as one, and most folders never know another.  After some
pages it is known how long a page is waited for, and so how many streams keep this interpreter busy: those are
begun, each with a range of its own (`ranges`).  What they find waits in files, in order, and is read behind the first.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import PicklingError
from typing import Self

from landfast.manifests.batch import EntryBatch
from landfast.scan.entries import entries
from landfast.scan.lister import Job, SharedBounds, counted, list_ranges
from landfast.scan.listing import Bounds, Mode, asks_each, list_batches
from landfast.scan.merging import too_many
from landfast.scan.processes import Processes
from landfast.scan.ranges import Grant, SharedRanges, Stopped, Thrift
from landfast.scan.skips import SkipLog
from landfast.stores.base import ObjectBatch

_THRIFT = Thrift()


@dataclass(frozen=True, slots=True, kw_only=True)
class Breadth:
    """How far a listing is spread.

    Args:
        streams: The most pages that this process asks for at once.
        least: So many at least, whether they are waited for or not.
        workers: How many processes list, this one included.
        after_pages: How many pages are listed as one stream first.
        thrift: How many requests may be spent on it.
    """

    streams: int = 16
    least: int = 1
    workers: int = 1
    after_pages: int = 8
    thrift: Thrift = _THRIFT

    @classmethod
    def of(cls, shards: int, workers: int) -> Self:
        """Return it for a number of ranges that somebody asked for, 1 leaves it open, and for so many processes."""
        if shards <= 1:
            return cls(workers=workers)
        thrift = replace(_THRIFT, first=max(_THRIFT.first, 2 * shards))
        return cls(streams=-(-shards // workers), workers=workers, after_pages=2, thrift=thrift)


BREADTH = Breadth()


def spread(
    job: Job, bounds: Bounds, skips: SkipLog, breadth: Breadth
) -> Generator[EntryBatch, None, None]:
    """Yield the entries within bounds, in order; `skips` takes what is left out.  To be closed: threads may be at work.

    Raises:
        LimitExceeded: At the first entry beyond the limit, whoever found it.
    """
    limit = job.scan.max_objects
    whole = Grant(number=0, after=bounds.after, upto=bounds.upto)

    def check(count: int) -> None:
        if count > limit:
            raise too_many(job.scan.source.uri, limit)

    most = breadth.streams * breadth.workers
    ranges = SharedRanges(
        job.scan.location.key, whole, most=most, thrift=breadth.thrift, count=check
    )
    streams = _Streams(job, ranges, breadth)
    first = _First(ranges, whole, streams.begin)
    try:
        found = list_batches(job.scan, first, job.store, skips, job.previous)
        yield from counted(entries(job.scan, found), ranges)
        ranges.finish(0, first.rows, None)
        for part in ranges.parts():
            skips.absorb(part)
            yield from part.read()
    except Stopped:
        raise ranges.error from None
    finally:
        ranges.fail(Stopped())
        streams.end()


class _Streams:
    """Who lists ranges beside the first: threads, and processes."""

    def __init__(self, job: Job, ranges: SharedRanges, breadth: Breadth) -> None:
        self._job = job
        self._ranges = ranges
        self._breadth = breadth
        self._threads: list[threading.Thread] = []
        self._streams = 1
        self._processes: Processes | None = None
        self._spent = _spent()
        can = job.store.capabilities()
        is_one = breadth.streams == breadth.workers == 1
        self._may_begin = can.seeks and not is_one and not asks_each(job.scan, job.store)
        # What of this is to be begun, and after how many pages.
        pages = breadth.after_pages
        self._plan = [
            (pages, self._begin_threads),
            (_PROCESSES_LATER * pages, self._begin_processes),
        ]

    def begin(self, first: Bounds) -> None:
        """Look at a page of the first range, and begin if it is time."""
        if self._ranges.requests == 1:
            # What is imported and connected for the first page says nothing of the next.
            self._spent = _spent()
        if not self._may_begin or not self._plan or self._ranges.requests < self._plan[0][0]:
            return
        # What the limit leaves may be no more than is listed already.
        left = self._job.scan.max_objects - self._ranges.entries
        if first.mode is Mode.ASKED or not first.is_ordered or left < self._ranges.entries:
            self._may_begin = False
            return
        scan = replace(self._job.scan, list_versions=first.mode is Mode.VERSIONS)
        _, begin = self._plan.pop(0)
        begin(replace(self._job, scan=scan))

    def _begin_threads(self, job: Job) -> None:
        self._streams = self._useful()
        for number in range(self._streams - 1):
            thread = threading.Thread(
                target=list_ranges,
                args=(job, self._ranges),
                name=f"landfast-list-{number}",
                daemon=True,
            )
            thread.start()
            self._threads.append(thread)

    def _begin_processes(self, job: Job) -> None:
        count = self._breadth.workers - 1
        if count < 1:
            return
        try:
            self._processes = Processes(job, self._ranges, count=count, streams=self._streams)
        except (PicklingError, AttributeError, TypeError, OSError) as error:
            logging.getLogger("landfast").info("listing goes on in this process alone: %s", error)

    def _useful(self) -> int:
        """Return how many streams keep an interpreter busy, where one of them waits as the first did."""
        wall, busy = (now - before for now, before in zip(_spent(), self._spent, strict=True))
        useful = 1 if busy > _BUSY * wall else math.ceil(_BEYOND * wall / max(busy, 1e-6))
        return min(self._breadth.streams, max(self._breadth.least, useful))

    def end(self) -> None:
        """Wait until all have stopped."""
        if self._processes is not None:
            self._processes.end()
        for thread in self._threads:
            thread.join()


# A stream that computes for so much of its time leaves nothing to others.
_BUSY = 0.7
# A process takes as long to begin as some dozens of pages to list.
_PROCESSES_LATER = 3
# Pages do not come evenly: some streams more than would be busy if they did.
_BEYOND = 1.5


def _spent() -> tuple[float, float]:
    """Return the clock, and how long this thread computed or would have, were there a core for it."""
    try:
        held_up = int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        held_up = 0.0
    return time.perf_counter(), time.thread_time() + held_up


class _First(SharedBounds):
    """Those of the first, which tells when it is time for others."""

    def __init__(self, ranges: SharedRanges, grant: Grant, begin: Callable[[Bounds], None]) -> None:
        super().__init__(ranges, grant)
        self._begin = begin

    def commit(self, page: ObjectBatch) -> None:
        super().commit(page)
        self._begin(self)
