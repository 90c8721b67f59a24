"""Stop: SIGTERM and SIGINT as something that can be waited for, beside a wait of some seconds."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self


class Stop:
    """Knows from within ``with`` on whether the process was asked to stop.

    A handler may run in the middle of anything, so it takes no lock: it writes a byte into a pipe.
    """

    def __init__(self) -> None:
        self.count = 0
        """How many times it was asked."""
        self.then: Callable[[int], None] | None = None
        """Told of each signal, inside the handler."""
        self._before: dict[int, Any] = {}

    @property
    def is_asked(self) -> bool:
        """Whether the process was asked to stop."""
        return self.count > 0

    def wait(self, seconds: float) -> bool:
        """Wait until it is asked to stop, or so long; tell whether it was asked."""
        select.select([self._read_end], [], [], seconds)
        return self.is_asked

    def _heard(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.count += 1
        os.write(self._write_end, b".")
        if self.then is not None:
            self.then(number)

    def __enter__(self) -> Self:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read_end)
        os.close(self._write_end)
