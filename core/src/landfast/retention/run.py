"""Retention: say of every entry when the rules of its bucket can take it, from list pages.

A bucket is asked once for its rules, in a handful of requests.  A folder that no rule can touch is not listed; any
other costs as many list requests as it has pages: lists tell when a version was written and when its successor was.
Requests for one object are sent only where a rule goes by tags, or where somebody asks what holds single versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from landfast.errors import AccessDenied, LandfastError, NotFound, Unverifiable
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.retention.report import WITHIN, EntryOutlook, Outlook, RetentionReport
from landfast.model.retention.rules import BucketRules, Effect, LifecycleAction, ObjectLock, Phase
from landfast.model.source import Source
from landfast.pins.sources import Place, Places
from landfast.pins.verdicts import History
from landfast.retention.buckets import Buckets, tells_rules
from landfast.retention.judge import judge, recorded_row
from landfast.retention.tally import Found, Tally
from landfast.stores.base import Store
from landfast.stores.rules import RuleTeller
from landfast.survey.join import FolderJoin
from landfast.survey.lookup import KeyedRows, around
from landfast.system.portions import portions
from landfast.system.progress import Report, silent

if TYPE_CHECKING:
    from landfast.stores.opener import Stores

_WORKERS = 16
_BATCH = 256
# Entries of no folder are sorted by key in portions of this size.
_CHUNK = 10_000

PinSets: TypeAlias = "Sequence[tuple[Manifest, Sequence[Source]]]"
# Where a managed file of the registry's own store lies; None where that is no bucket.
OwnPlace: TypeAlias = "Callable[[str], tuple[Store, Location] | None]"


def retention(
    pins: PinSets,
    stores: Stores,
    *,
    name: str,
    own: OwnPlace,
    manifests: Sequence[ManifestEntry] = (),
    within: timedelta = WITHIN,
    locks: bool = False,
    workers: int = _WORKERS,
    progress: Report = silent,
    any_endpoint: bool = False,
) -> RetentionReport:
    """Say of every entry when the rules of its bucket can take it.

    Args:
        pins: The version's manifests with their sources, newest pins first; the best of them counts.
        stores: To look with.
        name: Name of the version.
        own: Finds a managed file by its URI.
        manifests: The version's manifest files, as managed files.
        within: Period in which a date is too near.
        locks: Whether to ask what holds each version that would expire: two requests each.
        workers: How many requests at once.
        progress: Told how many entries are done.
        any_endpoint: Whether another endpoint than recorded may be asked.

    Raises:
        Conflict: If a store's endpoint is not the recorded one.
        NotFound: If there is no such bucket.
        Unavailable: If a server did not answer.
    """
    (manifest, sources), *older = pins
    as_of = datetime.now(UTC)
    tally = Tally(len(manifest), as_of + within, progress)
    buckets = Buckets()
    with ThreadPoolExecutor(workers, thread_name_prefix="landfast-retention") as pool:

        def look(sources: Sequence[Source]) -> _Look:
            places = Places(sources, stores, any_endpoint=any_endpoint)
            return _Look(places, tally, buckets, pool, own=own, locks=locks, as_of=as_of)

        first = look(sources)
        first.all_of(manifest, workers)
        for manifest_there, their_sources in older:
            if not tally.open:
                break
            entries = (entry for entry in manifest_there.entries() if tally.is_open(entry.path))
            look(their_sources).scattered(entries)
        told = first.of_manifests(manifests)
    return tally.report(
        name=name, as_of=as_of, within=within, buckets=buckets.all(), manifests=told
    )


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry, where it lies, and what is known of its key."""

    entry: ManifestEntry
    store: Store
    location: Location
    rules: BucketRules
    history: History
    as_of: datetime

    def judged(
        self, *, tags: Mapping[str, str] | None = None, lock: ObjectLock | None = None
    ) -> Found:
        """Say what becomes of it; tags are None where nobody knows them."""
        return judge(
            self.entry,
            self.history,
            self.rules,
            key=self.location.key,
            as_of=self.as_of,
            tags=None if tags is None else dict(tags),
            lock=lock,
        )


class _Look:
    """Looks at entries through one pin set's sources."""

    def __init__(
        self,
        places: Places,
        tally: Tally,
        buckets: Buckets,
        pool: ThreadPoolExecutor,
        *,
        own: OwnPlace,
        locks: bool,
        as_of: datetime,
    ) -> None:
        self._places = places
        self._tally = tally
        self._buckets = buckets
        self._pool = pool
        self._own = own
        self._locks = locks
        self._as_of = as_of

    def all_of(self, manifest: Manifest, workers: int) -> None:
        """Look at every entry: folder by folder, then those that no folder holds."""
        folders = self._places.folders
        if folders:
            with ThreadPoolExecutor(min(workers, len(folders))) as pool:
                list(pool.map(lambda place: self._folder(place, manifest), folders))
        if self._tally.done < len(manifest):
            rest = (e for e in manifest.entries() if not self._places.is_in_folder(e))
            self.scattered(rest)

    def scattered(self, entries: Iterable[ManifestEntry]) -> None:
        """Look at entries wherever they lie."""
        for chunk in portions(entries, _CHUNK):
            for found in self._found(chunk):
                self._tally.add(found)

    def of_manifests(self, manifests: Sequence[ManifestEntry]) -> tuple[EntryOutlook, ...]:
        """Return what becomes of the version's own files."""
        rows = (found.row for found in self._found(manifests))
        return tuple(row for row in rows if row.outlook is not Outlook.UNRULED)

    # -- folders ------------------------------------------------------------------------------

    def _folder(self, place: Place, manifest: Manifest) -> None:
        if not tells_rules(place.store):
            self._all_alike(place, manifest, Outlook.UNRULED)
            return
        rules = self._buckets.rules(place.store, place.location)
        if not rules.are_known:
            self._all_alike(place, manifest, Outlook.UNKNOWN)
            return
        acting = [one for one in rules.all_actions if one.where.meets(place.location.key)]
        if not acting:
            self._all_alike(place, manifest, Outlook.KEPT)
            return
        self._listed(place, manifest, rules, acting)

    def _all_alike(self, place: Place, manifest: Manifest, outlook: Outlook) -> None:
        for batch in manifest.batches(place.prefix):
            mine, _ = place.keyed(batch)
            owned = self._places.owned(mine, place)
            self._tally.add_all(mine if owned is None else mine.where(owned), outlook)

    def _listed(
        self, place: Place, manifest: Manifest, rules: BucketRules, acting: list[LifecycleAction]
    ) -> None:
        join = FolderJoin(
            place,
            manifest,
            owns=lambda batch: self._places.owned(batch, place),
            on_intact=self._on_current(place, rules, acting),
            on_other=lambda _: None,
        )
        waiting: list[_Item] = []
        for entry, history in self._joined(place, join):
            location = place.location.child(_key_below(place, entry))
            waiting.append(_Item(entry, place.store, location, rules, history, self._as_of))
            if len(waiting) >= _BATCH:
                self._settle(waiting)
                waiting = []
        self._settle(waiting)
        self._refused(place.source.uri, join.refused)

    def _refused(self, uri: str, why: LandfastError | None) -> None:
        """Name what only current objects could be listed for, where versions have to be known."""
        if isinstance(why, AccessDenied):
            self._tally.deny(uri, why)

    def _on_current(
        self, place: Place, rules: BucketRules, acting: list[LifecycleAction]
    ) -> Callable[[EntryBatch], None] | None:
        """Return what takes entries that are current now, where no rule has anything to say of a single one of them."""
        waits = [action for action in acting if action.effect is Effect.REMOVE]
        is_plain = all(
            action.phase is Phase.NONCURRENT and _takes_all(action, place.location.key)
            for action in acting
        )
        if not is_plain:
            return None
        soonest = min(waits, key=lambda a: (a.noncurrent_days or 0, a.newer), default=None)
        if not rules.is_versioned:
            soonest = None
        return lambda entries: self._tally.add_all(
            entries, Outlook.KEPT, bucket=rules.bucket, waits=soonest
        )

    def _joined(self, place: Place, join: FolderJoin) -> Iterator[tuple[ManifestEntry, History]]:
        """Yield the folder's own entries with their rows; those that cannot be looked at are counted."""
        try:
            yield from join.listed()
        except (AccessDenied, Unverifiable) as error:
            if isinstance(error, AccessDenied):
                self._tally.deny(place.source.uri, error)
            for entry in join.rest():
                self._tally.add(Found(row=_unknown(entry, "It could not be listed.")))

    # -- entries of no folder -----------------------------------------------------------------

    def _found(self, entries: Sequence[ManifestEntry]) -> Iterator[Found]:
        groups: dict[tuple[int, str], list[tuple[Location, ManifestEntry, Store]]] = {}
        for entry in entries:
            where = self._place_of(entry)
            if where is None or not tells_rules(where[0]):
                yield Found(row=EntryOutlook(entry=entry, outlook=Outlook.UNRULED))
                continue
            store, location = where
            group = groups.setdefault((id(store), location.authority), [])
            group.append((location, entry, store))
        for group in groups.values():
            group.sort(key=lambda one: one[0].key.encode())
            yield from self._looked_up(group)

    def _place_of(self, entry: ManifestEntry) -> tuple[Store, Location] | None:
        if entry.uri.startswith("blob:"):
            return self._own(entry.uri)
        return self._places.store_of(entry), Location.parse(entry.uri, pins=False)

    def _looked_up(self, group: list[tuple[Location, ManifestEntry, Store]]) -> Iterator[Found]:
        folder, store = around(group[0][0], group[-1][0]), group[0][2]
        rules = self._buckets.rules(store, folder)
        items: list[_Item] = []
        rows = KeyedRows(store, folder, versions=store.capabilities().versions, checksum=None)
        for at, (location, entry, _) in enumerate(group):
            is_touched = any(a.where.takes(location.key, None) for a in rules.all_actions)
            if not rules.are_known or not is_touched:
                outlook = Outlook.KEPT if rules.are_known else Outlook.UNKNOWN
                yield Found(row=EntryOutlook(entry=entry, outlook=outlook, bucket=rules.bucket))
                continue
            try:
                history = rows.at(location.key)
            except AccessDenied as error:
                self._tally.deny(folder.uri, error)
                for _, one, _ in group[at:]:
                    yield Found(row=_unknown(one, "It could not be listed."))
                break
            items.append(_Item(entry, store, location, rules, history, self._as_of))
        self._refused(folder.uri, rows.refused)
        yield from self._judged(items)

    # -- single entries -----------------------------------------------------------------------

    def _settle(self, items: list[_Item]) -> None:
        for found in self._judged(items):
            self._tally.add(found)

    def _judged(self, items: list[_Item]) -> Iterator[Found]:
        asking: list[_Item] = []
        for item in items:
            found = item.judged()
            if self._asks(item, found):
                asking.append(item)
            else:
                yield found
        yield from self._pool.map(self._asked, asking)

    def _asks(self, item: _Item, found: Found) -> bool:
        """Whether the object itself has to be asked: for its tags, or for what holds it."""
        if self._asks_lock(item, found):
            return True
        has_tags = any(action.where.tags for action in item.rules.all_actions)
        return has_tags and item.judged(tags={}) != found

    def _asks_lock(self, item: _Item, found: Found) -> bool:
        return self._locks and item.rules.has_object_lock and found.row.expires is not None

    def _asked(self, item: _Item) -> Found:
        row = recorded_row(item.entry, item.history)
        assert row is not None
        assert isinstance(item.store, RuleTeller)
        # Where there are no versions, their ids need no permission of their own.
        version_id = row.version_id if item.rules.is_versioned else None
        try:
            tags = None
            found = item.judged()
            if item.judged(tags={}) != found:
                tags = dict(item.store.tags(item.location, version_id))
                found = item.judged(tags=tags)
            if self._asks_lock(item, found):
                lock = item.store.lock(item.location, version_id)
                found = item.judged(tags=tags, lock=lock)
        except NotFound:
            return Found(row=replace(item.judged().row, outlook=Outlook.GONE))
        except AccessDenied as error:
            self._tally.deny(item.rules.bucket, error)
            return self._in_doubt(item.judged(), error)
        return found

    def _in_doubt(self, found: Found, error: LandfastError) -> Found:
        """Tell the worst that may be where an object's tags or holds may not be asked for."""
        missing = error.details.get("permission") or "the permission to ask for its tags or holds"
        detail = f"Without {missing}, this is the worst case."
        return replace(found, row=replace(found.row, detail=detail))


def _takes_all(action: LifecycleAction, prefix: str) -> bool:
    """Whether an action is for every object below a prefix, whatever its size, name and tags."""
    where = action.where
    sizes = where.larger_than is None and where.smaller_than is None
    return prefix.startswith(where.prefixes) and not where.tags and not where.suffixes and sizes


def _key_below(place: Place, entry: ManifestEntry) -> str:
    return entry.path[len(place.prefix) :]


def _unknown(entry: ManifestEntry, why: str) -> EntryOutlook:
    return EntryOutlook(entry=entry, outlook=Outlook.UNKNOWN, detail=why)
