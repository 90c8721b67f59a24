"""CacheLinks: many files of a fresh folder at once, as names of blobs that status proves to be untouched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, TypeAlias

from landfast.cache.keys import request_of
from landfast.cache.notes import Answer, Known
from landfast.download.folder import MarkedFolder
from landfast.download.report import Tally
from landfast.errors import Conflict
from landfast.model.manifest import ManifestEntry
from landfast.pins.sets import PinSets

if TYPE_CHECKING:
    import os

    from landfast.cache.blob_cache import BlobCache
    from landfast.stores.base import Store

_BATCH = 500


# An entry, the status of its new name, the state that this is, and what it was linked for.
_Linked: TypeAlias = "tuple[ManifestEntry, os.stat_result, str, Answer]"


class CacheLinks:
    """Links what it can, batch by batch: one look into the cache's notes, one link each, one write of new notes.

    What is not known there, was touched, or cannot be linked, is left to a `Transfer`, which reads it.
    """

    def __init__(self, pins: PinSets, cache: BlobCache, folder: MarkedFolder, tally: Tally) -> None:
        self._pins = pins
        self._cache = cache
        self._folder = folder
        self._tally = tally
        # Of the last entry: it is mostly that of the next.
        self._store: Store | None = None
        self._endpoint: str | None = None

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
        try:
            pinned, store = self._pins.first(entry)
        except Conflict:
            return ""
        if store is not self._store:
            self._store, self._endpoint = store, store.endpoint
        return request_of(pinned, self._endpoint)

    def _link(
        self,
        group: Sequence[tuple[ManifestEntry, Known | None]],
        states: dict[str, tuple[str, int]],
    ) -> Iterator[ManifestEntry]:
        """Link the files of one folder, noting the states that this leaves; yield those that are left."""
        if not any(known for _, known in group):
            yield from (entry for entry, _ in group)
            return
        linked: list[_Linked] = []
        with self._folder.above(group[0][0].path) as (folder, _):
            for entry, known in group:
                name = entry.path.rpartition("/")[2]
                status = known and self._cache.link_known(known, name, states, dir_fd=folder.handle)
                if known and status:
                    state = states[known.answer.sha256][0]
                    linked.append((entry, status, state, known.answer))
                else:
                    yield entry
        self._arrived(linked)

    def _arrived(self, linked: Sequence[_Linked]) -> None:
        self._folder.remember_all([(e, status, state, a.sha256) for e, status, state, a in linked])
        size = sum(status.st_size for _, status, _, _ in linked)
        self._tally.came(size)
        tokens = [(entry.checksum is not None, a.is_proven) for entry, _, _, a in linked]
        self._tally.add_all(
            files=len(linked),
            bytes=size,
            from_cache=len(linked),
            unverified=sum(not has_token for has_token, _ in tokens),
            opaque=sum(has_token and not is_proven for has_token, is_proven in tokens),
        )


def _folder_of(item: tuple[ManifestEntry, str]) -> str:
    return item[0].path.rpartition("/")[0]
