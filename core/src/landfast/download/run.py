"""Download: write the recorded bytes of a version to a folder, and nothing else under their names."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.download.blocks import Ranges
from landfast.download.fetch import Origin, Transfer
from landfast.download.folder import MarkedFolder, fact_of
from landfast.download.links import CacheLinks
from landfast.download.others import remove_others
from landfast.download.paths import Disk, check_targets, probe
from landfast.download.report import DownloadReport, MissingFile, Progress, Tally
from landfast.download.select import Selected, Selection
from landfast.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    NotFound,
    ObjectChanged,
)
from landfast.manifests.base import Manifest
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.pins.checksums import Outcome, Proof, is_strong
from landfast.pins.sets import PinSets
from landfast.system.mounts import settle
from landfast.system.open_folder import OpenFolder
from landfast.system.stat_cache import state_of

if TYPE_CHECKING:
    from landfast.cache.blob_cache import BlobCache, Link
    from landfast.stores.opener import Stores

DEFAULT_WORKERS = 16
__all__ = ["DownloadReport", "MissingFile", "download"]

_MISSING = (NotFound, ObjectChanged, AccessDenied)
_SHOWN = 10


def download(
    sets: Sequence[tuple[Manifest, Sequence[Source]]],
    *,
    stores: Stores,
    cache: BlobCache | None,
    identity: str,
    root: Path,
    paths: Iterable[str] | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_missing: bool = False,
    link: Link = "copy",
    workers: int = DEFAULT_WORKERS,
    progress: Progress | None = None,
    any_endpoint: bool = False,
    exact: bool = False,
    replace: bool = False,
    ranges: Ranges | None = None,
) -> DownloadReport:
    """Write a version, or a part of it, to a folder, made if it is not there; `DownloadOptions` has the options.

    `sets` are its manifests with what they were scanned from, newest pins first, its own last.  A folder that
    holds another identity, the full version name and digest, is refused; without a cache none is used.  `ranges` says
    how large objects are read.

    Raises:
        NotFound: If an object, or a path asked for, is not there.
        ObjectChanged: If recorded bytes are neither at the source nor in the cache.
        InvalidInput: If paths cannot be files side by side in a folder; all of them are named.
        Conflict: If the folder holds another version or a different file of the same name, or a
            source's endpoint is another one.
        AccessDenied: If a source may not be read, or the folder not be written.
        Unavailable: If a source does not answer, or the disk is full.
    """
    if workers < 1 or link not in {"copy", "hard"}:
        raise InvalidInput(
            "the download's options are wrong",
            expected="workers of at least 1, link 'copy' or 'hard'",
            found=f"workers={workers}, link={link!r}",
        )
    pins = PinSets(sets, stores, any_endpoint=any_endpoint)
    wanted = Selected(Selection(paths, include, exclude), pins.newest)
    folder = MarkedFolder(root, identity)
    is_marked = folder.check(replace=replace)
    if exact and not is_marked:
        _unless_claimed(folder, lambda: _check_empty(folder.root))
    tally = Tally(folder.root, progress)
    disk = _disk(folder.root, is_marked=is_marked)
    check_targets(
        tally.counted(wanted.batches()),
        folder.root,
        disk,
        is_empty=lambda path: pins.newest.get(path).size == 0,
    )
    if not is_marked:
        _unless_claimed(folder, lambda: _check_foreign(pins, wanted, folder.root, replace=replace))
    folder.claim()
    is_complete = False
    try:
        work = _Work(
            pins, cache, folder, tally, link=link, allow_missing=allow_missing, ranges=ranges
        )
        work.run(wanted.entries(), workers)
        if exact or folder.is_replaced:
            missing = {file.path for file in tally.report.missing}
            paths = (path for batch in wanted.batches() for path in batch.paths.to_pylist())
            kept = (path for path in paths if path not in missing)
            tally.report.removed = remove_others(folder.top, kept)
        is_complete = True
    finally:
        folder.close(is_complete=is_complete)
    return tally.report


def _unless_claimed(folder: MarkedFolder, check: Callable[[], None]) -> None:
    """Check a folder that was not marked; what another process has put there since its claim is a download's."""
    try:
        check()
    except Conflict:
        if not folder.check():
            raise


def _disk(root: Path, *, is_marked: bool) -> Disk:
    """Look what the disk takes for one name; a full folder on a read-only disk may be all there."""
    try:
        return probe(root)
    except AccessDenied:
        if not is_marked:
            raise
        return Disk()


class _Work:
    """Brings every entry to its place, several at a time."""

    def __init__(
        self,
        pins: PinSets,
        cache: BlobCache | None,
        folder: MarkedFolder,
        tally: Tally,
        *,
        link: Link,
        allow_missing: bool,
        ranges: Ranges | None,
    ) -> None:
        self._stop = threading.Event()
        self._folder = folder
        self._tally = tally
        self._allow_missing = allow_missing
        is_linking = link == "hard" and folder.is_fresh
        self._cache = cache
        self._links = CacheLinks(pins, cache, folder, tally) if cache and is_linking else None
        self._transfer = Transfer(
            pins, cache, link=link, on_bytes=tally.came, stop=self._stop, ranges=ranges
        )

    def run(self, entries: Iterator[ManifestEntry], workers: int) -> None:
        """Bring them all; the first error stops the others, and is raised."""
        running: set[Future[None]] = set()
        if self._links is not None:
            entries = self._links.rest(entries)
        with ThreadPoolExecutor(workers, thread_name_prefix="landfast-download") as pool:
            try:
                while True:
                    room = 4 * workers - len(running)
                    running |= {pool.submit(self._one, entry) for entry in islice(entries, room)}
                    if not running:
                        break
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
            finally:
                self._stop.set()
                for future in running:
                    future.cancel()
                self._transfer.close()
        if self._cache is not None:
            self._cache.notes.flush()
        self._tally.report.missing.sort(key=lambda file: file.path.encode())

    def _one(self, entry: ManifestEntry) -> None:
        if self._stop.is_set():
            return
        fact = fact_of(entry)
        there = None if self._folder.is_fresh else self._there(entry, fact)
        if there is not None:
            self._tally.came(there)
            self._tally.add(entry, there, already_there=1)
            return
        try:
            arrived = self._transfer.bring(entry, self._folder.marker)
        except _MISSING as error:
            if not self._allow_missing:
                raise
            self._tally.miss(entry, error)
            return
        try:
            size = arrived.part.size
            status = self._folder.place(arrived.part, entry.path, fact, arrived.sha256)
            if status is not None:
                self._transfer.placed(arrived, status)
        finally:
            arrived.part.close()
        is_fetched = arrived.origin is Origin.SOURCE
        self._tally.add(
            entry,
            size,
            fetched=int(is_fetched),
            from_cache=int(not is_fetched),
            fetched_bytes=arrived.fetched,
            opaque=int(entry.checksum is not None and not arrived.is_proven),
        )

    def _there(self, entry: ManifestEntry, fact: str) -> int | None:
        """Return the size of the entry's file if that holds its bytes already."""
        noted = self._folder.noted(entry.path, fact)
        sha256 = None if noted is None else noted.sha256
        with self._folder.above(entry.path) as (folder, name):
            status = folder.status(name)
            if status is None:
                return None
            if noted is not None and self._folder.is_untouched(noted, status):
                return status.st_size
            status = _held(folder, name, entry, sha256)
        if status is None:
            return None
        self._folder.remember(entry.path, status, fact, sha256)
        return status.st_size


def _held(
    folder: OpenFolder, name: str, entry: ManifestEntry, sha256: str | None = None
) -> os.stat_result | None:
    """Return the status of a file that is proven to hold an entry's bytes, by reading it; else None.

    The sha256 is that of the bytes that once came for it; None trusts the entry's own token alone.
    """
    if folder.status(name) is None or not (sha256 or is_strong(entry)):
        return None
    with os.fdopen(folder.open(name), "rb") as file:
        settle(file.fileno())
        status = os.fstat(file.fileno())
        if entry.size not in {None, status.st_size}:
            return None
        proof = Proof(entry, sha256=sha256 is not None)
        proof.restart(file.fileno(), status.st_size)
        is_same = state_of(os.fstat(file.fileno())) == state_of(status)
    if is_strong(entry):
        return status if is_same and proof.outcome() is Outcome.PROVEN else None
    return status if is_same and proof.sha256 == sha256 else None


def _check_foreign(pins: PinSets, wanted: Selected, root: Path, *, replace: bool) -> None:
    """Refuse files under the names of the version that no download wrote: somebody works with them.

    With `replace` those that hold the recorded bytes are taken over, but for what was recorded from there.
    """
    if not root.exists():
        return
    with OpenFolder.of(root) as top:
        others = [
            entry.path
            for entry in wanted.entries()
            if (found := _foreign(top, entry)) is not None
            and not (replace and found and not _is_source(pins, entry, root / entry.path))
        ]
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise Conflict(
            f"{root} was not made by a download, and has other files under the names of the version: "
            + ", ".join(repr(path) for path in others[:_SHOWN])
            + more,
            subject=str(root),
            hint="Download into another folder, or move these away. replace=True (--replace) takes over files that"
            " hold the recorded bytes, unless the version was recorded from them: version.path() uses those in place.",
            paths=tuple(others[:1000]),
        )


def _foreign(top: OpenFolder, entry: ManifestEntry) -> bool | None:
    """Tell whether what has an entry's name holds its bytes; None if nothing has."""
    *names, name = entry.path.split("/")
    try:
        with top.below(names) as folder:
            folder.look(name)
            return _held(folder, name, entry) is not None
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return False


def _is_source(pins: PinSets, entry: ManifestEntry, target: Path) -> bool:
    """Tell whether a file is the very one that an entry was recorded from."""
    for candidate in pins.candidates(entry):
        path = candidate.store.path(Location.parse(candidate.entry.uri, pins=False))
        with contextlib.suppress(OSError):
            if path is not None and path.samefile(target):
                return True
    return False


def _check_empty(root: Path) -> None:
    if root.is_dir() and any(root.iterdir()):
        raise Conflict(
            f"{root} was not made by a download, and exact= would remove what is in it",
            subject=str(root),
            hint="Download into a new folder, or empty this one.",
        )
