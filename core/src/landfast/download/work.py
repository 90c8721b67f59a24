"""Work: entries of a version brought to their places in a folder, by the threads of one process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from typing import TYPE_CHECKING

from landfast.download.blocks import Ranges
from landfast.download.fetch import Origin, Transfer
from landfast.download.folder import MarkedFolder, fact_of
from landfast.download.links import CacheLinks
from landfast.download.replies import Stop, Stopped
from landfast.download.report import Tally
from landfast.errors import AccessDenied, NotFound, ObjectChanged
from landfast.model.manifest import ManifestEntry
from landfast.pins.checksums import Outcome, Proof, is_strong
from landfast.pins.sets import PinSets
from landfast.system.mounts import settle
from landfast.system.open_folder import OpenFolder
from landfast.system.stat_cache import state_of

if TYPE_CHECKING:
    from landfast.cache.blob_cache import BlobCache, Link

_MISSING = (NotFound, ObjectChanged, AccessDenied)


class Work:
    """Brings every entry to its place, several at a time; when `stop` is set, it ends after what is on its way."""

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
        stop: Stop | None = None,
    ) -> None:
        self._stop = stop or threading.Event()
        self._folder = folder
        self._tally = tally
        self._allow_missing = allow_missing
        is_linking = link == "hard" and folder.is_fresh
        self._cache = cache
        self._links = CacheLinks(pins, cache, folder, tally) if cache and is_linking else None
        self._transfer = Transfer(
            pins, cache, link=link, on_bytes=tally.came, stop=self._stop, ranges=ranges
        )

    def run(self, entries: Iterable[ManifestEntry], workers: int) -> None:
        """Bring them all; the first error stops the others, and is raised."""
        rest = iter(entries) if self._links is None else self._links.rest(iter(entries))
        taking = threading.Lock()
        running: list[Future[None]] = []
        failed: list[BaseException] = []

        def take() -> ManifestEntry | None:
            with taking:
                entry = None if self._stop.is_set() else next(rest, None)
                if entry is not None and len(running) < workers:
                    running.append(pool.submit(bring))
                return entry

        def bring() -> None:
            try:
                while (entry := take()) is not None:
                    self._one(entry)
            except BaseException as error:
                if not isinstance(error, Stopped):
                    failed.append(error)
                self._stop.set()
                raise

        # Each thread takes its next entry itself, and has another begun while there are any: a future for each file
        # would cost a tenth of what a small one does.
        threads = ThreadPoolExecutor(workers, thread_name_prefix="landfast-download")
        with closing(self._transfer), threads as pool:
            running.append(pool.submit(bring))
            try:
                while not all(future.done() for future in running):
                    wait(running)
            finally:
                self._stop.set()
        if failed:
            raise failed[0]
        if self._cache is not None:
            self._cache.notes.flush()

    def _one(self, entry: ManifestEntry) -> None:
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
            status = held(folder, name, entry, sha256)
        if status is None:
            return None
        self._folder.remember(entry.path, status, fact, sha256)
        return status.st_size


def held(
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
