"""Tally: collects verdicts from many threads into one report."""

from __future__ import annotations

import threading
from collections import Counter

from landfast.errors import AccessDenied
from landfast.manifests.batch import EntryBatch
from landfast.model.manifest import ManifestEntry
from landfast.model.verdict import EntryVerdict, FoundPins, Verdict, VerifyReport
from landfast.pins.verdicts import Finding
from landfast.stores.base import ObjectInfo
from landfast.survey.denials import Denials
from landfast.system.progress import Report
from landfast.system.spilled_rows import RowsByPath

_EXAMPLES = 10
# Progress is reported each time that so many entries more have a verdict.
_REPORTED = 100


class Tally:
    """Counts verdicts, of `total` entries, tells of progress, and keeps those that are not `INTACT`."""

    def __init__(self, total: int, progress: Report) -> None:
        self._lock = threading.Lock()
        self._total = total
        self._progress = progress
        self._counts: Counter[Verdict] = Counter()
        self._sizes: Counter[Verdict] = Counter()
        self._rows = RowsByPath[EntryVerdict]()
        self._added = 0
        self._examples: list[str] = []
        self._denials = Denials()

    @property
    def done(self) -> int:
        """How many entries have a verdict."""
        with self._lock:
            return self._counts.total()

    def add(self, entry: ManifestEntry, finding: Finding) -> None:
        """Take the verdict on one entry; of two on the same path the better one stays."""
        verdict = finding.verdict
        row = None if verdict is Verdict.INTACT else _row(entry, finding)
        with self._lock:
            known = self._rows.get(entry.path)
            if known is not None and known.verdict.badness <= verdict.badness:
                return
            if known is not None:
                self._rows.drop(entry.path)
                self._count(known.entry, known.verdict, -1)
            self._count(entry, verdict, +1)
            if row is not None:
                self._rows.put(row)
            done = self._counts.total()
        if done % _REPORTED == 0 or done == self._total:
            self._progress(done, self._total)

    def add_intact(self, entries: EntryBatch) -> None:
        """Take entries of which each is `INTACT`, and none was judged before."""
        with self._lock:
            before = self._counts.total()
            self._counts[Verdict.INTACT] += len(entries)
            self._sizes[Verdict.INTACT] += entries.size
            done = before + len(entries)
        if done // _REPORTED > before // _REPORTED or done == self._total:
            self._progress(done, self._total)

    def add_other(self, uri: str) -> None:
        """Take an object that the version does not have."""
        with self._lock:
            self._added += 1
            if len(self._examples) < _EXAMPLES:
                self._examples.append(uri)

    def deny(self, uri: str, error: AccessDenied) -> None:
        """Take a place that may not be looked at."""
        self._denials.add(uri, error)

    @property
    def open(self) -> int:
        """How many paths are not `INTACT` so far."""
        with self._lock:
            return len(self._rows)

    def is_open(self, path: str, *, worse_than: Verdict = Verdict.INTACT) -> bool:
        """Whether a path was judged, and stands worse than so, so far."""
        with self._lock:
            row = self._rows.get(path)
        return row is not None and row.verdict.badness > worse_than.badness

    def report(self, digest: str, *, deep: bool) -> VerifyReport:
        """Return what was collected."""
        return VerifyReport(
            digest=digest,
            counts=dict(+self._counts),
            sizes=dict(+self._sizes),
            rows=self._rows.sorted(),
            added=self._added,
            added_examples=tuple(self._examples),
            denials=self._denials.all(),
            deep=deep,
        )

    def _count(self, entry: ManifestEntry, verdict: Verdict, step: int) -> None:
        self._counts[verdict] += step
        self._sizes[verdict] += step * (entry.size or 0)


def _row(entry: ManifestEntry, finding: Finding) -> EntryVerdict:
    is_same = finding.verdict in {Verdict.DELETED, Verdict.ARCHIVED}
    found = None if finding.row is None or is_same else _found(finding.row)
    return EntryVerdict(entry=entry, verdict=finding.verdict, found=found, detail=finding.detail)


def _found(row: ObjectInfo) -> FoundPins:
    return FoundPins(
        uri=row.location.without_secrets()[0].uri,
        version_id=row.version_id,
        etag=row.etag,
        size=row.size,
        modified_at=row.modified_at,
    )
