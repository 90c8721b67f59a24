"""Hash files while they may be written: a hash counts only if the file stayed the same meanwhile."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from landfast.errors import Unavailable
from landfast.stores.local.walk import of_os_error, shown
from landfast.system.mounts import settle
from landfast.system.stat_cache import StatCache, state_of

CHUNK = 1 << 20
_TRIES = 3
# Below this a thread costs more than it wins, except where every open waits for a network.
_WORTH_A_THREAD = 1 << 20
_THREADS = 8
# Of small files so many are seen before it is told whether they wait, and then taken at once by a thread.
_SEEN = 32
_GROUP = 8

T = TypeVar("T")
R = TypeVar("R")


def sha256_of_file(path: bytes, cache: StatCache | None) -> tuple[str, os.stat_result]:
    """Return the sha256 of a file's bytes, for the cache too, and the status that it had before and after.

    `Unavailable` if the file is written to all the time.
    """
    for _ in range(_TRIES):
        now_ns = time.time_ns()
        sha256, before, after = _hash_once(path)
        if state_of(before) == state_of(after):
            if cache is not None:
                cache.put(path, after, sha256, hashed_at_ns=now_ns)
            return sha256, after
    raise Unavailable(
        f"{shown(path)} changed while it was hashed, {_TRIES} times in a row",
        subject=shown(path),
        hint="Scan again when nothing writes to it.",
    )


def _hash_once(path: bytes) -> tuple[str, os.stat_result, os.stat_result]:
    try:
        # Not blocking: should a named pipe take the file's place, opening it must not hang.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            before = os.fstat(handle)
            settle(
                handle
            )  # after the look: a store that comes later, also through a mapping, moves the times
            digest, size = hashlib.sha256(), min(CHUNK, before.st_size + 1)
            while chunk := os.read(handle, size):
                digest.update(chunk)
            return digest.hexdigest(), before, os.fstat(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise of_os_error(error, path) from None


class Hashers:
    """Does work on files in their order, and side by side in threads where that is worth one.

    That is where a file is large, or lies on a network mount; and where the thread was seen to wait for the disk
    most of the time, as opening, or writing data out, takes longer there than hashing.
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
        began, busy = time.perf_counter(), time.thread_time()
        done = work(item)
        worked_s = time.thread_time() - busy
        self._seen += 1
        self._worked_s += worked_s
        self._waited_s += time.perf_counter() - began - worked_s
        return done


def _done(work: Callable[[T], R], item: T) -> Future[list[R]]:
    future: Future[list[R]] = Future()
    try:
        future.set_result([work(item)])
    except Exception as error:  # noqa: BLE001 - it is raised in its turn
        future.set_exception(error)
    return future


def is_worth_a_thread(size: int, *, network: bool) -> bool:
    """Tell whether hashing this many bytes gains from a thread, wherever they lie."""
    return network or size >= _WORTH_A_THREAD
