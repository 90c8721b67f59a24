"""Look which objects of a version lie in an archive: from list pages, and single requests where these cannot tell."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from landfast.errors import AccessDenied
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.model.storage.archive import ArchiveState
from landfast.model.verdict import Verdict
from landfast.pins.sources import Places
from landfast.pins.verdicts import History, judge
from landfast.stores.base import Store
from landfast.survey.walk import Item, Survey
from landfast.system.spilled_rows import RowsByPath

if TYPE_CHECKING:
    from landfast.stores.opener import Stores

PinSets: TypeAlias = "Sequence[tuple[Manifest, Sequence[Source]]]"

_BATCH = 256
_LOST = frozenset({Verdict.GONE, Verdict.CHANGED, Verdict.DENIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An object that a version needs and that lies, or lay, in an archive.

    Args:
        entry: As recorded, at the pins by which its store is found.
        number: Of the pin set that these are of.
        location: The object.
        version_id: Which version of it; None is the current object.
        state: How it lies there.
        until: Until when a restored copy stays, if that was told; UTC.
    """

    entry: ManifestEntry
    number: int
    location: Location
    version_id: str | None
    state: ArchiveState
    until: datetime | None = None

    @property
    def path(self) -> str:
        """The entry's path."""
        return self.entry.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """An entry whose bytes are not to be had, with one sentence."""

    path: str
    uri: str
    message: str
    permission: str | None = None
    is_denied: bool = False


class Findings:
    """What was seen: of each wanted entry whether it can be read, lies in an archive, or is lost.

    Args:
        stores: Opens them.
        sets: The version's manifests with their sources, newest pins first.
        any_endpoint: Whether another endpoint than the recorded one may be asked.
        why_not: Why a path is not wanted; ``""`` if it is.
    """

    def __init__(
        self,
        sets: PinSets,
        stores: Stores,
        *,
        any_endpoint: bool,
        why_not: Callable[[str], str] | None,
    ) -> None:
        self._lock = threading.Lock()
        self._why_not = why_not
        self._targets = RowsByPath[Target]()
        self._lost = RowsByPath[Lost]()
        self.places = [Places(sources, stores, any_endpoint=any_endpoint) for _, sources in sets]
        self.readable = 0
        self.seen = 0

    def is_wanted(self, path: str) -> bool:
        """Whether an entry is looked at."""
        return self._why_not is None or not self._why_not(path)

    def count(self, entries: EntryBatch) -> None:
        """Take entries that can be read, wanted or not."""
        wanted = len(entries)
        if self._why_not is not None:
            wanted = sum(map(self.is_wanted, entries.paths.to_pylist()))
        with self._lock:
            self.seen += len(entries)
            self.readable += wanted

    def add(self, path: str, found: Target | Lost | None) -> None:
        """Take what was found of a wanted entry; None if it can be read."""
        with self._lock:
            self._lost.drop(path)
            self.seen += 1
            if isinstance(found, Lost):
                self._lost.put(found)
            elif found is not None:
                self._targets.put(found)
            else:
                self.readable += 1

    def skip(self) -> None:
        """Take an entry that is not wanted."""
        with self._lock:
            self.seen += 1

    def is_lost(self, path: str) -> bool:
        """Whether an entry's bytes were not found so far."""
        with self._lock:
            return self._lost.get(path) is not None

    @property
    def has_lost(self) -> bool:
        """Whether bytes of some entries were not found so far."""
        return len(self._lost) > 0

    def targets(self) -> Sequence[Target]:
        """Return what lies, or lay, in an archive, by path."""
        return self._targets.sorted()

    def lost(self) -> Sequence[Lost]:
        """Return what was not found, by path."""
        return self._lost.sorted()

    def store_of(self, target: Target) -> Store:
        """Open the store of an object."""
        return self.places[target.number].store_of(target.entry)


def look(
    sets: PinSets,
    stores: Stores,
    *,
    why_not: Callable[[str], str] | None = None,
    any_endpoint: bool = False,
    workers: int,
) -> Findings:
    """Look at every wanted entry of a version, at its newest pins, and at older ones where nothing is there.

    Raises:
        Conflict: If a store's endpoint is not the recorded one.
        Unavailable: If a server did not answer.
    """
    findings = Findings(sets, stores, any_endpoint=any_endpoint, why_not=why_not)
    with ThreadPoolExecutor(workers, thread_name_prefix="landfast-restore") as pool:
        for number, (manifest, _) in enumerate(sets):
            survey = Survey(
                findings.places[number], _Looking(findings, pool, number), workers=workers
            )
            if number == 0:
                survey.all_of(manifest)
            elif findings.has_lost:
                survey.scattered(e for e in manifest.entries() if findings.is_lost(e.path))
    return findings


class _Looking:
    """A `Surveyor` of one pin set."""

    takes_intact = True
    takes_archives = True

    def __init__(self, findings: Findings, pool: ThreadPoolExecutor, number: int) -> None:
        self._findings = findings
        self._pool = pool
        self._number = number
        self._refusals: dict[int, AccessDenied] = {}
        self.take_intact = findings.count

    @property
    def taken(self) -> int:
        """How many entries were looked at."""
        return self._findings.seen

    def take_other(self, uri: str) -> None:
        """What the version does not have needs no restore."""

    def refuse(self, uri: str, error: AccessDenied) -> None:  # noqa: ARG002 - told by its entries
        """Keep the error for this thread's entries, which follow."""
        self._refusals[threading.get_ident()] = error

    def take_refused(self, entry: ManifestEntry) -> None:
        """Take an entry of a place that may not be listed."""
        if not self._findings.is_wanted(entry.path):
            self._findings.skip()
            return
        self._findings.add(entry.path, _denied(entry, self._refusals[threading.get_ident()]))

    def take(self, items: Iterator[Item]) -> None:
        """Take entries as they were listed; what needs a request of its own is asked about some at a time."""
        waiting: list[Item] = []
        for item in items:
            if not self._findings.is_wanted(item.entry.path):
                self._findings.skip()
                continue
            waiting.append(item)
            if len(waiting) >= _BATCH:
                self._settle(waiting)
                waiting = []
        self._settle(waiting)

    def _settle(self, items: list[Item]) -> None:
        asking = [item for item in items if _needs_asking(item)]
        answers = dict(zip(map(id, asking), self._pool.map(self._found, asking), strict=True))
        for item in items:
            key = id(item)
            found = answers[key] if key in answers else self._found(item)
            self._findings.add(item.entry.path, found)

    def _found(self, item: Item) -> Target | Lost | None:
        entry = item.entry
        try:
            history = _told(item)
            finding = judge(entry, history, item.ask)
        except AccessDenied as error:
            return _denied(entry, error)
        assert finding is not None
        if finding.verdict in _LOST:
            message = f"is {finding.verdict}" + (f": {finding.detail}" if finding.detail else "")
            return Lost(path=entry.path, uri=entry.uri, message=message)
        row = finding.row
        if finding.verdict is not Verdict.ARCHIVED and entry.version_id is not None:
            row = history.held(entry.version_id) or row
        if row is None or row.archive in {None, ArchiveState.TIERED}:
            return None
        assert row.archive is not None
        return Target(
            entry=entry,
            number=self._number,
            location=row.location,
            version_id=None if row.is_latest and row.version_id == "null" else row.version_id,
            state=row.archive,
            until=row.restored_until,
        )


def _needs_asking(item: Item) -> bool:
    """Whether requests for the object alone may be sent; they are sent by several threads."""
    if item.history is None or judge(item.entry, item.history) is None:
        return True
    return _is_unsure(item.history)


def _is_unsure(history: History) -> bool:
    unsure = {ArchiveState.TIERED} | (set() if history.tells_restores else {ArchiveState.ARCHIVED})
    return any(row.archive in unsure for row in history.rows)


def _told(item: Item) -> History:
    """Return the history with what a request for the object tells of its archive, where lists do not."""
    history = item.asked()
    if item.history is None or not _is_unsure(history):
        return replace(history, tells_restores=True)
    version_id = item.entry.version_id
    held = None if version_id is None else history.held(version_id)
    row = held or history.current
    if row is None or not _is_unsure(replace(history, rows=(row,))):
        return history
    told = item.ask(None if row.is_latest else row.version_id, False)
    if told is None:
        return history
    known = replace(
        row,
        is_archived=told.is_archived,
        archive=told.archive,
        restored_until=told.restored_until,
    )
    rows = tuple(known if each is row else each for each in history.rows)
    return replace(history, rows=rows, tells_restores=True)


def _denied(entry: ManifestEntry, error: AccessDenied) -> Lost:
    permission = error.details.get("permission")
    message = "may not be looked at"
    return Lost(
        path=entry.path, uri=entry.uri, message=message, permission=permission, is_denied=True
    )
