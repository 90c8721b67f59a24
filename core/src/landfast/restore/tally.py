"""Tally: what was asked of archives so far, and what they said."""

from __future__ import annotations

from datetime import datetime

from landfast.model.storage.archive import ArchiveState, RestoreReply, RestoreRequest
from landfast.model.storage.plan import Problem
from landfast.model.storage.restore import RestoreReport


class Tally:
    """Counts objects of a restore; not for several threads at once."""

    def __init__(self, readable: int) -> None:
        self._readable = readable
        self._asked = self._asked_bytes = self._under_way = self._restored = 0
        self._until: datetime | None = None

    @property
    def away(self) -> int:
        """How many objects cannot be read yet."""
        return self._asked + self._under_way

    def seen(self, state: ArchiveState, until: datetime | None) -> None:
        """Take an object that was asked for before."""
        if state is ArchiveState.RESTORED:
            self._back(until)
        else:
            self._under_way += 1

    def answered(self, reply: RestoreReply, size: int | None) -> None:
        """Take what a store said to being asked."""
        match reply:
            case RestoreReply.ASKED:
                self._asked += 1
                self._asked_bytes += size or 0
            case RestoreReply.UNDER_WAY:
                self._under_way += 1
            case RestoreReply.RESTORED:
                self._back(None)
            case RestoreReply.READABLE:
                self._readable += 1

    def came_back(self, until: datetime | None) -> None:
        """Take an object that was away and can be read now."""
        if self._under_way:
            self._under_way -= 1
        else:
            self._asked -= 1
        self._back(until)

    def _back(self, until: datetime | None) -> None:
        self._restored += 1
        if until is not None and (self._until is None or until < self._until):
            self._until = until

    def report(
        self, name: str, request: RestoreRequest, problems: tuple[Problem, ...], *, waited: bool
    ) -> RestoreReport:
        """Return what was counted."""
        return RestoreReport(
            name=name,
            tier=request.tier,
            days=request.days,
            asked=self._asked,
            asked_bytes=self._asked_bytes,
            under_way=self._under_way,
            restored=self._restored,
            readable=self._readable,
            until=self._until,
            waited=waited,
            problems=problems,
        )
