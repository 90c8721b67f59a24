"""List the current objects under a folder, page by page, as cheaply as the store allows.

Where pins need version ids, every version is listed and the noncurrent ones are dropped.  Where history is
so deep that this costs more than it gives, the current objects are listed instead, and only those that
differ from an earlier manifest are asked about one by one, each row then taken whole from that reply.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum

from landfast.errors import LandfastError, NotFound
from landfast.manifests.base import Manifest
from landfast.model.globs import PathFilter
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.marker import MARKER, of_marker
from landfast.scan.markers import with_markers
from landfast.scan.skips import FOLDER_ITSELF, SkipLog
from landfast.scan.values import ScanPlan, ScanWindow
from landfast.stores.base import ChecksumKind, ListRequest, ObjectBatch, ObjectInfo, Store
from landfast.stores.batch import FEW, in_batches, rows_of
from landfast.stores.pager import Pager

# History is deep when, after this many rows, fewer than one in four is a current object.
_DEEP_AFTER_ROWS = 4_000
_CHECK_EVERY = 1_000
_DEEP_RATIO = 4
# So many changed objects are asked about one by one before listing every version is cheaper again.
_STAT_BUDGET = 1_000
_STAT_WORKERS = 16

Previous = Callable[[], Manifest | None]


class Mode(StrEnum):
    """How a listing comes to the current objects."""

    VERSIONS = "versions"  # out of every version
    CURRENT = "current"  # that is all that is listed
    ASKED = "asked"  # and they are asked about, as history is deep


@dataclass(slots=True)
class Bounds:
    """Which keys are listed, and how that goes.

    Args:
        after: Only keys after this one; None begins at the first.
        upto: Only keys up to and including this one; None is the end.  May come nearer while they are listed.
        rows: How many rows were listed within.
        mode: How they are listed, once they are.
        is_ordered: Whether they come in order, page by page.
    """

    after: str | None = None
    upto: str | None = None
    rows: int = 0
    mode: Mode | None = None
    is_ordered: bool = True

    @classmethod
    def of(cls, scan: ScanPlan, window: ScanWindow) -> Bounds:
        """Return the bounds of a window below the folder, as keys."""
        after, upto = (
            None if end is None else scan.location.key + end for end in (window.after, window.upto)
        )
        return cls(after, upto)

    def commit(self, page: ObjectBatch) -> None:
        """Say that a page was listed, before it is kept up to where the range ends by then."""


def list_batches(
    scan: ScanPlan,
    bounds: Bounds,
    store: Store,
    skips: SkipLog,
    previous: Previous,
    begun: Iterator[ObjectBatch] | None = None,
) -> Iterator[ObjectBatch]:
    """Yield the objects to record, in order, each row as one response gave it; `skips` takes what is left out.

    An earlier manifest is only opened if it spares requests.  A listing that was `begun` is gone on with.
    """
    kind = scan.reference.kind
    asks = asks_each(scan, store)
    found = raw_batches(
        scan,
        bounds,
        store,
        previous,
        checksum=listed_kind(scan, store),
        tell=skips.tell,
        begun=begun,
    )
    kept = keep(scan, found, skips)
    if not asks:
        return kept
    return in_batches(_ask_each(rows_of(kept), store, kind, skips, _Known(scan, previous)))


def raw_batches(
    scan: ScanPlan,
    bounds: Bounds,
    store: Store,
    previous: Previous,
    *,
    checksum: ChecksumKind,
    tell: Callable[[str], None],
    begun: Iterator[ObjectBatch] | None = None,
) -> Iterator[ObjectBatch]:
    """Yield the current objects in order, also those that are to be skipped; `tell` takes what a user should know."""
    lister = _Lister(scan, bounds, store, previous, checksum=checksum, tell=tell, begun=begun)
    return with_markers(lister.batches(), store, lambda: bounds.upto)


def asks_each(scan: ScanPlan, store: Store) -> bool:
    """Whether each object takes a request, or the reading of a file, of its own."""
    if scan.reference.kind in store.capabilities().stat_checksums:
        return True
    # Listing with checksums would read files that the globs leave out.
    is_filtered = bool(scan.source.include or scan.source.exclude)
    return store.capabilities().in_place and is_filtered and scan.reference.kind is not False


def listed_kind(scan: ScanPlan, store: Store) -> ChecksumKind:
    """Return the kind of checksum that pages are asked for."""
    return False if asks_each(scan, store) else scan.reference.kind


def keep(scan: ScanPlan, batches: Iterable[ObjectBatch], skips: SkipLog) -> Iterator[ObjectBatch]:
    """Yield the rows to record, and tell `skips` of the others."""
    import pyarrow as pa

    why = skips.watch(PathFilter(scan.source.include, scan.source.exclude))
    folder = scan.location.key
    for batch in batches:
        # Globs are asked about each path; without one, few rows can be none.
        is_filtered = bool(scan.source.include or scan.source.exclude)
        doubtful = range(len(batch)) if is_filtered else _doubtful(batch, folder)
        keys, skip = (batch.keys(), batch["skip"].to_pylist()) if doubtful else ([], [])
        left_out = set()
        for row in doubtful:
            below = keys[row][len(folder) :]
            reason = skip[row] or of_marker(below) or (why(below) if below else FOLDER_ITSELF)
            if reason:
                skips.add(reason, below)
                left_out.add(row)
        if left_out:
            kept = [row not in left_out for row in range(len(batch))]
            batch = batch.where(pa.array(kept, pa.bool_()))  # noqa: PLW2901
        if len(batch):
            yield batch


def _doubtful(batch: ObjectBatch, folder: str) -> Sequence[int]:
    """Return the rows that are no entries, and some that may be: by columns, as most pages have none."""
    import pyarrow.compute as pc

    keys = batch["key"]
    found = pc.or_(pc.not_equal(batch["skip"], ""), pc.equal(keys, folder))
    text = keys.buffers()[2]
    if text is not None and MARKER.encode() in text.to_pybytes():
        found = pc.or_(found, pc.match_substring(keys, MARKER))
    rows: list[int] = pc.indices_nonzero(found).to_pylist() if found.true_count else []
    return rows


class _Lister:
    """The rows of one window; switches between listing all versions and current objects."""

    def __init__(
        self,
        scan: ScanPlan,
        bounds: Bounds,
        store: Store,
        previous: Previous,
        *,
        checksum: ChecksumKind,
        tell: Callable[[str], None],
        begun: Iterator[ObjectBatch] | None,
    ) -> None:
        self._tell = tell
        self._scan = scan
        self._store = store
        self._previous = previous
        self._checksum = checksum
        self._bounds = bounds
        self._after = bounds.after
        self._begun = begun

    def batches(self) -> Iterator[ObjectBatch]:
        if not self._scan.list_versions:
            self._bounds.mode = Mode.CURRENT
            yield from self._paged(versions=False)
            return
        is_deep = yield from self._latest(may_switch=True)
        if is_deep and not (yield from self._current_with_ids()):
            yield from self._latest(may_switch=False)

    def _latest(self, *, may_switch: bool) -> Generator[ObjectBatch, None, bool]:
        """Yield the current objects out of every version; return whether history is too deep to go on like this."""
        import pyarrow.compute as pc

        seen = current = 0
        for page in self._paged(versions=True):
            for part in page.parts(_CHECK_EVERY if may_switch else len(page)):
                found = part.where(pc.and_not(part["is_latest"], part["is_delete_marker"]))
                # Of one key the newest version comes first, so all that is left of this key is history.
                self._after = part.key_at(-1)
                seen, current = seen + len(part), current + len(found)
                if len(found):
                    yield found
                is_deep = seen >= _DEEP_AFTER_ROWS and current * _DEEP_RATIO < seen
                if may_switch and is_deep and self._previous() is not None:
                    self._tell(_deep(self._scan.location, seen, current))
                    return True
        return False

    def _current_with_ids(self) -> Generator[ObjectBatch, None, bool]:
        """Yield current objects with version ids; return False if too many have to be asked about."""
        self._bounds.mode = Mode.ASKED
        known = _Known(self._scan, self._previous)
        asked = 0
        for page in self._paged(versions=False):
            for part in page.parts(FEW):
                found: list[ObjectInfo] = []
                for row in part.rows():
                    same = known.same_object(row)
                    asked += same is None
                    if asked > _STAT_BUDGET:
                        self._tell(_too_new(self._scan.location))
                        yield from in_batches(found)
                        return False
                    self._after = row.location.key
                    same = same or _stat_or_none(self._store, row, self._checksum)
                    found += [] if same is None else [same]
                yield from in_batches(found)
        return True

    def _paged(self, *, versions: bool) -> Iterator[ObjectBatch]:
        """Yield the rows after `self._after`, up to the end of the window."""
        import pyarrow.compute as pc

        self._bounds.mode = Mode.VERSIONS if versions else self._bounds.mode
        for batch in self._pages(versions):
            self._bounds.commit(batch)
            upto, last = self._bounds.upto, batch.key_at(-1)
            is_last = upto is not None and last >= upto
            kept = batch.where(pc.less_equal(batch["key"], upto)) if is_last else batch
            self._bounds.rows += len(kept)
            if len(kept):
                yield kept
            if is_last:
                return

    def _pages(self, versions: bool) -> Iterator[ObjectBatch]:
        begun, self._begun = self._begun, None
        if begun is not None:
            yield from begun
            return
        request = ListRequest(
            self._scan.location, versions=versions, checksum=self._checksum, after=self._after
        )
        pager = Pager(self._store, request, or_current=self._or_current)
        for batch in pager.batches():
            self._bounds.is_ordered = pager.is_sorted
            yield batch

    def _or_current(self, error: LandfastError) -> None:
        self._bounds.mode = Mode.CURRENT
        self._tell(_without_versions(self._scan.location, error))


def _without_versions(location: Location, error: LandfastError) -> str:
    """Say that versions could not be listed, and what that means."""
    permission = error.details.get("permission")
    reason = f"{permission} is not permitted" if permission else "the server does not list versions"
    bucket = replace(location, key="")
    then = "; log again with it to pin them" if permission else ""
    return (
        f"{bucket.uri}: {reason}, so objects are recorded without version ids and what is recorded"
        f" is not restorable after an overwrite{then}"
    )


def _deep(location: Location, seen: int, current: int) -> str:
    """Say that history is deep, and what is done about it."""
    return (
        f"{location}: of {seen:,} versions listed only {current:,} are current, so current objects are listed"
        " instead, and those that changed since the version before are asked about one by one (HEAD);"
        " a lifecycle rule that expires noncurrent versions makes this cheaper"
    )


def _too_new(location: Location) -> str:
    return (
        f"{location}: more than {_STAT_BUDGET:,} objects changed since the version before, so every version"
        " is listed after all"
    )


class _Known:
    """Looks rows up in an earlier manifest, moving forward only."""

    def __init__(self, scan: ScanPlan, previous: Previous) -> None:
        self._start = len(scan.location.key)
        self._prefix = f"{scan.source.name}/" if scan.source.name else ""
        self._previous = previous
        self._entries: Iterator[ManifestEntry] | None = None
        self._entry: ManifestEntry | None = None

    def same_object(self, row: ObjectInfo) -> ObjectInfo | None:
        """Return the row with the recorded version id, if nothing says that the object changed."""
        entry = self._find(row)
        if entry is None or not entry.is_pinned or entry.checksum != row.checksum:
            return None
        seen = (row.location.uri, row.etag, row.size, row.modified_at)
        if row.etag is None or seen != (entry.uri, entry.etag, entry.size, entry.modified_at):
            return None
        return replace(row, version_id=entry.version_id)

    def same_checksum(self, row: ObjectInfo, kind: str) -> ObjectInfo | None:
        """Return the row with the recorded checksum of this kind, if nothing says that the object changed."""
        entry = self._find(row)
        if (
            entry is None
            or entry.checksum is None
            or entry.checksum.algorithm != kind
            or row.etag is None
        ):
            return None
        recorded = (entry.uri, entry.etag, entry.size, entry.modified_at, entry.version_id)
        if recorded != (row.location.uri, row.etag, row.size, row.modified_at, row.version_id):
            return None
        return replace(row, checksum=entry.checksum)

    def _find(self, row: ObjectInfo) -> ManifestEntry | None:
        path = self._prefix + row.location.key[self._start :]
        if self._entries is None:
            manifest = self._previous()
            self._entries = iter(()) if manifest is None else manifest.entries(self._prefix)
            self._entry = next(self._entries, None)
        while self._entry is not None and self._entry.sort_key < path.encode():
            self._entry = next(self._entries, None)
        return self._entry if self._entry is not None and self._entry.path == path else None


def _ask_each(
    rows: Iterator[ObjectInfo], store: Store, kind: ChecksumKind, skips: SkipLog, known: _Known
) -> Iterator[ObjectInfo]:
    """Replace each row by what a request for it alone says, in order, a few at a time."""
    with ThreadPoolExecutor(_STAT_WORKERS, thread_name_prefix="landfast-stat") as pool:
        waiting: deque[tuple[ObjectInfo, Future[ObjectInfo | None] | None]] = deque()
        try:
            for row in rows:
                same = known.same_checksum(row, str(kind))
                future = None if same else pool.submit(_stat_or_none, store, row, kind)
                waiting.append((same or row, future))
                if len(waiting) >= _STAT_WORKERS * 4:
                    yield from _settled(*waiting.popleft(), skips)
            while waiting:
                yield from _settled(*waiting.popleft(), skips)
        finally:
            for _, future in waiting:
                if future is not None:
                    future.cancel()


def _settled(
    row: ObjectInfo, future: Future[ObjectInfo | None] | None, skips: SkipLog
) -> Iterator[ObjectInfo]:
    found = row if future is None else future.result()
    if found is None:
        skips.add("deleted during the scan", row.location.key)
    else:
        yield found


def _stat_or_none(store: Store, row: ObjectInfo, kind: ChecksumKind) -> ObjectInfo | None:
    """Describe a listed object, whole from one reply; None if it was deleted meanwhile."""
    try:
        return store.stat(row.location, checksum=kind)
    except NotFound:
        return None
