"""Diff: compare two manifests in one pass over both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from landfast.manifests.base import Manifest
from landfast.model.diff import DiffKind, DiffRow, ManifestDiff
from landfast.model.manifest import ManifestEntry

_Pair: TypeAlias = "tuple[ManifestEntry | None, ManifestEntry | None]"
_Content: TypeAlias = "tuple[str, str, int]"


def diff(old: Manifest, new: Manifest) -> ManifestDiff:
    """Tell what is different between two manifests.

    Both are read as streams, side by side; memory grows with the number of differences, not of
    entries.  Equal content and pin digests are believed: nothing is read.

    Args:
        old: Seen as the state before.
        new: Seen as the state after.

    Returns:
        The differences.  A file that went from a removed path to an added one, recognised by an
        equal content token and size, is `renamed`; validators and unverified entries never are.
    """
    if (old.digest, old.pin_digest) == (new.digest, new.pin_digest):
        return ManifestDiff(
            old=old.digest, new=new.digest, unchanged=len(new), unchanged_size=new.size
        )
    rows: dict[DiffKind, list[DiffRow]] = defaultdict(list)
    unchanged = unchanged_size = 0
    for before, after in _aligned(old.entries(), new.entries()):
        kind = _kind(before, after)
        if kind is not None:
            rows[kind].append(DiffRow(kind=kind, old=before, new=after))
        elif after is not None:
            unchanged += 1
            unchanged_size += after.size or 0
    renamed = _renames(rows[DiffKind.REMOVED], rows[DiffKind.ADDED])
    went, came = {row.old for row in renamed}, {row.new for row in renamed}
    return ManifestDiff(
        old=old.digest,
        new=new.digest,
        added=tuple(row for row in rows[DiffKind.ADDED] if row.new not in came),
        removed=tuple(row for row in rows[DiffKind.REMOVED] if row.old not in went),
        modified=tuple(rows[DiffKind.MODIFIED]),
        renamed=renamed,
        repinned=tuple(rows[DiffKind.REPINNED]),
        unchanged=unchanged,
        unchanged_size=unchanged_size,
    )


def _aligned(old: Iterator[ManifestEntry], new: Iterator[ManifestEntry]) -> Iterator[_Pair]:
    """Yield the entries of equal path together, and the others alone, by path."""
    before, after = next(old, None), next(new, None)
    while before is not None or after is not None:
        if after is None or (before is not None and before.sort_key < after.sort_key):
            yield before, None
            before = next(old, None)
        elif before is None or after.sort_key < before.sort_key:
            yield None, after
            after = next(new, None)
        else:
            yield before, after
            before, after = next(old, None), next(new, None)


def _kind(before: ManifestEntry | None, after: ManifestEntry | None) -> DiffKind | None:
    if before is None:
        return DiffKind.ADDED
    if after is None:
        return DiffKind.REMOVED
    if before.identity != after.identity:
        return DiffKind.MODIFIED
    return None if before.pins == after.pins else DiffKind.REPINNED


def _renames(removed: list[DiffRow], added: list[DiffRow]) -> tuple[DiffRow, ...]:
    """Pair removed with added entries of equal content; each takes part once."""
    went: dict[_Content, list[ManifestEntry]] = defaultdict(list)
    came: dict[_Content, list[ManifestEntry]] = defaultdict(list)
    for row in removed:
        if row.old is not None and (content := _content(row.old)):
            went[content].append(row.old)
    for row in added:
        if row.new is not None and (content := _content(row.new)) in went and content:
            came[content].append(row.new)
    pairs = [
        DiffRow(kind=DiffKind.RENAMED, old=old, new=new)
        for content, entries in came.items()
        for old, new in _pair(went[content], entries)
    ]
    return tuple(sorted(pairs, key=lambda row: row.path.encode()))


def _content(entry: ManifestEntry) -> _Content | None:
    checksum = entry.checksum
    if checksum is None or not checksum.is_content_token or entry.size is None:
        return None
    return (checksum.algorithm, checksum.value, entry.size)


def _pair(
    went: list[ManifestEntry], came: list[ManifestEntry]
) -> Iterator[tuple[ManifestEntry, ManifestEntry]]:
    """Pair duplicates: first those that kept their file name, then in order of path."""
    by_name: dict[str, list[ManifestEntry]] = defaultdict(list)
    for entry in reversed(went):
        by_name[_file_name(entry)].append(entry)
    left = []
    for entry in came:
        same_name = by_name.get(_file_name(entry))
        if same_name:
            yield same_name.pop(), entry
        else:
            left.append(entry)
    rest = sorted((e for entries in by_name.values() for e in entries), key=lambda e: e.sort_key)
    yield from zip(rest, left, strict=False)


def _file_name(entry: ManifestEntry) -> str:
    return entry.path.rpartition("/")[2]
