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
    """What a restore did; what had been asked before, or can be read, was left alone.

    Args:
        name: The version.
        tier: How fast was asked.
        days: How long restored copies were asked to stay.
        asked: Objects that were asked for now.
        asked_bytes: Their bytes.
        under_way: Objects that had been asked for before and are not back yet.
        restored: Objects of an archive of which a copy can be read.
        readable: Objects that are in no archive.
        until: When the first of the restored copies goes, as far as stores tell; UTC.
        waited: Whether it was waited until all could be read.
        problems: Entries whose bytes are not to be had.

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
        """Whether all bytes can be read, or will be."""
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
        """How long the archives of AWS take for the tier."""
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
