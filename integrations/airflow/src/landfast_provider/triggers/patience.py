"""patiently: do blocking work for a trigger, and take no harm from what is away for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import landfast

from landfast_provider.hooks.threads import in_thread

T = TypeVar("T")

log = logging.getLogger(__name__)


async def patiently(do: Callable[[], T]) -> T | None:
    """Call a function in a thread, beside the loop that all triggers share.

    Returns:
        What it returned; None if a server is unavailable: ask again later.
    """
    try:
        return await in_thread(do)
    except landfast.Unavailable as error:
        log.warning("No answer, the trigger asks again: %s", error)
        return None
