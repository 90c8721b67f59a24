"""PinnedBytes: pieces of one recorded file, read where they lie, with nothing kept of them."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Protocol

from landfast.download.open import open_entry
from landfast.download.replies import check_time
from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    NotFound,
    ObjectChanged,
    Unavailable,
    Unverifiable,
)
from landfast.model.manifest import ManifestEntry
from landfast.pins.checksums import CHUNK, is_computable
from landfast.pins.sets import Candidate, PinSets
from landfast.pins.verdicts import same_content
from landfast.stores.base import ObjectInfo, Reader, wrong_range

if TYPE_CHECKING:
    from landfast.cache.blob_cache import BlobCache

_MISSING = (NotFound, ObjectChanged, AccessDenied)


class Piece(Protocol):
    """Where bytes come from; iterating yields chunks from `start` on."""

    start: int

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks."""
        ...


class PinnedBytes:
    """The recorded bytes of one entry, read in pieces.

    A piece cannot be hashed against the checksum of the whole.  So it counts if the reply itself tells that
    it is of the recorded object: by its version id, its ETag or a checksum; or if the store tells the recorded
    checksum of what is there.  Where neither is, all bytes are brought and verified before the first is
    given, as `ArtifactVersion.open` does.

    Args:
        pins: Of the version.
        entry: From its newest manifest.
        cache: Looked into where the source has the bytes no more; None leaves it out.
        most_whole: The largest file, in bytes, that is brought whole for the sake of a piece; None sets no bound.
        keeps_whole: Whether a file that was brought whole serves all later pieces too, for as long as this lives.
    """

    def __init__(
        self,
        pins: PinSets,
        entry: ManifestEntry,
        *,
        cache: BlobCache | None = None,
        most_whole: int | None = None,
        keeps_whole: bool = False,
    ) -> None:
        self._pins = pins
        self.entry = entry
        self._cache = cache
        self._most_whole = most_whole
        self._keeps_whole = keeps_whole
        self._kept: IO[bytes] | None = None
        self._lock = threading.Lock()
        # What was found to have the bytes is asked first for the next piece.
        self._found: Candidate | None = None

    @property
    def found(self) -> Candidate | None:
        """The place that the last piece came from; None before, and where all bytes were brought."""
        return self._found

    def read(self, start: int, size: int) -> bytes:
        """Return up to `size` bytes from offset `start`; fewer at the end.

        Raises:
            LandfastError: As `chunks`.
        """
        with contextlib.closing(self.chunks(start, start + size)) as chunks:
            return b"".join(chunks)

    def chunks(self, start: int = 0, end: int | None = None) -> Generator[bytes, None, None]:
        """Yield the bytes from offset `start` to before `end`; the place is asked when the first is taken.

        Close the iterator if it is left before its end: the connection goes with it.

        Args:
            start: Of the first byte.
            end: Behind the last; None is the recorded end.

        Raises:
            NotFound: If no pin leads to an object.
            ObjectChanged: If the recorded bytes are neither at the source nor in the cache.
            AccessDenied: If they may not be read.
            Unverifiable: If only the whole file could prove what a piece is, and it is too large for that.
            Unavailable: If the source does not answer.
        """
        bound = self.entry.size if end is None else min(end, self.entry.size or end)
        at = start
        while bound is None or at < bound:
            before = at
            try:
                with self._opened(at, bound) as piece:
                    for chunk in _from(piece, at):
                        wanted = chunk if bound is None else chunk[: bound - at]
                        at += len(wanted)
                        yield wanted
                        if bound is not None and at >= bound:
                            break
                    return
            except Unavailable:
                # What the store raises at opening it has tried often enough; a cut body is continued.
                if at == before:
                    raise

    @contextlib.contextmanager
    def _opened(self, start: int, end: int | None) -> Iterator[Piece]:
        """Open the first place that has the recorded bytes, and tells so."""
        with contextlib.ExitStack() as stack:
            yield self._open(stack, start, end)

    def _open(self, stack: contextlib.ExitStack, start: int, end: int | None) -> Piece:
        if self._kept is not None:
            return _File(start, _chunks(self._kept, start))
        refused: list[LandfastError] = []
        known = [] if self._found is None else [self._found]
        for candidate in (*known, *self._pins.candidates(self.entry)):
            try:
                reader = _proven(stack, candidate, start, end)
            except _MISSING as error:
                refused.append(error)
                continue
            if reader is not None:
                self._found = candidate
                return reader
            break  # what is there may be right: only all of it tells
        return self._whole(stack, start, refused)

    def _whole(
        self, stack: contextlib.ExitStack, start: int, refused: list[LandfastError]
    ) -> Piece:
        size = self.entry.size
        is_too_large = self._most_whole is not None and (size is None or size > self._most_whole)
        if is_too_large:
            raise refused[0] if refused else self._unproven()
        if self._keeps_whole:
            file = self._brought()
        else:
            file = stack.enter_context(open_entry(self._pins, self.entry, cache=self._cache))
        return _File(start, _chunks(file, start))

    def _brought(self) -> IO[bytes]:
        with self._lock:
            if self._kept is None:
                self._kept = open_entry(self._pins, self.entry, cache=self._cache)
                weakref.finalize(self, self._kept.close)
            return self._kept

    def _unproven(self) -> Unverifiable:
        return Unverifiable(
            f"no part of {self.entry.path!r} can be shown: Landfast can verify only the whole file",
            subject=self.entry.uri,
            expected=f"at most {self._most_whole} bytes to read whole",
            found=f"{self.entry.size} bytes",
            hint="Download it: what comes is verified.",
        )


class _File:
    def __init__(self, start: int, chunks: Iterator[bytes]) -> None:
        self.start = start
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


def _chunks(file: IO[bytes], at: int) -> Iterator[bytes]:
    """Yield a file from an offset on, whoever else reads it at other ones."""
    while chunk := os.pread(file.fileno(), CHUNK, at):
        yield chunk
        at += len(chunk)


def _from(piece: Piece, start: int) -> Iterator[bytes]:
    """Yield what comes from offset `start` on; a server without ranges begins at the first byte."""
    if piece.start > start:
        raise wrong_range("the reply", start, piece.start)
    before = start - piece.start
    for chunk in piece:
        if before >= len(chunk):
            before -= len(chunk)
            continue
        yield chunk[before:]
        before = 0


def _proven(
    stack: contextlib.ExitStack, candidate: Candidate, start: int, end: int | None
) -> Reader | None:
    """Open a candidate whose bytes are the recorded ones; None if nothing but all bytes could tell."""
    entry, pin = candidate.entry, candidate.pin
    if end is not None and entry.size is not None and end < entry.size:
        pin = replace(pin, end=end)
    with contextlib.ExitStack() as own:
        reader = own.enter_context(candidate.store.open(pin, start=start))
        check_time(entry, reader.info)
        candidate.check(reader.info)
        if not _tells(candidate, reader.info) and not _is_told(candidate, reader.info):
            return None
        stack.enter_context(own.pop_all())
        return reader


def _tells(candidate: Candidate, info: ObjectInfo) -> bool:
    """Whether a reply tells by itself that it is of the recorded object, as far as anything can."""
    entry = candidate.entry
    if not is_computable(entry):
        return True  # the store has compared all that there is
    is_by_version = entry.is_pinned and not candidate.is_current
    return is_by_version or same_content(entry, info) is True


def _is_told(candidate: Candidate, info: ObjectInfo) -> bool:
    """Ask the store for the recorded kind of checksum, where it tells without reading all bytes each time.

    Raises:
        ObjectChanged: If it is another.
    """
    entry, can = candidate.entry, candidate.store.capabilities()
    kind = None if entry.checksum is None else entry.checksum.algorithm
    if kind is None or kind in can.read_checksums or kind not in can.list_checksums:
        return False
    try:
        told = candidate.store.stat(candidate.pin.location, checksum=kind)
    except (Unverifiable, InvalidInput):
        return False
    if same_content(entry, told) is not True:
        raise ObjectChanged(
            f"{entry.uri} is not what was recorded as {entry.path!r}",
            subject=entry.uri,
            expected=f"{entry.size} bytes, {entry.checksum}",
            found=f"{told.size} bytes, {told.checksum}",
            path=entry.path,
        )
    return (told.size, told.modified_at) == (info.size, info.modified_at)
