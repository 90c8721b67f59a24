"""RetentionReport: when the recorded object versions can expire or go to an archive, and what prevents it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import nsmallest
from typing import Any

from landfast.errors import ExpiresSoon, Unverifiable
from landfast.model.manifest import ManifestEntry
from landfast.model.retention.rules import BucketRules
from landfast.model.times import format_time
from landfast.model.verdict import EXIT_LOST, EXIT_OK, EXIT_UNDECIDED, Denial

EXIT_EXPIRES = 6
WITHIN = timedelta(days=30)
"""How far a look ahead reaches where nobody says it."""
# So many entries are named in an error.
_NAMED = 3


class Outlook(StrEnum):
    """Future of one recorded object version under the rules of its bucket, from best to worst."""

    HELD = "held"  # the store keeps it until somebody releases it, whatever the rules say
    KEPT = "kept"  # no rule takes it, as long as nobody overwrites or deletes it
    UNRULED = "unruled"  # this kind of store has no rules, or tells none
    ARCHIVES = "archives"  # from a date on a read needs a restore first
    EXPIRES = "expires"  # from a date on it is removed
    UNKNOWN = "unknown"  # its bucket's rules, or the object, could not be looked at
    GONE = "gone"  # the recorded version is not there any more

    @property
    def badness(self) -> int:
        """The place in the order from best, 0, to worst."""
        return _ORDER[self]


_ORDER = {outlook: place for place, outlook in enumerate(Outlook)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A rule that takes something, and from when on.

    Args:
        at: UTC; if it has passed, the store may do it at any time.
        rule: The rule's id.
        action: The action and its numbers, as in the rule.
        prevented_by: The smallest change that prevents the action, as a sentence without a full stop.
    """

    at: datetime
    rule: str
    action: str
    prevented_by: str

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "at": format_time(self.at),
            "rule": self.rule,
            "action": self.action,
            "prevented_by": self.prevented_by,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryOutlook:
    """What the rules of a bucket will do to one entry.

    Args:
        entry: The entry as recorded, at the pins of this outlook.
        outlook: In one word.
        bucket: The bucket with these rules.
        expires: When the recorded version can be removed.
        archives: When a read of it can begin to need a restore, if that comes first.
        hides: When a delete marker can take its place; it stays readable by its version id.
        detail: One more sentence, if the other fields do not explain it.
    """

    entry: ManifestEntry
    outlook: Outlook
    bucket: str = ""
    expires: Deadline | None = None
    archives: Deadline | None = None
    hides: Deadline | None = None
    detail: str = ""

    @property
    def path(self) -> str:
        """The entry's path."""
        return self.entry.path

    @property
    def first(self) -> Deadline | None:
        """The first date on which it can expire or be archived."""
        dated = [one for one in (self.expires, self.archives) if one is not None]
        return min(dated, key=lambda one: one.at, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description; absent values are left out."""
        dates = {"expires": self.expires, "archives": self.archives, "hides": self.hides}
        facts: dict[str, Any] = {
            "path": self.path,
            "uri": self.entry.uri,
            "version_id": self.entry.version_id,
            "outlook": str(self.outlook),
            "bucket": self.bucket,
            **{name: one.to_dict() for name, one in dates.items() if one is not None},
            "detail": self.detail,
        }
        return {name: value for name, value in facts.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutlook:
    """The effect of one action of one rule on the version.

    Args:
        bucket: Bucket that has the rule.
        outlook: `EXPIRES`, `ARCHIVES`, or `KEPT` if the action applies only after the objects are overwritten.
        rule: The rule's id.
        action: The action and its numbers, as in the rule.
        prevented_by: The smallest change that prevents the action, as a sentence without a full stop.
        at: The earliest date of the action, UTC; None if it applies only after an overwrite.
        entries: Number of entries that this action affects before any other action.
        size: Bytes of these entries.
        example: Path of the entry that is affected first.
    """

    bucket: str
    outlook: Outlook
    rule: str
    action: str
    prevented_by: str
    at: datetime | None = None
    entries: int = 0
    size: int = 0
    example: str = ""

    @property
    def line(self) -> str:
        """One line for people."""
        return self.told("entry", "entries")

    def told(self, one: str, many: str) -> str:
        """Return one line for people; `one` and `many` are the singular and plural words for the affected objects."""
        how_many = f"{self.entries:,} {one if self.entries == 1 else many}"
        what = f"rule {self.rule!r} of {self.bucket} ({self.action})"
        if self.at is None:
            return f"once overwritten: {how_many} by {what}"
        return f"{self.outlook} {self.at:%Y-%m-%d %H:%M} UTC: {how_many}, first {self.example}, by {what}"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "bucket": self.bucket,
            "outlook": str(self.outlook),
            "rule": self.rule,
            "action": self.action,
            "prevented_by": self.prevented_by,
            "at": None if self.at is None else format_time(self.at),
            "entries": self.entries,
            "bytes": self.size,
            "example": self.example,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionReport:
    """The effect of bucket rules on a version.

    Args:
        name: Name of the version.
        as_of: Time of the report, UTC.
        within: Period in which a date is too near.
        counts: Number of entries with each outlook; manifests of the version count too.
        sizes: Bytes of the entries with each outlook.
        due: Number of these entries that expire or are archived within the period.
        rows: Every entry that expires, is archived or is gone, or whose outlook alone is not known; sorted by path.
        manifests: The same for the version's manifests, in the registry's own store.
        rules: Effect of each action, the nearest first.
        buckets: The rules of each bucket as they are stored, and which of them could not be read.
        denials: Places that the credentials cannot read, with the store's message.

    Example:
        >>> from datetime import UTC
        >>> report = RetentionReport(name="vision/mnist:v0", as_of=datetime(2026, 5, 1, tzinfo=UTC))
        >>> report.ok, report.summary
        (True, 'no entries')
    """

    name: str
    as_of: datetime
    within: timedelta = WITHIN
    counts: Mapping[Outlook, int] = field(default_factory=dict)
    sizes: Mapping[Outlook, int] = field(default_factory=dict)
    due: int = 0
    rows: Sequence[EntryOutlook] = ()
    manifests: tuple[EntryOutlook, ...] = ()
    rules: tuple[RuleOutlook, ...] = ()
    buckets: tuple[BucketRules, ...] = ()
    denials: tuple[Denial, ...] = ()

    @property
    def first(self) -> datetime | None:
        """The first date when any part of the version can expire or be archived; None if there is no date."""
        return min((rule.at for rule in self.rules if rule.at is not None), default=None)

    @property
    def ok(self) -> bool:
        """Whether the whole version is known to stay readable for the period."""
        return self.exit_code == EXIT_OK

    @property
    def exit_code(self) -> int:
        """0 if `ok`; 4 if an entry is gone, else 6 if an entry is due within the period, else 5 if undecided."""
        if self.counts.get(Outlook.GONE):
            return EXIT_LOST
        if self.due:
            return EXIT_EXPIRES
        return EXIT_UNDECIDED if self.counts.get(Outlook.UNKNOWN) else EXIT_OK

    @property
    def summary(self) -> str:
        """One line: ``8 kept, 2 expires, the first on 2026-06-01``."""
        parts = [f"{self.counts[one]:,} {one}" for one in Outlook if self.counts.get(one)]
        first = self.first
        dated = "" if first is None else f", the first on {first:%Y-%m-%d}"
        return (", ".join(parts) or "no entries") + dated

    def raise_for(self, within: timedelta | None = None) -> None:
        """Raise an error if the version may not stay readable for a period.

        Args:
            within: Period to look ahead; None is the period of the report.

        Raises:
            ExpiresSoon: If an entry expires, is archived or is gone by then; the message names the rule and how to
                prevent it.
            Unverifiable: If rules could not be read; the message names the missing permission or fact.
        """
        until = self.as_of + (self.within if within is None else within)
        near = [rule for rule in self.rules if rule.at is not None and rule.at <= until]
        if near or self.counts.get(Outlook.GONE):
            raise self._soon(near, until)
        if self.counts.get(Outlook.UNKNOWN):
            raise self._undecided()

    def _soon(self, near: Sequence[RuleOutlook], until: datetime) -> ExpiresSoon:
        gone = self.counts.get(Outlook.GONE, 0)
        told = [rule.line for rule in nsmallest(_NAMED, near, key=lambda r: r.at or until)]
        told += [f"{gone:,} gone already"] if gone else []
        can_hold = any(bucket.has_object_lock for bucket in self.buckets)
        change = f"To prevent it: {near[0].prevented_by}; " if near else ""
        change += f"landfast hold {self.name} keeps what is left; " if can_hold else ""
        return ExpiresSoon(
            f"{self.name} does not stay",
            subject=self.name,
            expected=f"every recorded object version readable until {until:%Y-%m-%d}",
            found="; ".join(told),
            hint=f"{change}landfast verify {self.name} --retention names every entry.",
            first=None if self.first is None else format_time(self.first),
        )

    def _undecided(self) -> Unverifiable:
        missing = [
            f"{one.question} of {bucket.bucket}"
            + (f" (permission {one.permission})" if one.permission else f" ({one.why})")
            for bucket in self.buckets
            for one in bucket.unanswered
            if one.is_decisive
        ]
        missing += [denial.message for denial in self.denials]
        return Unverifiable(
            f"it is not known how long {self.name} stays",
            subject=self.name,
            expected="the rules of its buckets",
            found="; ".join(missing) or self.summary,
            hint="Allow what is named, and ask again.",
        )

    def lines(self) -> Iterator[str]:
        """Yield the report as lines of text: effects of rules, unknown facts, and changes that prevent a loss."""
        for rule in self.rules:
            yield rule.line
            if rule.at is not None:
                yield f"  -> {rule.prevented_by}"
        for bucket in self.buckets:
            for one in bucket.unanswered:
                yield f"not told: {one.question} of {bucket.bucket}: {one.why}"
            yield from (f"note: {note}" for note in bucket.notes)
            yield from (
                f"not known here: {element} of {bucket.bucket}" for element in bucket.unread
            )
        yield from (f"denied: {denial.message}" for denial in self.denials)

    def to_dict(self, *, rows: bool = True) -> dict[str, Any]:
        """Return a JSON-able description.

        Args:
            rows: Whether to include the entries; there may be millions.
        """
        first = self.first
        facts: dict[str, Any] = {
            "name": self.name,
            "as_of": format_time(self.as_of),
            "within_days": self.within.total_seconds() / 86400,
            "ok": self.ok,
            "exit_code": self.exit_code,
            "summary": self.summary,
            "first": None if first is None else format_time(first),
            "due": self.due,
            "counts": {str(one): self.counts.get(one, 0) for one in Outlook},
            "sizes": {str(one): self.sizes.get(one, 0) for one in Outlook},
            "rules": [rule.to_dict() for rule in self.rules],
            "manifests": [row.to_dict() for row in self.manifests],
            "buckets": [bucket.to_dict() for bucket in self.buckets],
            "denials": [
                {"uri": d.uri, "permission": d.permission, "message": d.message}
                for d in self.denials
            ],
        }
        return facts | ({"rows": [row.to_dict() for row in self.rows]} if rows else {})
