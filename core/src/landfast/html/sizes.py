"""Sizes as people read them; the command line words them the same, without any template engine."""

from __future__ import annotations


def size_text(size: int | None, unknown: str = "unknown size") -> str:
    """Write bytes for a person; `unknown` stands where nobody knows."""
    if size is None:
        return unknown
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError
