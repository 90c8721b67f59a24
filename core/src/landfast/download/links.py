"""CacheLinks: many files of a fresh folder at once, as names of blobs that status proves to be untouched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING

from landfast.cache.keys import request_of
from landfast.cache.notes import Answer, Known
from landfast.download.folder import MarkedFolder, fact_of
from landfast.download.report import Tally
from landfast.errors import Conflict
from landfast.model.manifest import ManifestEntry
from landfast.pins.sets import PinSets

if TYPE_CHECKING:
    import os

    from landfast.cache.blob_cache import BlobCache

_BATCH = 500


class CacheLinks:
    """Links what it can, batch by batch: one look into the cache's notes, one link each, one write of new notes.

    What is not known there, was touched, or cannot be linked, is left to a `Transfer`, which reads it.
    """

    def __init__(self, pins: PinSets, cache: BlobCache, folder: MarkedFolder, tally: Tally) -> None:
        self._pins = pins
        self._cache = cache
        self._folder = folder
        self._tally = tally

    def rest(self, entries: Iterator[ManifestEntry]) -> Iterator[ManifestEntry]:
        """Link what can be of some entries, sorted by path, and yield the others."""
        while batch := list(islice(entries, _BATCH)):
            yield from self._rest(batch)

    def _rest(self, batch: Sequence[ManifestEntry]) -> Iterator[ManifestEntry]:
        requests = [self._request(entry) for entry in batch]
        known = self._cache.notes.find([request for request in requests if request])
        if not known:
            yield from batch
            return
        states: dict[str, tuple[str, int]] = {}
        left: list[ManifestEntry] = []
        try:
            for _, group in groupby(zip(batch, requests, strict=True), _folder_of):
                left += self._link(
                    [(entry, known.get(request)) for entry, request in group], states
                )
        finally:
            self._cache.notes.linked(states)
        yield from left

    def _request(self, entry: ManifestEntry) -> str:
        with contextlib.suppress(Conflict):
            for candidate in self._pins.candidates(entry):
                return request_of(candidate.entry, candidate.store.endpoint)
        return ""

    def _link(
        self,
        group: Sequence[tuple[ManifestEntry, Known | None]],
        states: dict[str, tuple[str, int]],
    ) -> Iterator[ManifestEntry]:
        """Link the files of one folder, noting the states that this leaves; yield those that are left."""
        if not any(known for _, known in group):
            yield from (entry for entry, _ in group)
            return
        with self._folder.above(group[0][0].path) as (folder, _):
            for entry, known in group:
                name = entry.path.rpartition("/")[2]
                status = known and self._cache.link_known(known, name, states, dir_fd=folder.handle)
                if known and status:
                    self._arrived(entry, known.answer, status)
                else:
                    yield entry

    def _arrived(self, entry: ManifestEntry, answer: Answer, status: os.stat_result) -> None:
        self._folder.remember(entry.path, status, fact_of(entry), answer.sha256)
        self._tally.came(status.st_size)
        is_opaque = entry.checksum is not None and not answer.is_proven
        self._tally.add(entry, status.st_size, from_cache=1, opaque=int(is_opaque))


def _folder_of(item: tuple[ManifestEntry, str]) -> str:
    return item[0].path.rpartition("/")[0]
