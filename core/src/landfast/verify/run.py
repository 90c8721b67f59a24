"""Verify: tell of every entry what became of its bytes at the source, from list pages.

A folder costs as many list requests as it has pages.  Requests for one object are sent only where a
list cannot tell: for a version that a plain list does not show, for a checksum that lists do not carry,
and for stores that list nothing.
"""

from __future__ import annotations

import itertools
import os.path
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from landfast.errors import AccessDenied, NotFound, ObjectChanged, Unverifiable
from landfast.manifests.base import Manifest
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.marker import of_marker
from landfast.model.source import Source
from landfast.model.verdict import Verdict, VerifyReport
from landfast.pins.sources import Place, Places
from landfast.pins.verdicts import Finding, History, judge
from landfast.stores.base import ChecksumKind, ObjectInfo, Store
from landfast.system.executors import spread, width
from landfast.system.progress import Report, silent
from landfast.verify.deep import Rereading, reread
from landfast.verify.join import FolderJoin
from landfast.verify.lookup import KeyedRows
from landfast.verify.tally import Tally

if TYPE_CHECKING:
    from landfast.stores.opener import Stores

_WORKERS = 16
_BATCH = 256
# Entries of no folder are sorted by key in portions of this size.
_CHUNK = 10_000
# Where listing is not permitted, so many scattered objects are asked about one by one.
_ASK_INSTEAD = 100

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

    def check(sources: Sequence[Source]) -> _Check:
        places = Places(sources, stores, any_endpoint=any_endpoint)
        there = None
        if deep and executor is not None and stores_there is not None:
            act = Rereading(stores=stores_there, sources=sources, any_endpoint=any_endpoint)
            there = _There(executor, act)
        return _Check(places, tally, pool, deep=deep, there=there)

    with ThreadPoolExecutor(workers, thread_name_prefix="landfast-verify") as pool:
        check(sources).all_of(manifest, workers)
        for pins, their_sources in older:
            if not tally.open:
                break
            entries = (entry for entry in pins.entries() if tally.is_open(entry.path))
            check(their_sources).scattered(entries)
    return tally.report(manifest.digest, deep=deep)


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry and what is known of its key; None if nothing was listed."""

    entry: ManifestEntry
    store: Store
    history: History | None

    @property
    def location(self) -> Location:
        """Where the entry lies; read from its URI only where somebody asks."""
        return Location.parse(self.entry.uri, pins=False)


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
    """Judges entries against one pin set's sources."""

    def __init__(
        self,
        places: Places,
        tally: Tally,
        pool: ThreadPoolExecutor,
        *,
        deep: bool,
        there: _There | None,
    ) -> None:
        self._places = places
        self._tally = tally
        self._pool = pool
        self._deep = deep
        self._there = there

    def all_of(self, manifest: Manifest, workers: int) -> None:
        """Judge every entry: folder by folder, then those that no folder holds."""
        folders = self._places.folders
        if folders:
            with ThreadPoolExecutor(min(workers, len(folders))) as pool:
                list(pool.map(lambda place: self._folder(place, manifest), folders))
        if self._tally.done < len(manifest):
            rest = (e for e in manifest.entries() if not self._places.is_in_folder(e))
            self.scattered(rest)

    def scattered(self, entries: Iterable[ManifestEntry]) -> None:
        """Judge entries wherever they lie."""
        entries = iter(entries)
        while chunk := list(itertools.islice(entries, _CHUNK)):
            groups: dict[tuple[int, str], list[_Item]] = {}
            for entry in chunk:
                location = Location.parse(entry.uri, pins=False)
                store = self._places.store_of(entry)
                group = groups.setdefault((id(store), location.authority), [])
                group.append(_Item(entry, store, None))
            for items in groups.values():
                items.sort(key=lambda item: item.location.key.encode())
                self._settle(self._looked_up(items))

    def _folder(self, place: Place, manifest: Manifest) -> None:
        """Judge the entries of one folder while its list goes by."""

        def on_other(found: ObjectInfo) -> None:
            below = found.location.key[len(place.location.key) :]
            inside = manifest.entries(f"{place.prefix}{below}/")
            is_marker = found.size == 0 and next(inside, None) is not None
            if below and not (is_marker or of_marker(below) or place.why_not(below)):
                self._tally.add_other(found.location.uri)

        join = FolderJoin(
            place,
            manifest,
            owns=lambda batch: self._places.owned(batch, place),
            on_intact=None if self._deep else self._tally.add_intact,
            on_other=on_other,
        )
        self._settle(self._joined(place, join))

    def _joined(self, place: Place, join: FolderJoin) -> Iterator[_Item]:
        """Yield the folder's own entries with their rows; without, where listing is not permitted."""
        is_denied = False
        try:
            for entry, history in join.listed():
                yield _Item(entry, place.store, history)
        except Unverifiable:
            pass
        except AccessDenied as error:
            is_denied = not place.store.capabilities().in_place
            if is_denied:
                self._tally.deny(place.source.uri, error)
        for entry in join.rest():
            if is_denied:
                self._tally.add(entry, Finding(verdict=Verdict.DENIED))
            else:
                yield _Item(entry, place.store, None)

    def _looked_up(self, items: list[_Item]) -> Iterator[_Item]:
        """Yield scattered objects of one store, sorted by key, with their rows where it can list."""
        store = items[0].store
        capabilities = store.capabilities()
        can_jump = capabilities.stable_order and bool(capabilities.list_checksums)
        if not capabilities.listing or capabilities.in_place or not can_jump:
            yield from items
            return
        rows = KeyedRows(store, _around(items), versions=capabilities.versions, checksum=None)
        for position, item in enumerate(items):
            try:
                history = rows.at(item.location.key)
            except AccessDenied as error:
                yield from self._unlisted(items[position:], error)
                return
            yield _Item(item.entry, store, history)

    def _unlisted(self, items: list[_Item], error: AccessDenied) -> Iterator[_Item]:
        """Ask about a few objects one by one where listing is not permitted, else call them denied."""
        if len(items) <= _ASK_INSTEAD:
            yield from items
            return
        self._tally.deny(_around(items).uri, error)
        for item in items:
            self._tally.add(item.entry, Finding(verdict=Verdict.DENIED))

    def _settle(self, items: Iterator[_Item]) -> None:
        """Record verdicts; those that need requests are asked for some at a time."""
        waiting = []
        for item in items:
            finding = None if item.history is None else judge(item.entry, item.history)
            if finding is not None and not self._rereads(item, finding):
                self._tally.add(item.entry, finding)
                continue
            waiting.append(item)
            if len(waiting) >= _BATCH:
                self._ask_all(waiting)
                waiting = []
        self._ask_all(waiting)

    def _rereads(self, item: _Item, finding: Finding) -> bool:
        """Whether bytes are read again: all if `deep`, else what is at hand and has a token that no list tells."""
        is_at_hand = item.store.capabilities().in_place
        return self._deep or (finding.verdict is Verdict.UNVERIFIABLE and is_at_hand)

    def _ask_all(self, items: list[_Item]) -> None:
        findings = list(self._pool.map(self._ask_one, items))
        if self._there is not None:
            findings = self._reread(items, findings, self._there)
        for item, finding in zip(items, findings, strict=True):
            self._tally.add(item.entry, finding)

    def _reread(self, items: list[_Item], findings: list[Finding], there: _There) -> list[Finding]:
        entries = [item.entry for item in items]
        answers = there.reread(list(zip(entries, findings, strict=True)))
        return [
            self._denied(str(item.location), answer) if isinstance(answer, AccessDenied) else answer
            for item, answer in zip(items, answers, strict=True)
        ]

    def _denied(self, where: str, error: AccessDenied) -> Finding:
        self._tally.deny(where, error)
        return Finding(verdict=Verdict.DENIED, detail=str(error))

    def _ask_one(self, item: _Item) -> Finding:
        location = item.location

        def ask(version_id: str | None, checksum: ChecksumKind) -> ObjectInfo | None:
            return _stat(item.store, location, version_id, checksum)

        try:
            history = item.history or _history(item, ask(None, _kind(item)))
            finding = judge(item.entry, history, ask)
            assert finding is not None
            if self._rereads(item, finding) and not (self._deep and self._there is not None):
                return reread(item.entry, finding, item.store)
        except AccessDenied as error:
            return self._denied(str(location), error)
        return finding


def _history(item: _Item, row: ObjectInfo | None) -> History:
    """Make a history of the current object, for a key that was not listed."""
    rows = () if row is None else (row,)
    return History(rows=rows, is_whole=not item.store.capabilities().versions)


def _kind(item: _Item) -> ChecksumKind:
    """Return the recorded kind of checksum, if the store knows it."""
    capabilities = item.store.capabilities()
    known = (*capabilities.list_checksums, *capabilities.stat_checksums)
    token = item.entry.checksum
    if token is None:
        return False
    return token.algorithm if token.algorithm in known else None


def _stat(
    store: Store, location: Location, version_id: str | None, checksum: ChecksumKind
) -> ObjectInfo | None:
    try:
        return store.stat(location, version_id=version_id, checksum=checksum)
    except (NotFound, ObjectChanged):
        # ObjectChanged: the server described another version than was asked for.
        return None
    except Unverifiable:
        return _stat(store, location, version_id, False)


def _around(items: list[_Item]) -> Location:
    """Return what the keys of sorted objects have in common: one key, or a folder."""
    first, last = items[0].location, items[-1].location
    if first.key == last.key:
        return first
    common = os.path.commonprefix([first.key, last.key])  # noqa: RUF071 - keys, not paths
    folder = common[: common.rfind("/") + 1]
    return Location(scheme=first.scheme, authority=first.authority, key=folder)
