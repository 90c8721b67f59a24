"""Count what a download would ask for: what the folder and the cache have costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.cache.keys import keys_of, sha256_of
from landfast.download.blocks import Ranges
from landfast.download.fetch import is_in_ranges
from landfast.download.folder import MarkedFolder, fact_of
from landfast.download.select import Selected, Selection
from landfast.download.work import held
from landfast.errors import AccessDenied, Conflict, InvalidInput, NotFound, ObjectChanged
from landfast.manifests.base import Manifest
from landfast.model.blob_uri import is_managed
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.model.storage.plan import PlanDraft
from landfast.pins.sets import Candidate, PinSets

if TYPE_CHECKING:
    from landfast.cache.blob_cache import BlobCache
    from landfast.stores.opener import Stores

    Has = Callable[[ManifestEntry], bool]


def plan_download(
    draft: PlanDraft,
    sets: Sequence[tuple[Manifest, Sequence[Source]]],
    *,
    stores: Stores,
    cache: BlobCache | None,
    identity: str,
    root: Path,
    paths: Iterable[str] | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    replace: bool = False,
    any_endpoint: bool = False,
    ranges: Ranges | None = None,
) -> set[str]:
    """Count the requests of `download`, if every object still is what was recorded; nothing is written.

    Returns:
        The paths that would be fetched.

    Raises:
        NotFound: If a path asked for is not there.
        Conflict: If a source's endpoint is another one.
    """
    pins = PinSets(sets, stores, any_endpoint=any_endpoint)
    wanted = Selected(Selection(paths, include, exclude), pins.newest)
    folder, is_marked = MarkedFolder(root, identity), False
    try:
        is_marked = folder.check(replace=replace)
    except (Conflict, InvalidInput) as error:
        draft.blame(error.problem, hint=error.hint or "")
    reads = PlannedReads(draft, pins, cache=cache, ranges=ranges or Ranges())
    with _seen(folder, is_marked=is_marked) as has:
        for entry in wanted.entries():
            reads.add(entry, is_there=has(entry))
    return reads.fetched


class PlannedReads:
    """Counts what reading entries would ask for."""

    def __init__(
        self, draft: PlanDraft, pins: PinSets, *, cache: BlobCache | None, ranges: Ranges
    ) -> None:
        self._draft = draft
        self._pins = pins
        self._cache = cache
        self._ranges = ranges
        self._tried: set[int] = set()
        self._has_any = False
        self.fetched: set[str] = set()
        """Paths that would be read at their sources."""

    def add(self, entry: ManifestEntry, *, is_there: bool = False) -> None:
        """Count an entry."""
        draft = self._draft
        if is_there or _is_cached(self._cache, self._pins, entry):
            draft.done()
            return
        candidate = next(iter(self._pins.candidates(entry)))
        if candidate.entry.size != 0 or not self._has_any:
            _try(draft, candidate, self._tried)
        self._has_any = True
        if not is_managed(candidate.entry.uri):
            self.fetched.add(entry.path)
        operation = candidate.store.capabilities().operations.read
        times = _replies(candidate, self._ranges)
        draft.add(operation, size=candidate.entry.size or 0, times=times)


@contextmanager
def _seen(folder: MarkedFolder, *, is_marked: bool) -> Iterator[Has]:
    """Yield what tells whether the folder has the bytes of an entry."""
    if not is_marked:
        yield lambda _: False
        return
    folder.look()
    try:
        yield lambda entry: _is_there(folder, entry)
    finally:
        folder.close(is_complete=False)


def _is_there(folder: MarkedFolder, entry: ManifestEntry) -> bool:
    noted = folder.noted(entry.path, fact_of(entry))
    *names, name = entry.path.split("/")
    try:
        with folder.top.below(names) as above:
            status = above.status(name)
            if status is None:
                return False
            if noted is not None and folder.is_untouched(noted, status):
                return True
            return held(above, name, entry, None if noted is None else noted.sha256) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_cached(cache: BlobCache | None, pins: PinSets, entry: ManifestEntry) -> bool:
    if cache is None:
        return False
    return any(
        cache.find(sha256_of(each.entry), keys_of(each.entry, each.store.endpoint)) is not None
        for each in pins.candidates(entry)
    )


def _try(draft: PlanDraft, candidate: Candidate, tried: set[int]) -> None:
    """Find out, by one object of each store, whether it may be read."""
    store, able = candidate.store, candidate.store.capabilities()
    if id(store) in tried or able.in_place:
        return
    tried.add(id(store))
    pin = candidate.pin
    draft.sent(able.operations.stat)
    try:
        store.stat(pin.location, version_id=pin.version_id, checksum=False)
    except AccessDenied as error:
        permission = error.details.get("permission")
        draft.blame("may not be read", permission=permission, hint=error.hint or "")
    except (NotFound, ObjectChanged):
        pass  # the look at archives tells of each object that is gone


def _replies(candidate: Candidate, ranges: Ranges) -> int:
    """Return how many requests bring an object: none an empty one, several a large one."""
    size = candidate.entry.size
    if size == 0:
        return 0
    if size is not None and is_in_ranges(candidate, ranges):
        return -(-size // ranges.block(size))
    return 1
