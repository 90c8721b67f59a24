"""Byte ranges of HTTP: which part of a file a request asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range begins behind the end."""


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first offset and the one behind the last; None if the whole file is to be sent.

    Several ranges at once, other units, and what is no range are answered with the whole, as allowed.

    Args:
        header: The value of ``Range``.
        size: Bytes of the file.

    Raises:
        Unsatisfiable: If no byte is in it.

    Example:
        >>> asked_range("bytes=2-4", 10), asked_range("bytes=-3", 10), asked_range("bytes=1-0", 10)
        ((2, 5), (7, 10), None)
    """
    match = _ONE.fullmatch((header or "").strip())
    if match is None or match[0].count("-") != 1 or not (match[1] or match[2]):
        return None
    if not match[1]:
        last = int(match[2])
        if last == 0 or size == 0:
            raise Unsatisfiable
        return max(0, size - last), size
    start = int(match[1])
    end = int(match[2]) + 1 if match[2] else size
    if end <= start and match[2]:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(end, size)
