"""Look keys up in a listing, in ascending order, with as few pages as possible."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from dataclasses import replace

from landfast.errors import LandfastError, NotFound
from landfast.model.location import Location
from landfast.pins.verdicts import History
from landfast.stores.base import ChecksumKind, ListRequest, ObjectInfo, Store
from landfast.stores.batch import rows_of
from landfast.stores.pager import Pager


class KeyedRows:
    """The rows of a prefix, by key; pages between two wanted keys may be left out.

    Every version is listed where that is asked for and the server can, else the current objects.
    """

    def __init__(
        self,
        store: Store,
        location: Location,
        *,
        versions: bool,
        checksum: ChecksumKind,
    ) -> None:
        self._store = store
        self._location = location
        self._versions = versions
        self._checksum = checksum
        self._able = store.capabilities()
        self._askable = frozenset(self._able.stat_checksums)
        self._pages: Pager | None = None
        self._rows: Iterator[ObjectInfo] = iter(())
        self._head: ObjectInfo | None = None
        self._last: str | None = None
        self._is_done = False
        self._is_missing = False
        self._has_jumped = False
        self.refused: LandfastError | None = None
        """Why versions could not be listed, and only current objects were."""

    def at(self, key: str) -> History:
        """Return what the listing says of `key`; keys must come in ascending order."""
        wanted = key.encode()
        self._has_jumped = False
        while (head := self._peek(key)) is not None and head.location.key.encode() < wanted:
            self._take(head.location.key, wanted=key)
        history = self._take(key, wanted=key)
        if self._has_jumped and not any(row.is_latest for row in history.rows):
            return self._alone(key)
        return history

    def _alone(self, key: str) -> History:
        """List one key by itself: some servers leave out the first row of a page that starts anywhere."""
        place = replace(self._location, key=key)
        rows = KeyedRows(self._store, place, versions=self._versions, checksum=self._checksum)
        return rows.at(key)

    def _take(self, key: str, *, wanted: str | None) -> History:
        rows = []
        while (head := self._peek(wanted)) is not None and head.location.key == key:
            rows.append(head)
            self._head = None
        is_whole = self._versions or self._is_missing
        return History(
            rows=tuple(rows),
            is_whole=is_whole,
            askable=self._askable,
            tells_restores=self._able.lists_restores,
        )

    def _peek(self, key: str | None) -> ObjectInfo | None:
        while self._head is None and not self._is_done:
            try:
                self._head = next(self._rows, None)
                if self._head is None:
                    self._turn_page(key)
                else:
                    self._last = self._head.location.key
            except NotFound:
                self._is_done = self._is_missing = True
        return self._head

    def _turn_page(self, key: str | None) -> None:
        """Go on with the next page, or with one that holds `key` where others may be left out."""
        if self._pages is not None and self._pages.is_done:
            self._is_done = True
            return
        start = self._start_before(key)
        if self._pages is None or start is not None:
            self._open(start)
        else:
            self._rows = rows_of(next(self._pages))

    def _start_before(self, key: str | None) -> str | None:
        """Return where a page that holds `key` may start; None to go on where the last one ended."""
        if key is None:
            return None
        start = key[:-1]
        floor = self._location.key if self._last is None else self._last
        return start if start.encode() > floor.encode() else None

    def _open(self, after: str | None) -> None:
        self._has_jumped = self._has_jumped or after is not None
        request = ListRequest(
            self._location, versions=self._versions, checksum=self._checksum, after=after
        )
        is_first = self._pages is None
        pages = Pager(self._store, request, or_current=self._give_up if is_first else None)
        self._rows = rows_of(next(pages))
        self._pages = pages

    def _give_up(self, why: LandfastError) -> None:
        """Go on with the current objects, where versions cannot be listed."""
        self.refused = why
        self._versions = False


def around(first: Location, last: Location) -> Location:
    """Return what the keys of sorted objects have in common: one key, or a folder."""
    if first.key == last.key:
        return first
    common = os.path.commonprefix([first.key, last.key])  # noqa: RUF071 - keys, not paths
    folder = common[: common.rfind("/") + 1]
    return Location(scheme=first.scheme, authority=first.authority, key=folder)
