"""Verdict and VerifyReport: what became of the recorded bytes at their source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from heapq import nlargest
from typing import Any, Literal

from landfast.errors import ObjectChanged
from landfast.model.diff import entry_to_dict
from landfast.model.manifest import ManifestEntry
from landfast.model.times import format_time
from landfast.spelling import check_choice

FailOn = Literal["drift", "loss", "never"]
"""What makes a verification an error: see `VerifyReport.raise_for`."""


class Verdict(StrEnum):
    """Result of the verification of one entry, from best to worst."""

    INTACT = "intact"  # the recorded bytes are what is there now
    MOVED = "moved"  # the same content is there under new pins
    OVERWRITTEN = "overwritten"  # other content is there; the recorded version still is too
    DELETED = "deleted"  # deleted, but the recorded version can be restored
    ARCHIVED = "archived"  # there, but a read needs a restore first
    UNVERIFIABLE = "unverifiable"  # something is there; nothing tells whether it is the same
    DENIED = "denied"  # looking is not permitted
    CHANGED = "changed"  # other content is there and nothing to fall back to
    GONE = "gone"  # nothing is there any more

    @property
    def badness(self) -> int:
        """The place in the order from best, 0, to worst."""
        return _ORDER[self]


_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}
_LOST = frozenset({Verdict.CHANGED, Verdict.GONE})
_UNKNOWN = frozenset({Verdict.UNVERIFIABLE, Verdict.DENIED})

EXIT_OK = 0
EXIT_DRIFTED = 3
EXIT_LOST = 4
EXIT_UNDECIDED = 5
# So many entries are named in an error.
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPins:
    """What lies at the source, in bytes and UTC, where it is not what was recorded."""

    uri: str
    version_id: str | None = None
    etag: str | None = None
    size: int | None = None
    modified_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description; what is not known is left out."""
        facts = asdict(self)
        if self.modified_at is not None:
            facts["modified_at"] = format_time(self.modified_at)
        return {name: value for name, value in facts.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryVerdict:
    """The verdict on one entry.

    Args:
        entry: As recorded, at the pins that the verdict speaks of.
        verdict: How it stands.
        found: What was found instead; None if nothing, or if it is what was recorded.
        detail: One sentence, where the verdict does not say it all.
    """

    entry: ManifestEntry
    verdict: Verdict
    found: FoundPins | None = None
    detail: str = ""

    @property
    def path(self) -> str:
        """The entry's path."""
        return self.entry.path

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        facts: dict[str, Any] = {
            "path": self.path,
            "verdict": str(self.verdict),
            "recorded": entry_to_dict(self.entry),
        }
        if self.found is not None:
            facts["found"] = self.found.to_dict()
        return facts | ({"detail": self.detail} if self.detail else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A place that may not be looked at, with the store's one line; named once, whatever the number of its entries."""

    uri: str
    permission: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """The state of a version's bytes at their source.

    Args:
        digest: Content digest of the version.
        counts: Number of entries with each verdict.
        sizes: Bytes of the entries with each verdict.
        rows: Every entry that is not intact, sorted by path. If there are many, they are read from a temporary file
            as you iterate over them.
        added: Number of objects at the source that the version does not have; they are not a failure.
        added_examples: URIs of at most ten of these objects.
        denials: Places that the credentials cannot read, with the store's message.
        deep: Whether the bytes were read again.

    Example:
        >>> VerifyReport(digest="lf1:0", counts={Verdict.INTACT: 2, Verdict.OVERWRITTEN: 1}).worst
        <Verdict.OVERWRITTEN: 'overwritten'>
    """

    digest: str
    counts: Mapping[Verdict, int] = field(default_factory=dict)
    sizes: Mapping[Verdict, int] = field(default_factory=dict)
    rows: Sequence[EntryVerdict] = ()
    added: int = 0
    added_examples: tuple[str, ...] = ()
    denials: tuple[Denial, ...] = ()
    deep: bool = False

    @property
    def worst(self) -> Verdict:
        """The worst verdict; `INTACT` for a version without entries."""
        seen = [verdict for verdict, count in self.counts.items() if count]
        return max(seen, key=lambda verdict: verdict.badness, default=Verdict.INTACT)

    @property
    def ok(self) -> bool:
        """Whether the source still has all recorded content."""
        return self.worst in {Verdict.INTACT, Verdict.MOVED}

    @property
    def exit_code(self) -> int:
        """0 if `ok`; 4 if bytes are lost, else 5 if some could not be judged, else 3 (drifted, restorable)."""
        seen = {verdict for verdict, count in self.counts.items() if count}
        if seen & _LOST:
            return EXIT_LOST
        if seen & _UNKNOWN:
            return EXIT_UNDECIDED
        return EXIT_OK if self.ok else EXIT_DRIFTED

    @property
    def summary(self) -> str:
        """One line: ``9 intact, 1 overwritten``."""
        parts = [f"{self.counts[v]:,} {v}" for v in Verdict if self.counts.get(v)]
        parts += [f"{self.added:,} added at the source"] if self.added else []
        return ", ".join(parts) or "no entries"

    def raise_for(self, fail_on: FailOn, name: str) -> None:
        """Raise an error if the version fails `fail_on`.

        Args:
            fail_on: ``drift`` raises if the source has anything but the recorded content; ``loss`` only if recorded
                bytes cannot be read, or could not be judged; ``never`` does not raise.
            name: Name of the version, for the message.

        Raises:
            ObjectChanged: If the version fails; the message names the worst entries.
            InvalidInput: If `fail_on` has another value.
        """
        check_choice("fail_on", fail_on, FailOn)
        is_lost = self.exit_code in {EXIT_LOST, EXIT_UNDECIDED}
        if fail_on == "never" or self.ok or (fail_on == "loss" and not is_lost):
            return
        worst = nlargest(_NAMED, self.rows, key=lambda row: row.verdict.badness)
        told = ", ".join(f"{row.path} {row.verdict}" for row in worst)
        raise ObjectChanged(
            f"{name} differs from what its source has now",
            subject=name,
            expected="every entry intact" if fail_on == "drift" else "no entry lost",
            found=f"{self.summary} ({told})" if told else self.summary,
            hint=f"landfast verify {name} names every entry; log again to record what is there now.",
        )

    def of(self, verdict: Verdict) -> Iterator[EntryVerdict]:
        """Yield the entries with one verdict. The report does not store intact entries."""
        return (row for row in self.rows if row.verdict is verdict)

    def to_dict(self, *, rows: bool = True) -> dict[str, Any]:
        """Return a JSON-able description.

        Args:
            rows: Whether to include the entries; there may be millions.
        """
        facts: dict[str, Any] = {
            "digest": self.digest,
            "ok": self.ok,
            "exit_code": self.exit_code,
            "worst": str(self.worst),
            "summary": self.summary,
            "deep": self.deep,
            "counts": {str(v): self.counts.get(v, 0) for v in Verdict},
            "sizes": {str(v): self.sizes.get(v, 0) for v in Verdict},
            "added": self.added,
            "added_examples": list(self.added_examples),
            "denials": [
                {"uri": d.uri, "permission": d.permission, "message": d.message}
                for d in self.denials
            ],
        }
        return facts | ({"rows": [row.to_dict() for row in self.rows]} if rows else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The registry's record of one verification of a version.

    Args:
        ok: Whether the sources had all recorded content.
        deep: Whether the bytes were read again.
        summary: One line, such as ``9 intact, 1 overwritten``.
        counts: Number of entries with each verdict, without verdicts that no entry has.
        at: Time of the record, UTC, by the registry's clock.
    """

    ok: bool
    deep: bool
    summary: str
    counts: Mapping[str, int]
    at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "ok": self.ok,
            "deep": self.deep,
            "summary": self.summary,
            "counts": dict(self.counts),
            "at": format_time(self.at),
        }
