"""PlaceRetention: what a bucket's rules do to what lies at a place, and where they are not as they were sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from landfast.model.retention.report import RuleOutlook
from landfast.model.retention.rules import BucketRules
from landfast.model.times import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A part of a rule that is stored otherwise than it was sent.

    Args:
        rule: The rule's id.
        part: Its name, such as ``Filter.ObjectSizeGreaterThan``; ``""`` for the whole rule.
        sent: As it was sent; None if it was not.
        stored: As it is stored; None if it is not.
    """

    rule: str
    part: str
    sent: str | None
    stored: str | None

    @property
    def line(self) -> str:
        """One line for people."""
        what = f"rule {self.rule!r}" + (f": {self.part}" if self.part else "")
        if self.stored is None:
            return f"{what} {self.sent or ''}".rstrip() + " was sent and is not stored"
        if self.sent is None:
            return f"{what} {self.stored}".rstrip() + " is stored and was not sent"
        return f"{what} was sent as {self.sent} and is stored as {self.stored}"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {"rule": self.rule, "part": self.part, "sent": self.sent, "stored": self.stored}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRetention:
    """What the rules of a bucket do to the object versions of a place.

    Args:
        uri: The place.
        rules: Of the bucket, as they are stored.
        listed: How many object versions were looked at.
        is_whole: Whether these are all.
        counts: What each action takes first, the nearest first.
        differences: Where the stored rules are not those that were sent; None if nobody said what was sent.
        sooner: What the stored rules take that those sent leave, or take later.
    """

    uri: str
    rules: BucketRules
    listed: int = 0
    is_whole: bool = True
    counts: tuple[RuleOutlook, ...] = ()
    differences: tuple[Difference, ...] | None = None
    sooner: tuple[RuleOutlook, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the stored rules take nothing that those sent would leave."""
        return not self.sooner

    def lines(self) -> Iterator[str]:
        """Yield the report as lines of text."""
        rules = self.rules
        for one in rules.unanswered:
            yield f"not told: {one.question}: {one.why}"
        if not rules.are_known:
            yield "It is not known what the rules of the bucket will do."
            return
        actions = len(rules.actions)
        yield f"{self._state()}; {actions} action{'' if actions == 1 else 's'} of lifecycle rules"
        more = "" if self.is_whole else " and more"
        for count in self.counts:
            took = count.told("version", "versions")
            yield f"{took} (of {self.listed:,} listed{more})"
            yield f"  -> {count.prevented_by}"
        yield from (f"note: {note}" for note in rules.notes)
        yield from (f"not known here: {element}" for element in rules.unread)
        yield from self._sent_lines()

    def _sent_lines(self) -> Iterator[str]:
        if self.differences is None:
            return
        if not self.differences:
            yield "The stored rules are those that were sent."
        yield from (f"not as sent: {one.line}" for one in self.differences)
        for one in self.sooner:
            when = "" if one.at is None else f" from {one.at:%Y-%m-%d} on"
            yield (
                f"takes more than was sent: {one.entries:,} of {self.listed:,} versions{when},"
                f" first {one.example}, by rule {one.rule!r} ({one.action})"
            )

    def _state(self) -> str:
        rules = self.rules
        versions = "versions are kept" if rules.is_versioned else "no versions are kept"
        versions += ", versioning is suspended" if rules.is_suspended else ""
        lock = "Object Lock is on" if rules.has_object_lock else "no Object Lock"
        kept = f"; kept for {rules.keeps_for_days:g} days" if rules.keeps_for_days else ""
        days = rules.recoverable_days
        again = f"; recoverable for {days:g} days" if days else ""
        return f"{versions}, {lock}{kept}{again}"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        first = min((one.at for one in self.counts if one.at is not None), default=None)
        differences = self.differences
        return {
            "uri": self.uri,
            "listed": self.listed,
            "whole": self.is_whole,
            "first": None if first is None else format_time(first),
            "actions": [one.to_dict() for one in self.counts],
            "bucket": self.rules.to_dict(),
            "differences": None if differences is None else [d.to_dict() for d in differences],
            "sooner": [one.to_dict() for one in self.sooner],
        }
