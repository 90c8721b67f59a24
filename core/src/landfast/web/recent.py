"""Recent: the last few answers that took long to find, for whoever turns their pages."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sized
from typing import Generic, TypeVar

_T = TypeVar("_T", bound=Sized)


class Recent(Generic[_T]):
    """Keep what was found last, up to a number of items in all; safe for threads.

    Args:
        most: The most items of everything that is kept; the newest is kept whatever it has.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, _T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, find: Callable[[], _T]) -> _T:
        """Return what is kept under a key, found now if nothing is.

        Args:
            key: What it depends on.
            find: Finds it; two who ask at the same time may both do so.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = find()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > 1 and sum(map(_weight, self._kept.values())) > self._most:
                self._kept.popitem(last=False)
        return found


def _weight(found: Sized) -> int:
    # What holds nothing has a cost too.
    return len(found) + 1000
