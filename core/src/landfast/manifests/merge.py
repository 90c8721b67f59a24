"""Merge sorted streams of entries into one, where the same path twice is one row or a `Conflict`."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from operator import attrgetter

from landfast.errors import Conflict
from landfast.model.manifest import ManifestEntry


def merge_entries(streams: Iterable[Iterable[ManifestEntry]]) -> Iterator[ManifestEntry]:
    """Yield the entries of all sorted streams, sorted by path, each path once.

    Rows that no digest tells apart are one row: the first stream's.

    Args:
        streams: Manifests or other sorted iterables; one entry of each is held in memory.

    Raises:
        Conflict: If two streams have different rows at one path, or one has two.

    Example:
        >>> a = ManifestEntry(path="a", size=1, checksum=None, uri="file:///x/a")
        >>> b = ManifestEntry(path="b", size=1, checksum=None, uri="file:///y/b")
        >>> [entry.path for entry in merge_entries([[b], [a], [a, b]])]
        ['a', 'b']
    """
    # Text compares by code point, which is the order of the UTF-8 bytes.
    last: ManifestEntry | None = None
    for entry in heapq.merge(*streams, key=attrgetter("path")):
        if last is None or entry.path != last.path:
            yield entry
            last = entry
        elif not entry.is_same_row(last):
            raise _conflict(last, entry)


def _conflict(one: ManifestEntry, other: ManifestEntry) -> Conflict:
    if one.uri == other.uri:
        return Conflict(
            f"{one.uri} was seen twice, and differed",
            subject=one.path,
            expected=_describe(one),
            found=_describe(other),
            hint="It was overwritten while it was scanned, or two references ask for different "
            "checksums: scan again, or give one of them a folder of its own with name=.",
            uris=(one.uri, other.uri),
        )
    return Conflict(
        f"two references put different objects at the path {one.path!r}",
        subject=one.path,
        found=f"{one.uri} and {other.uri}",
        hint="Give one of the references a folder of its own with name=.",
        uris=(one.uri, other.uri),
    )


def _describe(entry: ManifestEntry) -> str:
    parts = [f"{entry.size} bytes" if entry.size is not None else "unknown size"]
    parts += [str(entry.checksum)] if entry.checksum else []
    parts += [f"version {entry.version_id}"] if entry.version_id else []
    return " ".join(parts)
