"""Copies of recorded bytes in the registry's store: what marks the pin set that names them, and what a copy did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from landfast.html.sizes import size_text
from landfast.model.blob_uri import SOURCE
from landfast.model.source import Source
from landfast.model.times import format_time

_OPTION = "copy"

COPY = Source(uri=SOURCE, options={_OPTION: True})
"""Of a pin set whose managed entries were copied, byte by byte, from where the version had recorded them."""


def is_copy(sources: Iterable[Source]) -> bool:
    """Whether a pin set with these sources names copies of recorded bytes."""
    return any(map(_says_copy, sources))


def is_whole_copy(sources: Iterable[Source]) -> bool:
    """Whether a pin set with these sources names nothing but copies."""
    return all(map(_says_copy, sources))


def _says_copy(source: Source) -> bool:
    return source.uri == SOURCE and bool(source.options.get(_OPTION))


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedFiles:
    """What of a version is copied into the registry's store.

    Args:
        at: When a copy was last made; UTC.
        store: Where: the address of the registry's store.
        total: Files of the version.
        files: How many of them are copied; None if that was not counted.

    Example:
        >>> from datetime import UTC, datetime
        >>> CopiedFiles(at=datetime(2026, 5, 3, tzinfo=UTC), store="s3://b/blobs", total=3, files=2).summary
        "2 of 3 files are in the registry's store"
    """

    at: datetime
    store: str
    total: int
    files: int | None

    @property
    def summary(self) -> str:
        """One line."""
        if self.files == self.total:
            return f"all {self.total:,} files are in the registry's store"
        some = "some" if self.files is None else f"{self.files:,}"
        return f"{some} of {self.total:,} files are in the registry's store"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "at": format_time(self.at),
            "store": self.store,
            "files": self.files,
            "total": self.total,
            "summary": self.summary,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReport:
    """The result of a copy.

    Args:
        version: Name of the version.
        copied: Files that were copied now.
        bytes: Their bytes.
        kept: Files that the registry's store already has.
        left: Files that were not copied, because their stores can hold them.

    Example:
        >>> CopyReport(version="mnist:v3", copied=2, bytes=3_000, left=1).summary
        "2 files (3.0 kB) copied into the registry's store, 1 left where a hold can keep it"
    """

    version: str
    copied: int = 0
    bytes: int = 0
    kept: int = 0
    left: int = 0

    @property
    def summary(self) -> str:
        """One line."""
        parts = [
            f"{self.copied:,} files ({size_text(self.bytes)}) copied into the registry's store"
        ]
        if self.kept:
            parts.append(f"{self.kept:,} there before")
        if self.left:
            them = "it" if self.left == 1 else "them"
            parts.append(f"{self.left:,} left where a hold can keep {them}")
        return ", ".join(parts)

    def lines(self) -> Iterator[str]:
        """Yield the report as lines of text."""
        yield f"{self.version}: {self.summary}"
        if self.left:
            yield f"  -> landfast hold {self.version} holds what was left; --all copies it too."

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "version": self.version,
            "summary": self.summary,
            "copied": self.copied,
            "bytes": self.bytes,
            "kept": self.kept,
            "left": self.left,
        }
