"""OrderedWork: one thing after another, or several at a time where that wins something."""

from __future__ import annotations

import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_THREADS = 8
# Of what is light so many are seen before it is told whether they wait, and then taken at once by a thread.
_SEEN = 32
_GROUP = 8

T = TypeVar("T")
R = TypeVar("R")


class OrderedWork:
    """Does work on files in their order, and side by side in threads where that is worth one.

    That is where an item is heavy, as a file that is large, or lies on a network mount; and where the thread was seen
    to wait for the disk most of the time, as opening, or writing data out, takes longer there than hashing.
    """

    def __init__(self) -> None:
        self._waited_s = self._worked_s = 0.0
        self._seen = 0

    def run(
        self, items: Iterable[T], work: Callable[[T], R], *, is_heavy: Callable[[T], bool]
    ) -> Generator[R]:
        """Yield ``work(item)`` for every item, in order."""
        window: deque[Future[list[R]]] = deque()
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="landfast-hash") as pool:
            try:
                for group in self._groups(items, is_heavy):
                    if len(group) > 1 or is_heavy(group[0]):
                        window.append(pool.submit(lambda few: [work(item) for item in few], group))
                    elif not window:
                        yield self._timed(work, group[0])
                        continue
                    else:
                        window.append(_done(work, group[0]))
                    while window and (window[0].done() or len(window) > 2 * _THREADS):
                        yield from window.popleft().result()
                while window:
                    yield from window.popleft().result()
            finally:
                for future in window:
                    future.cancel()

    def _groups(self, items: Iterable[T], is_heavy: Callable[[T], bool]) -> Iterator[list[T]]:
        """Cut items into what one thread takes at once."""
        rest = iter(items)
        for item in rest:
            few = [item]
            while self._waits and len(few) < _GROUP and not is_heavy(few[-1]):
                try:
                    few.append(next(rest))
                except StopIteration:
                    break
            yield few

    @property
    def _waits(self) -> bool:
        return self._seen >= _SEEN and self._waited_s > self._worked_s

    def _timed(self, work: Callable[[T], R], item: T) -> R:
        began, busy, slept = time.perf_counter(), time.thread_time(), _times_slept()
        done = work(item)
        worked_s = time.thread_time() - busy
        self._seen += 1
        self._worked_s += worked_s
        # What took longer without a sleep was another's turn on the core, which threads do not shorten.
        if _times_slept() != slept:
            self._waited_s += time.perf_counter() - began - worked_s
        return done


def _times_slept() -> int:
    """Return how often this thread gave its core away by itself; counts up where that is not told."""
    if sys.platform != "linux":
        return time.perf_counter_ns()
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def _done(work: Callable[[T], R], item: T) -> Future[list[R]]:
    future: Future[list[R]] = Future()
    try:
        future.set_result([work(item)])
    except Exception as error:  # noqa: BLE001 - it is raised in its turn
        future.set_exception(error)
    return future
