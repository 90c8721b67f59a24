"""KeySpace: what keys below a folder look like, as learned from some of them, to tell how far apart two keys are.

A key is a number between 0 and 1: at each position it has one of the characters that were seen at this position
of this path segment, or that belong to the same class.  So half-way between two keys is a key that may well be
there, whatever they are made of: digits, hexadecimal digits, dates, words, any script.  All of it is a guess, and
only ever decides where to look; what a cut is made at is a key that a server listed.
"""

from __future__ import annotations

import string
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import isqrt

_BITS = 512
_ALL = 1 << _BITS
# A key that is made up agrees with neither end, and is so many characters more exact than that takes.
_MORE = 3
# Characters of other scripts stand in blocks of so many; of scripts of more than some blocks no class is made.
_BLOCK, _MOST_BLOCKS = 64, 32
_HEX = {"abcdef": string.ascii_lowercase, "ABCDEF": string.ascii_uppercase}

Position = tuple[int, int]


class KeySpace:
    """The characters that keys below `folder` have, by segment of the path and position in it.

    Example:
        >>> keys = KeySpace("d/")
        >>> for key in ("d/a-000", "d/a-017", "d/a-999"):
        ...     keys.observe(key)
        >>> keys.between("d/a-017", "d/a-999")
        'd/a-502'
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: defaultdict[Position, set[str]] = defaultdict(set)
        self._classes: dict[Position, str] = {}

    def observe(self, key: str) -> None:
        """Learn of a key that is there."""
        for position, char in _positions(key[len(self._folder) :]):
            seen = self._seen[position]
            if char not in seen:
                seen.add(char)
                self._classes[position] = _class_of(seen)

    def value(self, key: str | None) -> int:
        """Return how far into the folder a key is, of 2**512; None is its end."""
        if key is None:
            return _ALL
        value, width = 0, _ALL
        for position, char in _positions(key[len(self._folder) :]):
            chars = self._classes.get(position, "")
            width //= len(chars) + 1
            # A character that was never seen here counts as the next one below it.
            value += bisect_right(chars, char) * width
            if not width:
                break
        return value

    def between(self, low: str, high: str | None, *, start: str | None = None) -> str | None:
        """Make up a key half-way between two; None if nothing lies between.

        Args:
            low: A key that is there.
            high: A key after it, or None for the end of the folder.
            start: If given, the half of the magnitude of the distances from there: for an end that is not known,
                which may be a thousand times as far away as all that was seen.
        """
        here, end = self.value(low), self.value(high)
        if start is None:
            middle = (here + end) // 2
        else:
            origin = self.value(start)
            middle = origin + isqrt(max(0, here - origin) * max(0, end - origin))
        made = self._key_at(max(middle, here + 1))
        common = _agreed(made, (low, high or ""))
        found = made[: common + 1 + _MORE]
        return found if found > low and (high is None or found < high) else None

    def _key_at(self, value: int) -> str:
        made, width, segment, index = [self._folder], _ALL, 0, 0
        while chars := self._classes.get((segment, index)):
            width //= len(chars) + 1
            if not width:
                break
            digit, value = divmod(value, width)
            if digit == 0:
                break
            char = chars[min(digit, len(chars)) - 1]
            made.append(char)
            segment, index = (segment + 1, 0) if char == "/" else (segment, index + 1)
        return "".join(made)


def _positions(path: str) -> Iterator[tuple[Position, str]]:
    segment = index = 0
    for char in path:
        yield (segment, index), char
        segment, index = (segment + 1, 0) if char == "/" else (segment, index + 1)


def _class_of(seen: set[str]) -> str:
    """Return the characters that stand at a position where some were seen, in order."""
    chars = set(seen)
    has_digits = not chars.isdisjoint(string.digits)
    if has_digits:
        chars.update(string.digits)
    for few, letters in _HEX.items():
        found = seen.intersection(letters)
        if found and has_digits and found.issubset(few):
            chars.update(few)
        elif len(found) > 1:
            chars.update(letters)
    others = [ord(char) for char in seen if ord(char) > 0x7F]
    if len(others) > 1:
        chars.update(_blocks(min(others), max(others)))
    return "".join(sorted(chars))


def _blocks(first: int, last: int) -> Iterable[str]:
    start, stop = first // _BLOCK * _BLOCK, (last // _BLOCK + 1) * _BLOCK
    if stop - start > _BLOCK * _MOST_BLOCKS:
        return ()
    return (chr(code) for code in range(start, stop) if not 0xD800 <= code < 0xE000)


def _agreed(made: str, others: Iterable[str]) -> int:
    """Return how many characters a key has in common with one of others, at most."""
    return max(
        next((at for at, (one, two) in enumerate(zip(made, other, strict=False)) if one != two),
             min(len(made), len(other)))
        for other in others
    )  # fmt: skip
