"""Tally: collects the outlooks of entries from many threads into one report."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from landfast.errors import AccessDenied
from landfast.manifests.batch import EntryBatch
from landfast.model.retention.report import EntryOutlook, Outlook, RetentionReport, RuleOutlook
from landfast.model.retention.rules import BucketRules, LifecycleAction
from landfast.survey.denials import Denials
from landfast.system.progress import Report
from landfast.system.spilled_rows import RowsByPath

_REPORTED = 100
# Of these outlooks no row is kept: there is nothing to say of a single entry.
_PLAIN = frozenset({Outlook.HELD, Outlook.KEPT, Outlook.UNRULED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was worked out for an entry, and the action that takes it once it is overwritten."""

    row: EntryOutlook
    waits: LifecycleAction | None = None


class Tally:
    """Counts outlooks, of `total` entries, tells of progress, and keeps those that somebody has to know.

    Args:
        total: Of the entries.
        soon: Until when a date is too near.
        progress: Told how many have one.
    """

    def __init__(self, total: int, soon: datetime, progress: Report) -> None:
        self._lock = threading.Lock()
        self._total = total
        self._soon = soon
        self._progress = progress
        self._counts: Counter[Outlook] = Counter()
        self._sizes: Counter[Outlook] = Counter()
        self._rows = RowsByPath[EntryOutlook]()
        self._waits: dict[tuple[str, str, str], RuleOutlook] = {}
        self._denials = Denials()

    def add(self, found: Found) -> None:
        """Take an entry; of two on the same path the better one stays."""
        row = found.row
        with self._lock:
            known = self._rows.get(row.path)
            if known is not None:
                if _order(known) <= _order(row):
                    return
                self._rows.drop(row.path)
                self._count(known.outlook, -1, -(known.entry.size or 0))
            self._count(row.outlook, 1, row.entry.size or 0)
            if row.outlook not in _PLAIN:
                self._rows.put(row)
            if found.waits is not None:
                self._wait(row.bucket, found.waits, 1, row.entry.size or 0, row.path)
            self._tell(1)

    def add_all(
        self,
        entries: EntryBatch,
        outlook: Outlook,
        *,
        bucket: str = "",
        waits: LifecycleAction | None = None,
    ) -> None:
        """Take entries of which there is the same to say, and none was taken before."""
        if not len(entries):
            return
        with self._lock:
            self._count(outlook, len(entries), entries.size)
            if waits is not None:
                example = str(entries.paths[0])
                self._wait(bucket, waits, len(entries), entries.size, example)
            self._tell(len(entries))

    def deny(self, uri: str, error: AccessDenied) -> None:
        """Take a place that may not be looked at."""
        self._denials.add(uri, error)

    @property
    def done(self) -> int:
        """How many entries have an outlook."""
        with self._lock:
            return self._counts.total()

    @property
    def open(self) -> int:
        """How many paths somebody has to know of so far."""
        with self._lock:
            return len(self._rows)

    def is_open(self, path: str) -> bool:
        """Whether a path has an outlook that somebody has to know."""
        with self._lock:
            return self._rows.get(path) is not None

    def report(
        self,
        *,
        name: str,
        as_of: datetime,
        within: timedelta,
        buckets: tuple[BucketRules, ...],
        manifests: tuple[EntryOutlook, ...],
    ) -> RetentionReport:
        """Return what was collected; nothing may be added afterwards."""
        rows = self._rows.sorted()
        totals = _Totals(self._soon)
        for row in (*rows, *manifests):
            totals.add(row)
        for row in manifests:
            self._count(row.outlook, 1, row.entry.size or 0)
        return RetentionReport(
            name=name,
            as_of=as_of,
            within=within,
            counts=dict(+self._counts),
            sizes=dict(+self._sizes),
            due=totals.due,
            rows=rows,
            manifests=manifests,
            rules=(*totals.rules(), *self._waits.values()),
            buckets=buckets,
            denials=self._denials.all(),
        )

    def _count(self, outlook: Outlook, entries: int, size: int) -> None:
        self._counts[outlook] += entries
        self._sizes[outlook] += size

    def _wait(
        self, bucket: str, action: LifecycleAction, entries: int, size: int, path: str
    ) -> None:
        key = (bucket, action.rule, action.text)
        known = self._waits.get(key) or RuleOutlook(
            bucket=bucket,
            outlook=Outlook.KEPT,
            rule=action.rule,
            action=action.text,
            prevented_by=action.remedy,
            example=path,
        )
        self._waits[key] = replace(known, entries=known.entries + entries, size=known.size + size)

    def _tell(self, more: int) -> None:
        done = self._counts.total()
        if (done - more) // _REPORTED < done // _REPORTED or done == self._total:
            self._progress(done, self._total)


class _Totals:
    """What each action does, over all rows."""

    def __init__(self, soon: datetime) -> None:
        self._soon = soon
        self._rules: dict[tuple[str, str, str], RuleOutlook] = {}
        self.due = 0

    def add(self, row: EntryOutlook) -> None:
        first = row.first
        if first is None:
            return
        self.due += first.at <= self._soon
        key = (row.bucket, first.rule, first.action)
        known = self._rules.get(key) or RuleOutlook(
            bucket=row.bucket,
            outlook=row.outlook,
            rule=first.rule,
            action=first.action,
            prevented_by=first.prevented_by,
        )
        if known.at is None or first.at < known.at:
            known = replace(known, at=first.at, example=row.path)
        size = known.size + (row.entry.size or 0)
        self._rules[key] = replace(known, entries=known.entries + 1, size=size)

    def rules(self) -> Iterator[RuleOutlook]:
        yield from sorted(self._rules.values(), key=lambda one: (str(one.at), one.bucket, one.rule))


def _order(row: EntryOutlook) -> tuple[int, float]:
    """Return what is smaller for the better of two outlooks."""
    first = row.first
    if first is not None:
        return (Outlook.ARCHIVES.badness, -first.at.timestamp())
    return (row.outlook.badness, 0.0)
