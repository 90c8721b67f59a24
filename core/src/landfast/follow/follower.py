"""Follower: what a consumer was not told yet, one by one; its position moves as the next one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from landfast.errors import InvalidInput
from landfast.follow.lease import LEASE, Lease
from landfast.registry.values import ChangeFilter, Stream

if TYPE_CHECKING:
    from landfast.model.lineage import RunEvent
    from landfast.model.version import Change
    from landfast.registry.registry import Registry

T = TypeVar("T", "Change", "RunEvent")
START, NOW = "start", "now"
_PAGE = 200
_EVERY_CHANGE = ChangeFilter()


class Follower:
    """Follows one or both streams in a consumer's name; used in ``with``, which holds the lease.

    Each change and run event is told at least once, in order.  Who asks for the next one says with it that the one
    before was dealt with; what an exception or a kill interrupts is told again.

    Args:
        registry: Whose streams.
        consumer: Name under which the positions are remembered.
        streams: Which are followed.
        begin: Where a consumer begins that nobody knows yet: ``start``, ``now``, a moment, or a position of the
            first stream.
        again: Where to go on in place of the remembered position, spelled in the same way; None goes on there.
        lease: How long somebody else waits after this one was killed.

    Raises:
        Conflict: When entered, if somebody else follows in this name.
    """

    def __init__(
        self,
        registry: Registry,
        consumer: str,
        *,
        streams: Sequence[Stream] = (Stream.CHANGES,),
        begin: str | int | datetime = NOW,
        again: str | int | datetime | None = None,
        lease: timedelta = LEASE,
    ) -> None:
        self._registry = registry
        self._streams = tuple(streams)
        self._begin = begin
        self._again = again
        self._lease = Lease(registry, consumer, lease)
        self.consumer = consumer
        self.position: dict[Stream, int] = {}
        """How far the consumer has come."""
        self.is_moved = False
        """Whether it does not just go on where it was: the consumer is new, or was sent elsewhere."""

    def __enter__(self) -> Self:
        self._lease.take()
        try:
            known = self._registry.consumers.positions(self.consumer)
            self.is_moved = not known or self._again is not None
            self.position = self._where(known)
            # Remembered now: what happens from here on is told, even if this process ends before it hears of it.
            self._lease.remember(self.position)
        except BaseException:
            self._lease.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lease.__exit__(kind, error, trace)

    def _where(self, known: dict[Stream, int]) -> dict[Stream, int]:
        if self._again is not None:
            known = {}
        missing = [stream for stream in self._streams if stream not in known]
        found = {stream: known[stream] for stream in self._streams if stream in known}
        if missing:
            begins = self._places(self._begin if self._again is None else self._again)
            found |= {stream: begins[stream] for stream in missing}
        return found

    def _places(self, place: str | int | datetime) -> dict[Stream, int]:
        if place == NOW:
            return self._registry.consumers.heads()
        if place == START:
            return dict.fromkeys(Stream, 0)
        if isinstance(place, datetime):
            return self._registry.consumers.positions_at(place)
        if isinstance(place, int) and place >= 0 and len(self._streams) == 1:
            return dict.fromkeys(Stream, place)
        raise InvalidInput(
            f"nobody can follow from {place!r}",
            subject=str(place),
            expected="start, now, a moment, or a position where one stream is followed",
        )

    def changes(
        self,
        wanted: ChangeFilter = _EVERY_CHANGE,
        *,
        keep: Callable[[Change], bool] = lambda _: True,
    ) -> Iterator[Change]:
        """Yield the changes that there are now and that the consumer was not told, oldest first.

        Args:
            wanted: Which the registry looks for.
            keep: Which of these are told.
        """
        yield from self._untold(
            Stream.CHANGES,
            lambda after: self._registry.changes(wanted, after=after, limit=_PAGE),
            self._registry.head,
            keep,
        )

    def run_events(
        self, *, keep: Callable[[RunEvent], bool] = lambda _: True
    ) -> Iterator[RunEvent]:
        """Yield the run events that there are now and that the consumer was not told, oldest first.

        Args:
            keep: Which are told.
        """
        consumers = self._registry.consumers
        consumers.give_positions()
        yield from self._untold(
            Stream.RUNS,
            lambda after: consumers.run_events(after=after, limit=_PAGE),
            lambda: 0,
            keep,
        )

    def _untold(
        self,
        stream: Stream,
        fetch: Callable[[int], Iterator[T]],
        head: Callable[[], int],
        keep: Callable[[T], bool],
    ) -> Iterator[T]:
        while True:
            # Asked before: whatever lies below it and is wanted is in the page, if the page is not full.
            passed = head()
            page = list(fetch(self.position[stream]))
            for item in filter(keep, page):
                yield item
                self._reach(stream, item.position)
            last = page[-1].position if page else 0
            is_all = len(page) < _PAGE
            self._reach(stream, max(last, passed) if is_all else last)
            if is_all:
                return

    def _reach(self, stream: Stream, position: int) -> None:
        if position > self.position[stream]:
            self._lease.remember({stream: position})
            self.position[stream] = position
