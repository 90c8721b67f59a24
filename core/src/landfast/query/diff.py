"""Diff: compare two manifests in one pass over both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from operator import attrgetter
from typing import TypeAlias, TypeVar

from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch, differ
from landfast.manifests.merge import side_by_side
from landfast.model.diff import DiffKind, DiffRow, ManifestDiff
from landfast.model.manifest import ManifestEntry

_T = TypeVar("_T")
_Content: TypeAlias = "tuple[str, str, int]"


def diff(old: Manifest, new: Manifest) -> ManifestDiff:
    """Tell what is different between two manifests.

    Both are read as streams, side by side; memory grows with the number of differences, not of
    entries.  Equal content and pin digests are believed: nothing is read.  A file that went from a removed
    path to an added one, recognised by an equal content token and size, is `renamed`; validators and
    unverified entries never are.
    """
    import pyarrow.compute as pc

    if (old.digest, old.pin_digest) == (new.digest, new.pin_digest):
        return ManifestDiff(
            old=old.digest, new=new.digest, unchanged=len(new), unchanged_size=new.size
        )
    rows: dict[DiffKind, list[DiffRow]] = defaultdict(list)
    unchanged = unchanged_size = 0
    for before, after in side_by_side([old.batches(), new.batches()]):
        removed, added, one, other = _matched(before, after)
        is_modified = differ(one.identity, other.identity)
        is_repinned = pc.and_not(differ(one.pins, other.pins), is_modified)
        parts = {
            DiffKind.REMOVED: (removed.rows(), repeat(None)),
            DiffKind.ADDED: (repeat(None), added.rows()),
            DiffKind.MODIFIED: (one.where(is_modified).rows(), other.where(is_modified).rows()),
            DiffKind.REPINNED: (one.where(is_repinned).rows(), other.where(is_repinned).rows()),
        }
        for kind, pairs in parts.items():
            rows[kind] += [
                DiffRow(kind=kind, old=was, new=now) for was, now in zip(*pairs, strict=False)
            ]
        same = other.where(pc.invert(pc.or_(is_modified, is_repinned)))
        unchanged += len(same)
        unchanged_size += same.size
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


def _matched(
    before: EntryBatch, after: EntryBatch
) -> tuple[EntryBatch, EntryBatch, EntryBatch, EntryBatch]:
    """Return rows whose path only `before` has, only `after` has, and of paths in both the two rows."""
    import pyarrow.compute as pc

    if before.paths.equals(after.paths):
        nothing = before.slice(0, 0)
        return nothing, nothing, before, after
    places = pc.index_in(before.paths, value_set=after.paths)
    is_new = pc.invert(pc.is_in(after.paths, value_set=before.paths))
    is_kept = pc.is_valid(places)
    kept = before.where(is_kept), after.take(places.drop_null())
    return before.where(pc.invert(is_kept)), after.where(is_new), *kept


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
        for old, new in pair_by_name(went[content], entries, path=attrgetter("path"))
    ]
    return tuple(sorted(pairs, key=lambda row: row.path.encode()))


def _content(entry: ManifestEntry) -> _Content | None:
    checksum = entry.checksum
    if checksum is None or not checksum.is_content_token or entry.size is None:
        return None
    return (checksum.algorithm, checksum.value, entry.size)


def pair_by_name(
    went: Sequence[_T], came: Sequence[_T], *, path: Callable[[_T], str]
) -> Iterator[tuple[_T, _T]]:
    """Pair what has equal content: first those that kept their file name, then in order of path.

    Args:
        went: What was removed.
        came: What was added.
        path: Tells where it is.
    """
    by_name: dict[str, list[_T]] = defaultdict(list)
    for each in reversed(went):
        by_name[_file_name(path(each))].append(each)
    left = []
    for each in came:
        same_name = by_name.get(_file_name(path(each)))
        if same_name:
            yield same_name.pop(), each
        else:
            left.append(each)
    rest = sorted((each for every in by_name.values() for each in every), key=path)
    yield from zip(rest, left, strict=False)


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]
