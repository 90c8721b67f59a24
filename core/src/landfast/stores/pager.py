"""Pager: turn the pages of a listing until its end is proven; a listing is complete, or an error.

A reply that says "this is all" proves it, with exceptions that real servers taught:

- a full page may be what the server gives at most;
- an empty page, after one that promised more, may be a marker that the server lost its way by.

Both are probed: the server is asked what comes after the last row that it gave.  A server that goes back,
repeats a token or promises more for ever is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import NoReturn

from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    LimitExceeded,
    Unavailable,
)
from landfast.stores.base import MOST_EMPTY_PAGES, ListRequest, ObjectBatch, ObjectInfo, Page, Store
from landfast.stores.batch import rows_of

# Some hundred megabytes.
_MOST_SORTED = 500_000


class Pager:
    """The pages of one listing; each is an iterator of batches, to be read to its end before the next.

    Where a place has no order, all rows come as one page, sorted.  If versions cannot be listed, `or_current` is
    called with the error, and the current objects are; None raises it.

    Raises:
        LimitExceeded: If there are too many to be sorted.
        Unavailable: If the listing goes back, in a circle, or has no end.
    """

    def __init__(
        self,
        store: Store,
        request: ListRequest,
        *,
        or_current: Callable[[LandfastError], None] | None = None,
    ) -> None:
        self._store = store
        self._or_current = or_current if request.versions else None
        self._request = request
        self._start = request.after
        self._is_sorted = store.capabilities().stable_order
        self._page: Page | None = None
        self._is_done = False
        self._last: str | None = None
        self._ids: set[str | None] = set()
        self._tokens: set[int] = set()
        self._rows_on_page = 0
        self._empty_pages = 0
        self._is_probe = False

    def __iter__(self) -> Iterator[Iterator[ObjectBatch]]:
        """Turn the pages."""
        return self

    def __next__(self) -> Iterator[ObjectBatch]:
        """Ask for the next page."""
        if self.is_done:
            raise StopIteration
        batches = self._ask()
        return batches if self._is_sorted else self._sorted(batches)

    def batches(self) -> Iterator[ObjectBatch]:
        """Yield the batches of all pages."""
        return chain.from_iterable(self)

    def rows(self) -> Iterator[ObjectInfo]:
        """Yield the rows of all pages one by one."""
        return rows_of(self.batches())

    @property
    def is_done(self) -> bool:
        """Whether the last page was read and its end is proven."""
        if self._page is not None:
            page, self._page = self._page, None
            self._go_on(page)
        return self._is_done

    @property
    def is_sorted(self) -> bool:
        """Whether pages come in order, as far as is known; else all rows are sorted here, as one page."""
        return self._is_sorted

    def _sorted(self, batches: Iterator[ObjectBatch]) -> Iterator[ObjectBatch]:
        import pyarrow.compute as pc

        found, count = [], 0
        for each in chain(batches, self._rest()):
            asked = each.where(pc.greater(each["key"], self._start or ""))
            found.append(asked)
            count += len(asked)
            if count > _MOST_SORTED:
                raise self._too_many()
        if count:
            whole = ObjectBatch.joined(found)
            yield whole.take(pc.sort_indices(whole["key"]))

    def _too_many(self) -> LimitExceeded:
        return LimitExceeded(
            f"{self._request.location} holds too many objects for a place that lists objects without an order",
            subject=str(self._request.location),
            expected=f"at most {_MOST_SORTED:,}, which are sorted in memory",
            found="more",
            hint="Record the folders in it one by one.",
            limit=_MOST_SORTED,
        )

    def _rest(self) -> Iterator[ObjectBatch]:
        while not self.is_done:
            yield from self._ask()

    def _ask(self) -> Iterator[ObjectBatch]:
        page = self._asked()
        self._or_current = None
        self._page, self._rows_on_page = page, 0
        self._is_sorted = self._is_sorted and page.is_sorted
        return self._checked(page.batches)

    def _asked(self) -> Page:
        try:
            return self._store.list_page(self._request)
        except (AccessDenied, InvalidInput) as error:
            is_told = isinstance(error, AccessDenied) or error.details.get("unsupported")
            if self._or_current is None or not is_told:
                raise
            self._or_current(error)
        self._request = replace(self._request, versions=False)
        return self._store.list_page(self._request)

    def _checked(self, batches: Iterable[ObjectBatch]) -> Iterator[ObjectBatch]:
        for batch in batches:
            if len(batch):
                self._rows_on_page += len(batch)
                if self._is_sorted:
                    self._check_order(batch)
                self._last = batch.key_at(-1)
                yield batch

    def _check_order(self, batch: ObjectBatch) -> None:
        import pyarrow.compute as pc

        keys, ids = batch["key"], batch["version_id"]
        self._check_row(batch.key_at(0), ids[0].as_py(), self._last)
        done = 0
        # Only what does not ascend is looked at row by row: older versions, and what is wrong.
        places = pc.indices_nonzero(pc.less_equal(keys[1:], keys[:-1]))
        before, after = keys.take(places).to_pylist(), keys.take(pc.add(places, 1)).to_pylist()
        known, older = ids.take(places).to_pylist(), ids.take(pc.add(places, 1)).to_pylist()
        for row, at in enumerate(places.to_pylist()):
            if at != done:
                self._ids = {known[row]}
            done = at + 1
            self._check_row(after[row], older[row], before[row])
        if done != len(batch) - 1:
            self._ids = {ids[-1].as_py()}

    def _check_row(self, key: str, version_id: str | None, last: str | None) -> None:
        if last is None or key.encode() > last.encode():
            self._ids = {version_id}
            return
        versions = self._request.versions
        is_older = key == last and versions
        if not is_older or (version_id is not None and version_id in self._ids):
            self._fail(
                "is listed out of order, so a scan of it would not be complete",
                expected=f"{'an older version of, or ' if versions else ''}a key after {last!r}",
                found=repr(key),
            )
        self._ids.add(version_id)

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
        self._continue(token=page.next)
        self._is_probe = False

    def _end(self, page: Page) -> None:
        is_lost = self._request.token is not None and not self._rows_on_page and not self._is_probe
        if not self._is_sorted or self._last is None or not (page.is_full or is_lost):
            self._is_done = True
        elif page.tail is not None:
            self._continue(token=page.tail)
            self._is_probe = True
        elif self._request.after == self._last:
            self._fail(
                "cannot be listed to its end: the server returns nothing after a key",
                expected=f"keys after {self._last!r}, or none",
                found="a full page of others",
            )
        else:
            self._continue(after=self._last)

    def _continue(self, token: str | None = None, after: str | None = None) -> None:
        self._request = replace(self._request, token=token, after=after)

    def _fail(self, what: str, *, found: str, expected: str | None = None) -> NoReturn:
        where = str(self._request.location)
        raise Unavailable(
            f"the server's list of {where} {what}", subject=where, expected=expected, found=found
        )
