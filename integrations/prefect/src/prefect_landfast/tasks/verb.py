"""How a verb of Landfast becomes a task, and an async task."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

import landfast
from prefect import Task, task
from prefect.cache_policies import NO_CACHE

P = ParamSpec("P")
R = TypeVar("R")


def verb(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task that always runs: a cached log would not look, a cached use would leave no edge.

    Args:
        name: Of its runs, with the task's parameters in braces.
    """

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        named = functools.partial(_run_name, name)
        return task(cache_policy=NO_CACHE, persist_result=False, task_run_name=named)(function)

    return decorate


def _run_name(name: str, parameters: dict[str, Any]) -> str:
    said = {
        key: value.qualified_name if isinstance(value, landfast.ArtifactVersion) else value
        for key, value in parameters.items()
    }
    return landfast.redact(name.format_map(said))


def async_twin(sync: Task[P, R]) -> Task[P, Coroutine[Any, Any, R]]:
    """Make the async task of a sync one: the same verb in a thread, so that the loop goes on."""

    @functools.wraps(sync.fn)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(sync.fn, *args, **kwargs)

    twin.__name__ = twin.__qualname__ = f"a{sync.fn.__name__}"
    assert sync.task_run_name is not None
    return task(cache_policy=NO_CACHE, persist_result=False, task_run_name=sync.task_run_name)(twin)
