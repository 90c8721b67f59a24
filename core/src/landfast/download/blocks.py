"""Blocks: a large object, read in several ranges at once into one part file.

While that goes on, the part has a table behind the recorded size: how long its blocks are, and how many bytes of
each are there.  So a part longer than the recorded size is one of blocks, and who reads from the first byte to the
last takes nothing of it; any other is the beginning of the bytes, which blocks continue.
"""

from __future__ import annotations

import contextlib
import os
import random
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, replace

from landfast.download.partial import PartFile
from landfast.download.replies import TRIES_WITHOUT_PROGRESS, Stop, Stopped, check_time, too_long
from landfast.errors import Unavailable
from landfast.pins.checksums import CHUNK, Proof
from landfast.pins.sets import Candidate
from landfast.stores.base import Reader, wrong_range

DEFAULT_RANGES = 16
DEFAULT_THRESHOLD_BYTES = 64 * 1024**2
_BLOCK_BYTES = 16 * 1024**2
_MOST_BLOCKS = 1024
_MAGIC = b"lfblocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """How large objects are read.

    Args:
        count: How many ranges are read at once, of all objects together; 1 reads each object by one request.
        threshold: From how many bytes on an object is large.
    """

    count: int = DEFAULT_RANGES
    threshold: int = DEFAULT_THRESHOLD_BYTES

    def block(self, size: int) -> int:
        """Return how long the blocks of an object are.

        Example:
            >>> Ranges(count=4).block(8 * 1024**2)
            2097152
        """
        fair = min(_BLOCK_BYTES, -(-size // self.count))
        return max(1, fair, -(-size // _MOST_BLOCKS))


class BlockTable:
    """Which bytes of a part are there, kept in the part itself; threads add to different blocks."""

    def __init__(self, part: PartFile, size: int, block: int) -> None:
        self._part = part
        self.size = size
        left = part.size
        found = self._read(left) if left > size else None
        if found is None:
            left = 0 if left > size else left
            part.cut(left)
            there = [min(max(left - at, 0), block) for at in range(0, size, block)]
            self._write(size, _MAGIC + struct.pack(f"<Q{len(there)}Q", block, *there))
            found = block, there
        self.block, self.there = found

    def _read(self, left: int) -> tuple[int, list[int]] | None:
        """Read the table; None if it is none, as after a write that did not come to its end."""
        raw = os.pread(self._part.handle, left - self.size, self.size)
        if len(raw) < 24 or len(raw) % 8 or not raw.startswith(_MAGIC):
            return None
        block, *there = struct.unpack(f"<{len(raw) // 8 - 1}Q", raw[8:])
        if not block or len(there) != -(-self.size // block):
            return None
        is_sound = all(count <= self._length(n, block) for n, count in enumerate(there))
        return (block, there) if is_sound else None

    def _length(self, number: int, block: int) -> int:
        return min(block, self.size - number * block)

    def end(self, number: int) -> int:
        """Return the offset behind a block."""
        return number * self.block + self._length(number, self.block)

    def next(self, number: int) -> int:
        """Return the offset of the first byte of a block that is not there."""
        return number * self.block + self.there[number]

    def is_last(self, number: int) -> bool:
        """Whether nothing comes after a block."""
        return number == len(self.there) - 1

    def open_blocks(self) -> list[int]:
        """Return the blocks of which something is missing."""
        return [n for n in range(len(self.there)) if self.next(n) < self.end(n)]

    def add(self, number: int, chunk: bytes) -> None:
        """Write the next bytes of a block; nothing is held back, so that a kill loses nothing."""
        self._write(self.next(number), chunk)
        self.there[number] += len(chunk)
        place = self.size + len(_MAGIC) + 8 * (1 + number)
        self._write(place, struct.pack("<Q", self.there[number]))

    def _write(self, at: int, data: bytes) -> None:
        self._part.write_at(at, data)


class BlockRead:
    """Reads what is missing of an object, by one way to read it; the proof takes the bytes in their order.

    Args:
        candidate: The way; two replies to it are of the same bytes, or a mixture of them is noticed.
        part: Where they go; it is as long as recorded in the end.
        proof: Takes them, from the first on.
        ranges: How large objects are read.
        pool: Of threads; reads the blocks.
        on_bytes: Called with the number of bytes that came, by many threads.
        stop: When it is set, reading ends with `Stopped`.
    """

    def __init__(
        self,
        candidate: Candidate,
        part: PartFile,
        proof: Proof,
        *,
        ranges: Ranges,
        pool: Executor,
        on_bytes: Callable[[int], None],
        stop: Stop,
    ) -> None:
        size = candidate.entry.size
        assert size is not None
        self._candidate = candidate
        self._part = part
        self._proof = proof
        self._pool = pool
        self._on_bytes = on_bytes
        self._stop = stop
        self._table = BlockTable(part, size, ranges.block(size))
        self._is_answered = threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Read all blocks; the first error ends the others, and is raised.

        Raises:
            ObjectChanged: If a reply is of something else, or of another range.
            NotFound: If the object is gone.
            AccessDenied: If it may not be read.
            InvalidInput: If the server does not take such a request.
            Unavailable: If it does not answer, or cuts what it sends again and again.
        """
        table, before = self._table, sum(self._table.there)
        self._part.is_continued |= before > 0
        self._on_bytes(before)
        try:
            with self._reading(table.open_blocks()) as running:
                for number in range(len(table.there)):
                    if number in running:
                        running[number].result()
                    self._prove(number)
            self._part.cut(table.size)
        finally:
            came = sum(table.there)
            self._part.written += came - before
            self._on_bytes(self._proof.count - came)

    @contextlib.contextmanager
    def _reading(self, numbers: list[int]) -> Iterator[dict[int, Future[None]]]:
        """Have blocks read; none is being read any more at the end."""
        # A server without ranges is found out by one request, and not by as many as are read at once.
        first = next((n for n in numbers if self._table.next(n)), None)
        running: dict[int, Future[None]] = {}
        try:
            if first is not None:
                running[first] = self._pool.submit(self._read, first)
                self._is_answered.wait()
            if self._error is None:
                rest = (n for n in numbers if n != first)
                running |= {n: self._pool.submit(self._read, n) for n in rest}
            yield running
        except Stopped:
            # Most stop for another's error.
            raise self._error or Stopped from None
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            for future in running.values():
                future.cancel()
            wait(running.values())

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error

    def _read(self, number: int) -> None:
        try:
            self._read_block(number)
        except Stopped:
            raise
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._is_answered.set()

    def _read_block(self, number: int) -> None:
        """Read the rest of a block; what is cut is continued where it ended."""
        table, tries = self._table, 0
        while table.next(number) < table.end(number):
            before = table.there[number]
            cut = self._read_once(number)
            if table.next(number) == table.end(number):
                return
            tries = 1 if table.there[number] > before else tries + 1
            if tries > TRIES_WITHOUT_PROGRESS:
                raise cut or self._ended_early(number)
            time.sleep(random.uniform(0.05, 0.1) * 2**tries)  # noqa: S311 - not a secret

    def _read_once(self, number: int) -> Unavailable | None:
        """Take one reply; return the error that cut it, if one did."""
        candidate, table, at = self._candidate, self._table, self._table.next(number)
        # To the end of the object, so that more than is recorded shows.
        end = None if table.is_last(number) else table.end(number)
        self._go_on()
        with candidate.store.open(replace(candidate.pin, end=end), start=at) as reader:
            check_time(candidate.entry, reader.info)
            candidate.check(reader.info)
            self._proof.hear(reader.info)
            if reader.start != at:
                raise wrong_range(candidate.entry.uri, at, reader.start)
            self._is_answered.set()
            return self._pour(number, reader)

    def _pour(self, number: int, reader: Reader) -> Unavailable | None:
        table, chunks = self._table, iter(reader)
        while True:
            try:
                chunk = next(chunks, None)
            except Unavailable as error:
                return error
            if chunk is None:
                return None
            self._go_on()
            room = table.end(number) - table.next(number)
            if wanted := chunk[:room]:
                table.add(number, wanted)
                self._on_bytes(len(wanted))
            if len(chunk) > room:
                if table.is_last(number):
                    raise too_long(self._candidate.entry)
                return None

    def _go_on(self) -> None:
        if self._stop.is_set() or self._error is not None:
            raise Stopped

    def _prove(self, number: int) -> None:
        end = self._table.end(number)
        while self._proof.count < end:
            self._go_on()
            at = self._proof.count
            chunk = os.pread(self._part.handle, min(CHUNK, end - at), at)
            if not chunk:  # somebody cut the file; the proof tells
                return
            self._proof.update(chunk)

    def _ended_early(self, number: int) -> Unavailable:
        uri, table = self._candidate.entry.uri, self._table
        return Unavailable(
            f"the bytes of {uri} ended early",
            subject=uri,
            expected=f"bytes up to {table.end(number)}",
            found=f"up to {table.next(number)}",
        )
