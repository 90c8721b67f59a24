"""Pager: turn the pages of a listing until its end is proven; a listing is complete, or an error.

A reply that says "this is all" proves it, with exceptions that real servers taught:

- a full page may be what the server gives at most;
- an empty page, after one that promised more, may be a marker that the server lost its way by.

Both are probed: the server is asked what comes after the last row that it gave.  A server that goes back,
repeats a token or promises more for ever is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NoReturn

from landfast.errors import LimitExceeded, Unavailable
from landfast.model.location import Location
from landfast.stores.base import MOST_EMPTY_PAGES, ChecksumKind, ObjectInfo, Page, Store

# Some hundred megabytes.
_MOST_SORTED = 500_000


class Pager:
    """The pages of one listing; each is an iterator of rows, to be read to its end before the next.

    Where a place has no order, all rows come as one page, sorted.

    Args:
        store: Where to look.
        location: The folder, or what keys begin with.
        versions: Whether every version is listed.
        checksum: The kind that rows carry.
        after: Only keys after this one.
        limit: Rows asked for on a page.

    Raises:
        LimitExceeded: If there are too many to be sorted.
        Unavailable: If the listing goes back, in a circle, or has no end.
    """

    def __init__(
        self,
        store: Store,
        location: Location,
        *,
        versions: bool = False,
        checksum: ChecksumKind = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> None:
        self._store = store
        self._location = location
        self._versions = versions
        self._checksum = checksum
        self._limit = limit
        self._is_sorted = store.capabilities().stable_order
        self._token: str | None = None
        self._after = self._start = after
        self._page: Page | None = None
        self._is_done = False
        self._last: str | None = None
        self._ids: set[str | None] = set()
        self._tokens: set[int] = set()
        self._rows_on_page = 0
        self._empty_pages = 0
        self._is_probe = False

    def __iter__(self) -> Iterator[Iterator[ObjectInfo]]:
        """Turn the pages."""
        return self

    def __next__(self) -> Iterator[ObjectInfo]:
        """Ask for the next page."""
        if self.is_done:
            raise StopIteration
        rows = self._ask()
        return rows if self._is_sorted else iter(self._sorted(rows))

    @property
    def is_done(self) -> bool:
        """Whether the last page was read and its end is proven."""
        if self._page is not None:
            page, self._page = self._page, None
            self._go_on(page)
        return self._is_done

    def _sorted(self, rows: Iterator[ObjectInfo]) -> list[ObjectInfo]:
        start = "" if self._start is None else self._start
        asked = (row for row in chain(rows, self._rest()) if row.location.key > start)
        found = list(islice(asked, _MOST_SORTED + 1))
        if len(found) > _MOST_SORTED:
            raise LimitExceeded(
                f"{self._location} holds too many objects for a place that lists them without an order",
                subject=str(self._location),
                expected=f"at most {_MOST_SORTED:,}, which are sorted in memory",
                found="more",
                hint="Record the folders in it one by one.",
                limit=_MOST_SORTED,
            )
        return sorted(found, key=lambda row: row.location.key.encode())

    def _rest(self) -> Iterator[ObjectInfo]:
        while not self.is_done:
            yield from self._ask()

    def _ask(self) -> Iterator[ObjectInfo]:
        page = self._store.list_page(
            self._location,
            versions=self._versions,
            checksum=self._checksum,
            token=self._token,
            after=self._after,
            limit=self._limit,
        )
        self._page, self._rows_on_page = page, 0
        self._is_sorted = self._is_sorted and page.is_sorted
        return self._checked(page.rows)

    def _checked(self, rows: Iterable[ObjectInfo]) -> Iterator[ObjectInfo]:
        for row in rows:
            self._rows_on_page += 1
            if self._is_sorted:
                self._check_order(row)
            self._last = row.location.key
            yield row

    def _check_order(self, row: ObjectInfo) -> None:
        key, last = row.location.key, self._last
        if last is None or key.encode() > last.encode():
            self._ids = {row.version_id}
            return
        is_older = key == last and self._versions
        if not is_older or (row.version_id is not None and row.version_id in self._ids):
            self._fail(
                "is listed out of order, so a scan of it would not be complete",
                expected=f"{'an older version of, or ' if self._versions else ''}a key after {last!r}",
                found=repr(key),
            )
        self._ids.add(row.version_id)

    def _go_on(self, page: Page) -> None:
        """Find out how to ask for the page after this one, or that there is none."""
        self._empty_pages = 0 if self._rows_on_page else self._empty_pages + 1
        if page.next is None:
            self._end(page)
            return
        if hash(page.next) in self._tokens:
            self._fail("goes in a circle", found="a page token that was given before")
        if self._empty_pages >= MOST_EMPTY_PAGES:
            self._fail(
                "has no end",
                expected="objects, or the end",
                found=f"{self._empty_pages:,} empty pages that promise more",
            )
        self._tokens.add(hash(page.next))
        self._token, self._after, self._is_probe = page.next, None, False

    def _end(self, page: Page) -> None:
        is_lost = self._token is not None and not self._rows_on_page and not self._is_probe
        if not self._is_sorted or self._last is None or not (page.is_full or is_lost):
            self._is_done = True
        elif page.tail is not None:
            self._token, self._after, self._is_probe = page.tail, None, True
        elif self._after == self._last:
            self._fail(
                "cannot be listed to its end: the server does not go on after a key",
                expected=f"keys after {self._last!r}, or none",
                found="a full page of others",
            )
        else:
            self._token, self._after = None, self._last

    def _fail(self, what: str, *, found: str, expected: str | None = None) -> NoReturn:
        where = str(self._location)
        raise Unavailable(
            f"the server's list of {where} {what}", subject=where, expected=expected, found=found
        )
