"""Portions: long streams, some items at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def portions(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield `size` items at a time, in order, the last time what is left.

    Example:
        >>> list(portions("abcde", 2))
        [['a', 'b'], ['c', 'd'], ['e']]
    """
    rest = iter(items)
    while some := list(itertools.islice(rest, size)):
        yield some
