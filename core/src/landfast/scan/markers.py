"""Folder markers without a slash: zero-byte objects ``a`` beside ``a/x``, as some tools write for folders.

On disk they would be a file and a folder of one name.  In a listing other keys may stand between ``a`` and
``a/x`` (``a-1``, ``a.txt``), so rows wait until it is clear what such an object is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from landfast.model.location import Location
from landfast.stores.base import ListRequest, ObjectInfo, Store
from landfast.stores.pager import Pager

MARKER_WITHOUT_SLASH = "folder marker without a slash"

# So many rows wait at most; then the store is asked.
_WAITING = 1_000


def with_markers(
    rows: Iterable[ObjectInfo], store: Store, upto: str | None
) -> Iterator[ObjectInfo]:
    """Yield sorted rows, and say of those that are folder markers without a slash that they are to be skipped.

    One request is sent for each that neither the rows nor their end tells of.

    Args:
        rows: Sorted by key.
        store: Where they come from.
        upto: The last key that the rows may have; None if they are all.
    """

    def ask(folder: Location) -> bool:
        pages = Pager(store, ListRequest(folder, checksum=False, limit=1))
        return next(pages.rows(), None) is not None

    waiting = _Waiting()
    for row in rows:
        if not waiting and (row.size or row.skip):
            yield row
            continue
        waiting.add(row)
        if len(waiting) > _WAITING:
            waiting.settle(ask)
        yield from waiting.settled()
    waiting.settle(lambda folder: not _is_before(folder.key, upto) and ask(folder))
    yield from waiting.settled()


def _is_before(folder: str, upto: str | None) -> bool:
    """Whether everything in a folder stands before the end of a listing."""
    if upto is None:
        return True
    return upto.encode() > folder.encode() and not upto.startswith(folder)


class _Waiting:
    """Rows from the first of which it is not known yet what it is."""

    def __init__(self) -> None:
        self._rows: deque[ObjectInfo] = deque()
        # Folder keys of zero-byte objects of which is not known whether there is such a folder.
        self._open: dict[str, ObjectInfo] = {}
        self._markers: set[str] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: ObjectInfo) -> None:
        """Take the next row, which may tell what earlier ones are."""
        key = row.location.key
        for folder in list(self._open):
            if key.startswith(folder):
                self._markers.add(self._open.pop(folder).location.key)
            elif key.encode() > folder.encode():
                del self._open[folder]
        self._rows.append(row)
        if row.size == 0 and not row.skip and not key.endswith("/"):
            self._open[key + "/"] = row

    def settle(self, is_folder: Callable[[Location], bool]) -> None:
        """Decide of all rows."""
        for row in self._open.values():
            if is_folder(row.location.unpinned().as_folder()):
                self._markers.add(row.location.key)
        self._open.clear()

    def settled(self) -> Iterator[ObjectInfo]:
        """Yield rows up to the first that is undecided."""
        first = next(iter(self._open.values()), None)
        while self._rows and self._rows[0] is not first:
            row = self._rows.popleft()
            if row.location.key in self._markers:
                self._markers.discard(row.location.key)
                row = replace(row, skip=MARKER_WITHOUT_SLASH)
            yield row
