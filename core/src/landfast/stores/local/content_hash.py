"""Hash files while they may be written: a hash counts only if the file stayed the same meanwhile."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
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
_THREADS = 4

T = TypeVar("T")
R = TypeVar("R")


def sha256_of_file(
    path: bytes, status: os.stat_result, cache: StatCache | None
) -> tuple[str, os.stat_result]:
    """Return the sha256 of a file's bytes, and the status that it had before and after.

    `Unavailable` if the file is written to all the time.
    """
    known = cache.get(path, status) if cache is not None else None
    if known is not None:
        return known, status
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
            digest = hashlib.sha256()
            while chunk := os.read(handle, CHUNK):
                digest.update(chunk)
            return digest.hexdigest(), before, os.fstat(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise of_os_error(error, path) from None


def in_order(
    items: Iterable[T], work: Callable[[T], R], *, is_heavy: Callable[[T], bool]
) -> Iterator[R]:
    """Yield ``work(item)`` for every item, in order; heavy items side by side in a few threads."""
    window: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="landfast-hash") as pool:
        try:
            for item in items:
                if is_heavy(item):
                    window.append(pool.submit(work, item))
                elif not window:
                    yield work(item)
                    continue
                else:
                    window.append(_done(work, item))
                while window and (window[0].done() or len(window) > 4 * _THREADS):
                    yield window.popleft().result()
            while window:
                yield window.popleft().result()
        finally:
            for future in window:
                future.cancel()


def _done(work: Callable[[T], R], item: T) -> Future[R]:
    future: Future[R] = Future()
    try:
        future.set_result(work(item))
    except Exception as error:  # noqa: BLE001 - it is raised in its turn
        future.set_exception(error)
    return future


def is_worth_a_thread(size: int, *, network: bool) -> bool:
    """Tell whether hashing this many bytes gains from a thread."""
    return network or size >= _WORTH_A_THREAD
