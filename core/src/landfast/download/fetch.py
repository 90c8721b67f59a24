"""Transfer: bring the recorded bytes of one entry into a part file, from the cache or the source."""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.cache.keys import keys_of, request_of, sha256_of
from landfast.cache.notes import Answer
from landfast.download.blocks import BlockRead, Ranges
from landfast.download.partial import PartFile, part_name
from landfast.download.replies import TRIES_WITHOUT_PROGRESS, Stop, Stopped, check_time, too_long
from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.manifest import ManifestEntry
from landfast.pins.checksums import Outcome, Proof, is_computable, is_strong
from landfast.pins.sets import Candidate, PinSets
from landfast.stores.base import Reader, Store, wrong_range
from landfast.system.mounts import settle
from landfast.system.open_folder import OpenFolder
from landfast.system.stat_cache import state_of

if TYPE_CHECKING:
    from landfast.cache.blob_cache import BlobCache, Link

_MISSING = (NotFound, ObjectChanged, AccessDenied)


class Origin(StrEnum):
    """Where bytes came from."""

    SOURCE = "source"
    CACHE = "cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A finished part.

    Args:
        part: Holds all bytes, checked as far as the entry's token allows; still locked.
        origin: Where they came from.
        fetched: Bytes that were read from the source now.
        is_proven: Whether a token was computed and is the recorded one.
        sha256: Of the bytes, where it was computed: at least where no token of the entry proves them.
        request: What the cache may note as answered, if the part is a link of its blob; else None.
        status: Of such a link, before it was read and after; None if it changed, as by another link.
    """

    part: PartFile
    origin: Origin
    fetched: int
    is_proven: bool
    sha256: str | None
    request: str | None = None
    status: os.stat_result | None = None


class Transfer:
    """Brings entries, from the cache first, which is filled; one instance serves many threads.

    `on_bytes` is called with the number of bytes that came; when `stop` is set, `bring` raises `Stopped`.  It is closed
    when nobody brings anything any more.
    """

    def __init__(
        self,
        pins: PinSets,
        cache: BlobCache | None,
        *,
        link: Link = "copy",
        on_bytes: Callable[[int], None] | None = None,
        stop: Stop | None = None,
        ranges: Ranges | None = None,
    ) -> None:
        self._pins = pins
        self._cache = cache
        self._link = link
        self._on_bytes = on_bytes or (lambda _: None)
        self._stop = stop or threading.Event()
        self._ranges = ranges or Ranges()
        # It has no thread before it is used.
        self._blocks = ThreadPoolExecutor(self._ranges.count, thread_name_prefix="landfast-range")

    def close(self) -> None:
        """Let go of the threads that read ranges."""
        self._blocks.shutdown()

    def bring(self, entry: ManifestEntry, home: OpenFolder) -> Arrived:
        """Bring one entry into a part file below `home`, and return it open; raises what `open_entry` does."""
        refused: list[LandfastError] = []
        for candidate in self._pins.candidates(entry):
            keys = self._keys(candidate)
            cached = self._from_cache(candidate.entry, candidate.store, home, keys)
            if cached is not None:
                return cached
            needs_sha256 = self._keeps(candidate.store) or not is_strong(candidate.entry)
            proof = Proof(candidate.entry, sha256=needs_sha256)
            try:
                return self._fetch(candidate, home, proof, keys)
            except _MISSING as error:
                self._on_bytes(-proof.count)
                refused.append(error)
        raise self._with_hint(entry, refused)

    def placed(self, arrived: Arrived, status: os.stat_result) -> None:
        """Note, with a part's status at its place, that the cache's blob holds its bytes."""
        if self._cache and arrived.request and arrived.sha256:
            answer = Answer(arrived.sha256, arrived.is_proven)
            self._cache.note(arrived.request, answer, arrived.status, status)

    def _keys(self, candidate: Candidate) -> tuple[str, ...]:
        return () if self._cache is None else keys_of(candidate.entry, candidate.store.endpoint)

    def _from_cache(
        self, entry: ManifestEntry, store: Store, home: OpenFolder, keys: tuple[str, ...]
    ) -> Arrived | None:
        if self._cache is None:
            return None
        found = self._cache.find(sha256_of(entry), keys)
        if found is None:
            return None
        part = PartFile(home, uuid.uuid4().hex)
        # One reading proves the entry's own token and that the cache is whole.
        proof = Proof(entry, sha256=True)
        before: os.stat_result | None = None
        with part.unless_finished(), part.errors("write"):
            # A copy is written into the locked file; a link would take its place.
            is_link = self._link == "hard"
            target = Path(part.twin if is_link else part.name)
            if self._cache.place(found, target, link=self._link, dir_fd=part.folder.handle):
                if is_link:
                    part.become_twin()
                before = self._before_reading(self._cache, part)
                proof.restart(part.handle, part.size)
                if proof.sha256 != found:
                    self._cache.discard(found)
                elif proof.outcome() is not Outcome.WRONG:
                    part.is_finished = True
        if not part.is_finished:
            return None
        self._on_bytes(proof.count)
        is_still = before is not None and state_of(os.fstat(part.handle)) == state_of(before)
        return Arrived(
            part=part,
            origin=Origin.CACHE,
            fetched=0,
            is_proven=proof.outcome() is Outcome.PROVEN,
            sha256=found,
            request=request_of(entry, store.endpoint) if before else None,
            status=before if is_still else None,
        )

    def _before_reading(self, cache: BlobCache, part: PartFile) -> os.stat_result | None:
        """Return the status of a link of a blob, if it will show what is written from now on."""
        if self._link != "hard" or not cache.notes.is_told:
            return None
        settle(part.handle)
        status = os.fstat(part.handle)
        return status if status.st_nlink > 1 else None

    def _keeps(self, store: Store) -> bool:
        return self._cache is not None and store.capabilities().cacheable

    def _fetch(
        self, candidate: Candidate, home: OpenFolder, proof: Proof, keys: tuple[str, ...]
    ) -> Arrived:
        entry, store = candidate.entry, candidate.store
        part = PartFile(home, part_name(entry))
        with part.unless_finished(), part.errors("read"):
            if not (
                is_in_ranges(candidate, self._ranges) and self._read_blocks(candidate, part, proof)
            ):
                self._continue(part, proof, entry)
                self._read(candidate, part, proof)
            part.is_finished = True
            if self._cache is not None and self._keeps(store):
                self._keep(self._cache, keys, part, str(proof.sha256))
        return Arrived(
            part=part,
            origin=Origin.SOURCE,
            fetched=part.written,
            is_proven=proof.outcome() is Outcome.PROVEN,
            sha256=proof.sha256,
        )

    def _read_blocks(self, candidate: Candidate, part: PartFile, proof: Proof) -> bool:
        """Read by several ranges at once; False, and an empty part, if that does not bring the recorded bytes.

        As in `_read`: servers answer ranges with anything, so one whole reply has the last word.
        """
        read = BlockRead(
            candidate,
            part,
            proof,
            ranges=self._ranges,
            pool=self._blocks,
            on_bytes=self._on_bytes,
            stop=self._stop,
        )
        try:
            read.run()
            proof.check()
        except (ObjectChanged, InvalidInput):
            self._rewind(part, proof, 0)
            return False
        return True

    def _continue(self, part: PartFile, proof: Proof, entry: ManifestEntry) -> None:
        """Take what an earlier download left."""
        left = part.size
        if not left and not proof.count:
            return
        if entry.size is None or left > entry.size:
            left = 0
        self._rewind(part, proof, left)
        self._on_bytes(left)

    def _rewind(self, part: PartFile, proof: Proof, size: int) -> None:
        if proof.count > size:
            self._on_bytes(size - proof.count)
        proof.restart(part.handle, size)
        part.cut(size)

    def _read(self, candidate: Candidate, part: PartFile, proof: Proof) -> None:
        """Read the rest; if that does not bring the recorded bytes, read all from the first byte.

        The old beginning may be damaged, and servers answer ranges with anything.
        """
        may_continue = _may_continue(candidate.entry)
        try:
            self._read_rest(candidate, part, proof, may_continue=may_continue)
            proof.check()
        except (ObjectChanged, InvalidInput):
            if not part.is_continued:
                raise
        else:
            return
        self._rewind(part, proof, 0)
        self._read_rest(candidate, part, proof, may_continue=False)
        proof.check()

    def _read_rest(
        self, candidate: Candidate, part: PartFile, proof: Proof, *, may_continue: bool
    ) -> None:
        """Read the rest from the source; a body that is cut is continued where it ended.

        What the store raises at opening it has tried often enough.
        """
        entry, tries = candidate.entry, 0
        while proof.count != entry.size:
            before = proof.count
            part.is_continued |= before > 0
            with candidate.store.open(candidate.pin, start=before) as reader:
                check_time(entry, reader.info)
                candidate.check(reader.info)
                proof.hear(reader.info)
                if reader.start > before:
                    raise wrong_range(entry.uri, before, reader.start)
                if reader.start < before:  # the server ignores ranges
                    may_continue = False
                    self._rewind(part, proof, reader.start)
                cut = self._pour(entry, reader, part, proof)
            if cut is None:
                return
            is_progress = proof.count > before and may_continue
            tries = 1 if is_progress else tries + 1
            if tries > TRIES_WITHOUT_PROGRESS:
                raise cut
            if not may_continue or tries == TRIES_WITHOUT_PROGRESS:
                self._rewind(part, proof, 0)
            time.sleep(random.uniform(0.05, 0.1) * 2**tries)  # noqa: S311 - not a secret

    def _pour(
        self, entry: ManifestEntry, reader: Reader, part: PartFile, proof: Proof
    ) -> Unavailable | None:
        """Write what comes, up to the recorded size; return the error that cut the body, if one did."""
        chunks = iter(reader)
        while True:
            try:
                chunk = next(chunks, None)
            except Unavailable as error:
                return error
            if chunk is None:
                return None
            if self._stop.is_set():
                raise Stopped
            room = len(chunk) if entry.size is None else entry.size - proof.count
            part.write(chunk[:room])
            proof.update(chunk[:room])
            self._on_bytes(min(room, len(chunk)))
            if len(chunk) > room:
                raise too_long(entry)

    def _keep(self, cache: BlobCache, keys: tuple[str, ...], part: PartFile, sha256: str) -> None:
        folder = part.folder.handle
        is_kept = cache.add(Path(part.name), sha256, keys, dir_fd=folder)
        # Beside the part: the cache's file is others' too, so it cannot be locked.
        is_link = is_kept and self._link == "hard"
        if is_link and cache.link(sha256, Path(part.twin), dir_fd=folder):
            part.become_twin()

    def _with_hint(self, entry: ManifestEntry, refused: list[LandfastError]) -> LandfastError:
        """Return the first refusal, with what can be done about it."""
        error, hints = refused[0], [refused[0].hint or "", _what_logging_would_do(refused)]
        if stripped := self._pins.stripped(entry):
            names = ", ".join(stripped)
            hints = [
                f"The reference's signed query parameters ({names}) were not recorded.",
                error.hint or "Hand in a client that signs anew.",
            ]
        return type(error)(
            error.problem,
            subject=error.subject,
            expected=error.expected,
            found=error.found,
            hint=" ".join(filter(None, hints)) or None,
            **error.details,
        )


def is_in_ranges(candidate: Candidate, ranges: Ranges) -> bool:
    """Whether an object is so large that it is read by several ranges at once."""
    size = candidate.entry.size
    is_large = size is not None and size >= ranges.threshold and ranges.count > 1
    return is_large and candidate.store.capabilities().ranges and _may_continue(candidate.entry)


def _may_continue(entry: ManifestEntry) -> bool:
    """Whether a second reply is sure to hold the same bytes as the first, or a mixture is noticed."""
    return is_computable(entry) or entry.is_pinned or entry.etag is not None


def _what_logging_would_do(refused: list[LandfastError]) -> str:
    """Say whether logging again would mend a refusal, by what is at the source now."""
    now = refused[-1]  # the current object is asked for last
    if isinstance(now, NotFound):
        return "Nothing is there now, so logging again does not bring these bytes back."
    if isinstance(now, ObjectChanged):
        return "Logging again records what is there now as a new version; it does not bring back these bytes."
    return ""
