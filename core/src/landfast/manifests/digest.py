"""Content digest and pin digest: sha256 over columns of sorted rows, as docs/format.md specifies.

Column-wise hashing makes the digest independent of how rows were batched or sharded, and it eats the
buffers of columns as they are.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput
from landfast.manifests.batch import EntryBatch, bad_size

if TYPE_CHECKING:
    import pyarrow as pa

# What -1 is, too.
_NULL_LENGTH = b"\xff\xff\xff\xff"
_UNKNOWN_SIZE = -1


class _TextColumn:
    """A running hash of nullable texts: one over the lengths, one over the bytes."""

    __slots__ = ("_bytes", "_lengths")

    def __init__(self) -> None:
        self._lengths = hashlib.sha256()
        self._bytes = hashlib.sha256()

    def update(self, texts: pa.Array) -> None:
        import pyarrow.compute as pc

        if texts.null_count == len(texts):
            self._lengths.update(_NULL_LENGTH * len(texts))
            return
        lengths = pc.binary_length(texts)
        if texts.null_count:
            # Below a null there may be bytes of what was masked.
            lengths, texts = lengths.fill_null(-1), texts.drop_null()
        self._lengths.update(_values(lengths))
        _, offsets, data = texts.buffers()
        ends = memoryview(offsets).cast("i")
        start, stop = ends[texts.offset], ends[texts.offset + len(texts)]
        self._bytes.update(memoryview(data)[start:stop] if data is not None else b"")

    def digest(self) -> bytes:
        return self._lengths.digest() + self._bytes.digest()


def _values(column: pa.Array) -> memoryview:
    """Return the bytes of a column of numbers without nulls."""
    width = column.type.bit_width // 8
    start = column.offset * width
    return memoryview(column.buffers()[1])[start : start + len(column) * width]


class DigestBuilder:
    """Compute both digests of a manifest in one pass over its sorted rows."""

    def __init__(self) -> None:
        self.count = 0
        self._last = ""
        self._size = hashlib.sha256()
        # Of both digests.
        self._path = _TextColumn()
        # algorithm, value, own URI, own pin
        self._identity = [_TextColumn() for _ in range(4)]
        # URI, version id, etag
        self._pins = [_TextColumn() for _ in range(3)]

    def update(self, batch: EntryBatch) -> None:
        """Take the next rows; `InvalidInput` if a path is empty or out of order, or a size negative."""
        import pyarrow.compute as pc

        if not len(batch):
            return
        path, size, *identity = batch.identity
        self._check_order(path)
        if (pc.min(size).as_py() or 0) < 0:
            row = pc.index(pc.less(size, 0), True).as_py()
            raise bad_size(path[row].as_py(), size[row].as_py())
        self._path.update(path)
        self._size.update(_values(pc.fill_null(size, _UNKNOWN_SIZE)))
        columns = (*self._identity, *self._pins)
        for column, texts in zip(columns, (*identity, *batch.pins), strict=True):
            column.update(texts)
        self.count += len(batch)

    def _check_order(self, paths: pa.Array) -> None:
        import pyarrow.compute as pc

        # Text compares by code point, which is the order of the UTF-8 bytes.
        first = paths[0].as_py()
        if first <= self._last:
            raise _out_of_order(first, self._last)
        before, after = paths.slice(0, len(paths) - 1), paths.slice(1)
        row = pc.index(pc.less_equal(after, before), True).as_py()
        if row >= 0:
            raise _out_of_order(after[row].as_py(), before[row].as_py())
        self._last = paths[-1].as_py()

    def content_digest(self) -> str:
        """Return ``lf1:`` and the sha256 over all identity columns so far."""
        columns = [self._path.digest(), self._size.digest()]
        columns += [column.digest() for column in self._identity]
        return "lf1:" + self._final(b"landfast content digest 1\n", columns)

    def pin_digest(self) -> str:
        """Return ``lp1:`` and the sha256 over all pin columns so far."""
        columns = [column.digest() for column in (self._path, *self._pins)]
        return "lp1:" + self._final(b"landfast pin digest 1\n", columns)

    def _final(self, header: bytes, columns: list[bytes]) -> str:
        count = struct.pack("<Q", self.count)
        return hashlib.sha256(header + count + b"".join(columns)).hexdigest()


def _out_of_order(path: str, last: str) -> InvalidInput:
    if not path:
        return InvalidInput("a manifest entry has no path", subject="", expected="non-empty text")
    return InvalidInput(
        f"manifest entries are out of order at {path!r}",
        subject=path,
        expected=f"a path after {last!r} by its UTF-8 bytes",
    )
