"""Ranges: the key ranges that a folder is cut into while they are listed, by any number of listers.

It begins as one range.  A lister that has nothing to do is offered a key half-way into what is left of the longest
range, and asks the server what comes after it.  The first key that it is told is where the range is cut: what lies up
to that key stays with who lists it now, even what the server may have left out there, and the page that told it is the
first of the new range.  So ranges tile whatever the guess was worth, and a guess that hits costs no request of its own.

Each page is committed before its rows are kept: the answer says where the range ends by then, and no range is ever cut
before a page that was committed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from landfast.scan.keyspace import KeySpace
from landfast.scan.parts import Part
from landfast.stores.base import ObjectBatch

# Keys of a page from which it is learned what keys are like.
_SAMPLES = 8
# Who waits for work looks after so many pages again.
_LOOKS = 4
# A range is worth a cut if so many pages of it are left.
_WORTH_PAGES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A key to look behind, and the number of the range that it would cut."""

    number: int
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A range to list: the keys after one, up to and including another as far as is known; None is the end."""

    number: int
    after: str | None
    upto: str | None


def samples(page: ObjectBatch) -> list[str]:
    """Return some keys of a page, the last one last."""
    step = max(1, len(page) // _SAMPLES)
    return [*map(page.key_at, range(0, len(page), step)), page.key_at(-1)]


class Stopped(Exception):
    """Listing is given up."""


class Ranges(Protocol):
    """What a lister asks, in whichever process it is."""

    def offer(self) -> Offer | None:
        """Wait for something to do; None if there is nothing more."""
        ...

    def answer(self, offer: Offer, found: str | None) -> Grant | None:
        """Say which key comes first after that of an offer; None if the range was not cut there."""
        ...

    def commit(self, number: int, keys: Sequence[str], rows: int) -> str | None:
        """Say that a page of a range was listed, with some of its keys, the last one last; learn where the range ends.

        Raises `Stopped`.
        """
        ...

    def count(self, entries: int) -> None:
        """Count entries that are to be recorded; raises `Stopped`, or `LimitExceeded`."""
        ...

    def finish(self, number: int, rows: int, part: Part | None) -> None:
        """Hand in a range that is listed to its end, of so many rows."""
        ...

    def fail(self, error: BaseException) -> None:
        """Make everybody stop."""
        ...


@dataclass(slots=True, kw_only=True)
class Range:
    """A range, and how far it is listed.

    Args:
        number: Its name.
        after: Its keys are after this one.
        upto: Its last key, at most.
        position: The last key that was committed.
        rows: How many rows are up to there.
        empty_from: Nothing of it lies behind this key, as a server said.
        is_probed: Whether somebody is looking for a key to cut it at.
        is_done: Whether it is listed to its end.
        part: What was found, if that is not streamed.
    """

    number: int
    after: str | None
    upto: str | None
    position: str | None = None
    rows: int = 0
    empty_from: str | None = None
    is_probed: bool = False
    is_done: bool = False
    part: Part | None = None

    @property
    def end(self) -> str | None:
        """Where it ends as far as is known."""
        return self.upto if self.empty_from is None else self.empty_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Thrift:
    """How many requests may be spent on cuts: `first`, and one for `each` pages, the first `dear` of them."""

    first: int = 6
    each: int = 8
    dear: int = 112
    later: int = 200

    def allowed(self, pages: int) -> float:
        """Return how many after so many pages."""
        return self.first + min(pages, self.dear) / self.each + pages / self.later


class SharedRanges:
    """The ranges of a folder, in order; safe for threads.

    Args:
        folder: What all keys begin with.
        whole: The first range: all.
        most: How many are listed at once at most.
        thrift: What cuts may cost.
        count: Takes the count of entries to record so far; may raise.
    """

    def __init__(
        self,
        folder: str,
        whole: Grant,
        *,
        most: int,
        thrift: Thrift,
        count: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._changed = threading.Condition()
        self._keys = KeySpace(folder)
        self._most = most
        self._thrift = thrift
        self._check = count
        self.entries = 0
        self._error: BaseException | None = None
        self._page = 1
        self.requests = 0
        first = Range(number=0, after=whole.after, upto=whole.upto)
        self._first: str | None = None
        self._ordered = [first]
        self._by_number = {0: first}

    @property
    def ordered(self) -> list[Range]:
        """All ranges, in order of their keys."""
        with self._changed:
            return list(self._ordered)

    def offer(self) -> Offer | None:
        """Wait for something to do; None if there is nothing more."""
        with self._changed:
            while self._error is None and not all(each.is_done for each in self._ordered):
                if (found := self._next_offer()) is not None:
                    return found
                self._changed.wait()
        return None

    def offers(self) -> list[Offer]:
        """Return all that can be done at once."""
        with self._changed:
            return list(iter(self._next_offer, None))

    def _next_offer(self) -> Offer | None:
        running = [each for each in self._ordered if not each.is_done]
        rows = sum(each.rows for each in self._ordered)
        probes = sum(each.is_probed for each in running)
        wasted = self.requests - rows / self._page + (len(running) + probes) / 2
        if len(running) + probes >= self._most or wasted >= self._thrift.allowed(self.requests):
            return None
        ready = [each for each in running if not each.is_probed and each.position is not None]
        by_rest = sorted(((self._rest(each), each) for each in ready), key=lambda pair: -pair[0])
        for rest, each in by_rest:
            if rest < _WORTH_PAGES * self._page:
                return None
            assert each.position is not None
            # An end that is no key of the range may be far away.
            start = self._first if each.upto is None else None
            after = self._keys.between(each.position, each.end, start=start)
            if after is not None:
                each.is_probed = True
                self.requests += 1
                return Offer(number=each.number, after=after)
        return None

    def _rest(self, each: Range) -> float:
        """Guess how many rows of a range are left, by how dense its keys were so far."""
        value = self._keys.value
        begin = value(each.after if each.after is not None else self._first)
        here = value(each.position)
        if here <= begin:
            return float(each.rows)
        return each.rows * ((value(each.end) - here) / (here - begin))

    def answer(self, offer: Offer, found: str | None) -> Grant | None:
        """Say which key comes first after that of an offer; None if the range was not cut there."""
        with self._changed:
            cut = self._by_number[offer.number]
            cut.is_probed = False
            self._changed.notify_all()
            if found is not None:
                self._keys.observe(found)
            if found is None or (cut.upto is not None and found >= cut.upto):
                cut.empty_from = offer.after
                return None
            if cut.is_done or cut.position is None or found <= cut.position or self._error:
                return None
            made = Range(
                number=len(self._by_number), after=found, upto=cut.upto, empty_from=cut.empty_from
            )
            cut.upto, cut.empty_from = found, None
            self._ordered.insert(self._ordered.index(cut) + 1, made)
            self._by_number[made.number] = made
            return Grant(number=made.number, after=made.after, upto=made.upto)

    def commit(self, number: int, keys: Sequence[str], rows: int) -> str | None:
        """Say that a page of a range was listed, with some of its keys, the last one last; learn where the range ends.

        Raises `Stopped`.
        """
        with self._changed:
            self._raise_if_stopped()
            each = self._by_number[number]
            self.requests += each.position is not None or number == 0
            each.position, each.rows = keys[-1], each.rows + rows
            self._page = max(self._page, rows)
            for key in keys:
                self._keys.observe(key)
            self._first = self._first or keys[0]
            if self.requests % _LOOKS == 0:
                self._changed.notify()
            return each.upto

    def count(self, entries: int) -> None:
        """Count entries that are to be recorded; raises `Stopped`, or what the limit does."""
        with self._changed:
            self._raise_if_stopped()
            self.entries += entries
            self._check(self.entries)

    def finish(self, number: int, rows: int, part: Part | None) -> None:
        """Hand in a range that is listed to its end, of so many rows."""
        with self._changed:
            each = self._by_number[number]
            each.rows, each.part, each.is_done = rows, part, True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Make everybody stop."""
        with self._changed:
            if self._error is None:
                self._error = error
            self._changed.notify_all()

    @property
    def error(self) -> BaseException:
        """The first error that anybody met."""
        assert self._error is not None
        return self._error

    def parts(self) -> Iterator[Part]:
        """Yield what was found in all ranges but the first, in order, waiting for each; raises the first error."""
        each: Range | None = self._ordered[0]
        while each is not None and (each := self._following(each)) is not None:
            if each.part is not None:
                yield each.part

    def _following(self, done: Range) -> Range | None:
        """Wait for the range after one that cannot be cut any more."""
        with self._changed:
            following = self._ordered[self._ordered.index(done) + 1 :][:1]
            while following and not following[0].is_done:
                self._raise_if_stopped()
                self._changed.wait()
                following = self._ordered[self._ordered.index(done) + 1 :][:1]
            return following[0] if following else None

    def _raise_if_stopped(self) -> None:
        if self._error is not None:
            raise Stopped
