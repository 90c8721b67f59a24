"""How a verb of Landfast becomes a task, and an async task."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

P = ParamSpec("P")
R = TypeVar("R")


def verb(function: Callable[P, R]) -> Task[P, R]:
    """Make a task that always runs: a cached log would not look, a cached use would leave no edge."""
    return task(cache_policy=NO_CACHE, persist_result=False)(function)


def async_twin(sync: Task[P, R]) -> Task[P, Coroutine[Any, Any, R]]:
    """Make the async task of a sync one: the same verb in a thread, so that the loop goes on."""

    @functools.wraps(sync.fn)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(sync.fn, *args, **kwargs)

    twin.__name__ = twin.__qualname__ = f"a{sync.fn.__name__}"
    return verb(twin)
