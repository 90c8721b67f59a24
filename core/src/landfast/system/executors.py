"""Executors: work that is handed to whatever runs it; any `concurrent.futures.Executor`, which stays its owner's.

A pool of threads or processes, Dask's `Client.get_executor()`, mpi4py's `MPIPoolExecutor`: each takes a function and
its arguments, by pickle where it is not of this process.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pickle import PicklingError
from typing import TypeVar

from landfast.errors import InvalidInput, Unavailable

T = TypeVar("T")
R = TypeVar("R")

# Where an executor does not say how many it runs at once.
_SOME = 16


def width(executor: Executor) -> int:
    """Return how many calls an executor runs at once, or a guess."""
    told = getattr(executor, "_max_workers", None)
    return told if isinstance(told, int) and told > 0 else _SOME


def spread(
    executor: Executor, act: Callable[[T], R], items: Iterable[T], *, ahead: int | None = None
) -> Iterator[tuple[T, R]]:
    """Act on each item by an executor, and yield items with their results as these come; it is never shut down.

    Args:
        executor: Runs the calls.
        act: Pickles, as do items and results, where the executor is not of threads.
        items: Taken as they are needed.
        ahead: How many are handed in at once; None is twice as many as it runs.

    Raises:
        InvalidInput: If something cannot be sent there.
        Unavailable: If a worker died.
    """
    rest = iter(items)
    waiting: dict[Future[R], T] = {}
    try:
        while True:
            room = (ahead or 2 * width(executor)) - len(waiting)
            waiting |= {executor.submit(act, item): item for item in itertools.islice(rest, room)}
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), _result(future)
    finally:
        for future in waiting:
            future.cancel()


def _result(future: Future[R]) -> R:
    try:
        return future.result()
    except (PicklingError, AttributeError, TypeError) as error:
        if "pickle" not in f"{type(error).__name__} {error}".lower():
            raise
        found = f"{type(error).__name__}: {error}"
        raise InvalidInput(
            "the work cannot be sent to the executor's workers",
            expected="clients, stores and references that pickle",
            found=found,
            hint="Define a function that makes a client in a module that workers import.",
        ) from None
    except Exception as error:
        # A broken pool, whoever's: of processes, of threads, of a cluster.
        if not type(error).__name__.startswith(("Broken", "KilledWorker", "CommClosed")):
            raise
        raise Unavailable(
            "a worker of the executor died",
            found=f"{type(error).__name__}: {error}",
            hint="It may have run out of memory; its own log has the details.",
        ) from error
