"""Verify: tell of every entry what became of its bytes at the source, from list pages.

A folder costs as many list requests as it has pages.  Requests for one object are sent only where a
list cannot tell: for a version that a plain list does not show, for a checksum that lists do not carry,
and for stores that list nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from landfast.errors import AccessDenied
from landfast.manifests.base import Manifest
from landfast.model.blob_uri import is_managed
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.model.storage.copies import is_copy
from landfast.model.verdict import Verdict, VerifyReport
from landfast.pins.sets import named_by_bytes
from landfast.pins.sources import Places
from landfast.pins.verdicts import Finding, judge
from landfast.survey.walk import Item, Survey
from landfast.system.executors import spread, width
from landfast.system.progress import Report, silent
from landfast.verify.deep import Rereading, reread
from landfast.verify.tally import Tally

if TYPE_CHECKING:
    from landfast.stores.opener import Stores

_WORKERS = 16
_BATCH = 256

PinSets: TypeAlias = "Sequence[tuple[Manifest, Sequence[Source]]]"


def verify(
    manifest: Manifest,
    sources: Sequence[Source],
    stores: Stores,
    *,
    older: PinSets = (),
    deep: bool = False,
    workers: int = _WORKERS,
    progress: Report = silent,
    any_endpoint: bool = False,
    executor: Executor | None = None,
    stores_there: Callable[[], Stores] | None = None,
) -> VerifyReport:
    """Tell of every entry what became of its bytes at the source; what the version does not have is counted.

    Evidence is what a scan would take: tokens and version ids from lists, sha256 of local files from
    the stat cache.  A local file that was overwritten by as many bytes, with its times put back, is
    only found with `deep`.

    Further pin sets of the version, newest first, are asked for what is not intact at its newest.  Options
    are those of `VerifyOptions`; an executor rereads what is verified `deep`, with `stores_there`.

    Raises:
        Conflict: If a store's endpoint is not the recorded one, or (`deep`) the manifest's digests
            are not those of its rows.
        Unavailable: If a server did not answer.
    """
    if deep:
        manifest.check()
    tally = Tally(len(manifest), progress)

    def survey(sources: Sequence[Source], *, copies: bool = False) -> Survey:
        places = Places(sources, stores, any_endpoint=any_endpoint)
        there = None
        if deep and executor is not None and stores_there is not None:
            act = Rereading(stores=stores_there, sources=sources, any_endpoint=any_endpoint)
            there = _There(executor, act)
        check = (_Copies if copies else _Check)(tally, pool, deep=deep, there=there)
        return Survey(places, check, workers=workers)

    with ThreadPoolExecutor(workers, thread_name_prefix="landfast-verify") as pool:
        survey(sources).all_of(manifest)
        for pins, their_sources in older:
            if not tally.open:
                break
            if is_copy(their_sources):
                survey(their_sources, copies=True).scattered(_copies(pins, tally))
                continue
            entries = (entry for entry in pins.entries() if tally.is_open(entry.path))
            survey(their_sources).scattered(entries)
    return tally.report(manifest.digest, deep=deep)


def _copies(pins: Manifest, tally: Tally) -> Iterator[ManifestEntry]:
    """Yield the copies of what its source does not give any more."""
    for entry in pins.entries():
        if is_managed(entry.uri) and tally.is_open(entry.path, worse_than=Verdict.OVERWRITTEN):
            yield named_by_bytes(entry)


@dataclass(frozen=True, slots=True)
class _There:
    """Who rereads entries elsewhere."""

    executor: Executor
    act: Rereading

    def reread(self, found: list[tuple[ManifestEntry, Finding]]) -> list[Finding | AccessDenied]:
        """Reread by all workers at once, and return what they say, in order."""
        size = -(-len(found) // width(self.executor)) or 1
        chunks = [tuple(found[at : at + size]) for at in range(0, len(found), size)]
        by_first = {
            chunk[0][0].path: answers for chunk, answers in spread(self.executor, self.act, chunks)
        }
        return [answer for chunk in chunks for answer in by_first[chunk[0][0].path]]


class _Check:
    """Judges entries against one pin set's sources; a `Surveyor`."""

    takes_archives = False

    def __init__(
        self, tally: Tally, pool: ThreadPoolExecutor, *, deep: bool, there: _There | None
    ) -> None:
        self._tally = tally
        self._pool = pool
        self._deep = deep
        self._there = there
        self.takes_intact = not deep
        self.take_intact = tally.add_intact
        self.take_other = tally.add_other
        self.refuse = tally.deny

    @property
    def taken(self) -> int:
        """How many entries have a verdict."""
        return self._tally.done

    def take_refused(self, entry: ManifestEntry) -> None:
        """Take an entry of a place that may not be listed."""
        self._tally.add(entry, Finding(verdict=Verdict.DENIED))

    def take(self, items: Iterator[Item]) -> None:
        """Record verdicts; those that need requests are asked for some at a time."""
        waiting = []
        for item in items:
            finding = None if item.history is None else judge(item.entry, item.history)
            if finding is not None and not self._rereads(item, finding):
                self._tally.add(item.entry, self._told(finding))
                continue
            waiting.append(item)
            if len(waiting) >= _BATCH:
                self._ask_all(waiting)
                waiting = []
        self._ask_all(waiting)

    def _rereads(self, item: Item, finding: Finding) -> bool:
        """Whether bytes are read again: all if `deep`, else what is at hand and has a token that no list tells."""
        is_at_hand = item.store.capabilities().in_place
        return self._deep or (finding.verdict is Verdict.UNVERIFIABLE and is_at_hand)

    def _ask_all(self, items: list[Item]) -> None:
        findings = list(self._pool.map(self._ask_one, items))
        if self._there is not None:
            findings = self._reread(items, findings, self._there)
        for item, finding in zip(items, findings, strict=True):
            self._tally.add(item.entry, self._told(finding))

    def _told(self, finding: Finding) -> Finding:
        return finding

    def _reread(self, items: list[Item], findings: list[Finding], there: _There) -> list[Finding]:
        entries = [item.entry for item in items]
        answers = there.reread(list(zip(entries, findings, strict=True)))
        return [
            self._denied(str(item.location), answer) if isinstance(answer, AccessDenied) else answer
            for item, answer in zip(items, answers, strict=True)
        ]

    def _denied(self, where: str, error: AccessDenied) -> Finding:
        self._tally.deny(where, error)
        return Finding(verdict=Verdict.DENIED, detail=str(error))

    def _ask_one(self, item: Item) -> Finding:
        try:
            finding = judge(item.entry, item.asked(), item.ask)
            assert finding is not None
            if self._rereads(item, finding) and not (self._deep and self._there is not None):
                return reread(item.entry, finding, item.store)
        except AccessDenied as error:
            return self._denied(str(item.location), error)
        return finding


class _Copies(_Check):
    """Judges copies in the registry's store: the same content at other pins than those that were recorded."""

    def _told(self, finding: Finding) -> Finding:
        if finding.verdict is not Verdict.INTACT:
            return finding
        detail = "Its source no longer has it. Landfast reads the copy in the registry's store."
        return replace(finding, verdict=Verdict.MOVED, detail=detail)
