"""Act on many things by a pool of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WORKERS = 8


def in_parallel(act: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Act on each by a pool of threads; after the first error no other is begun."""
    many = list(items)
    if len(many) < 2:
        return [act(item) for item in many]
    with ThreadPoolExecutor(min(_WORKERS, len(many)), thread_name_prefix="landfast-blobs") as pool:
        try:
            return list(pool.map(act, many))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
