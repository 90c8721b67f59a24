"""Threads of a triggerer: blocking work beside the loop that all triggers share.

Airflow answers questions (a connection, a secret to mask) over one socket that the loop reads.  Airflow 3.1
and 3.2 go by that loop only from threads that asgiref made; asked from any other thread they read the socket
from a second loop, and now and then the triggerer dies of "Response read out of order!".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

T = TypeVar("T")

# Apart from the threads that wait for it: all of them may.
_MAKERS = ThreadPoolExecutor(1, thread_name_prefix="landfast-makes-client")


async def in_thread(do: Callable[[], T], executor: ThreadPoolExecutor | None = None) -> T:
    """Call a function in a thread from which Airflow may be asked."""
    return await sync_to_async(do, thread_sensitive=False, executor=executor)()


@dataclass(frozen=True, slots=True)
class MadeBeside:
    """Make a client in a thread from which Airflow may be asked, whichever thread needs it.

    Args:
        make: Makes it.
        loop: The loop of the triggers; not waited for once it has ended.
    """

    make: Callable[[], Any]
    loop: asyncio.AbstractEventLoop

    def __call__(self) -> Any:
        """Return a new client; never called in the loop's own thread."""
        if not self.loop.is_running():
            return self.make()
        made = in_thread(self.make, _MAKERS)
        return asyncio.run_coroutine_threadsafe(made, self.loop).result()
