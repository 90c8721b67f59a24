"""RestoreReport: what was asked of archives, and until when what came back stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from landfast.html.sizes import size_text
from landfast.model.storage.archive import DEFAULT_DAYS, Tier
from landfast.model.storage.plan import Problem
from landfast.model.times import format_time

# How long the archives of AWS take, by its own documentation.
_TAKES = {
    Tier.EXPEDITED: "1 to 5 minutes",
    Tier.STANDARD: "3 to 5 hours, from the deep archive within 12",
    Tier.BULK: "5 to 12 hours, from the deep archive within 48",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """The result of a restore. It sends no request for objects that are being restored or can be read.

    Args:
        name: The version.
        tier: Requested speed of the restore.
        days: Requested lifetime of the restored copies, in days.
        asked: Number of objects whose restore this call requested.
        asked_bytes: Bytes of these objects.
        under_way: Number of objects whose restore was requested before and is not finished.
        restored: Number of archived objects with a restored copy that can be read.
        readable: Number of objects that are not archived.
        until: Time when the first restored copy expires, UTC; None if no store reports it.
        waited: Whether the call waited until all objects could be read.
        problems: Problems with entries whose bytes cannot be restored.

    Example:
        >>> report = RestoreReport(name="mnist:v3", asked=2, asked_bytes=3_000, readable=1)
        >>> report.summary
        '2 objects (3.0 kB) asked for, 1 in no archive'
        >>> report.ok, report.is_complete
        (True, False)
    """

    name: str
    tier: Tier = Tier.STANDARD
    days: int = DEFAULT_DAYS
    asked: int = 0
    asked_bytes: int = 0
    under_way: int = 0
    restored: int = 0
    readable: int = 0
    until: datetime | None = None
    waited: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all bytes can be read now or after the restore."""
        return not self.problems

    @property
    def is_complete(self) -> bool:
        """Whether all bytes can be read now."""
        return self.ok and not self.asked and not self.under_way

    @property
    def summary(self) -> str:
        """One line."""
        parts = []
        if self.asked:
            parts.append(f"{self.asked:,} objects ({size_text(self.asked_bytes)}) asked for")
        if self.under_way:
            parts.append(f"{self.under_way:,} asked for before and on their way")
        if self.restored:
            until = f" until {format_time(self.until)}" if self.until else ""
            parts.append(f"{self.restored:,} restored and readable{until}")
        if self.readable or not parts:
            parts.append(f"{self.readable:,} in no archive")
        parts += [f"{problem.count:,} {problem.message}" for problem in self.problems]
        return ", ".join(parts)

    @property
    def takes(self) -> str:
        """Time that the archives of AWS need for the tier, as text."""
        return _TAKES[self.tier]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "name": self.name,
            "ok": self.ok,
            "complete": self.is_complete,
            "summary": self.summary,
            "tier": str(self.tier),
            "days": self.days,
            "asked": self.asked,
            "asked_bytes": self.asked_bytes,
            "under_way": self.under_way,
            "restored": self.restored,
            "readable": self.readable,
            "until": None if self.until is None else format_time(self.until),
            "waited": self.waited,
            "problems": [problem.to_dict() for problem in self.problems],
        }
