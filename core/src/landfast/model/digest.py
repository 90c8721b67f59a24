"""Content digest and pin digest: sha256 over columns of sorted rows, as docs/format.md specifies.

Column-wise hashing makes the digest independent of how rows were batched or sharded, and lets an
engine that holds columns compute it without building rows.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput

if TYPE_CHECKING:
    from landfast.model.manifest import ManifestEntry

_NULL_LENGTH = b"\xff\xff\xff\xff"
_UNKNOWN_SIZE = -1
# What a signed integer of 64 bits holds, in files and databases alike.
MAX_BYTES = 2**63 - 1
# Rows hashed at once: hashing row by row costs four times as much.
_BATCH = 2048


class _TextColumn:
    """A running hash of nullable texts: one over the lengths, one over the bytes."""

    __slots__ = ("_bytes", "_lengths")

    def __init__(self) -> None:
        self._lengths = hashlib.sha256()
        self._bytes = hashlib.sha256()

    def update(self, texts: Sequence[str | None]) -> None:
        nulls = texts.count(None)
        if nulls == len(texts):
            self._lengths.update(_NULL_LENGTH * nulls)
            return
        data = [None if text is None else text.encode() for text in texts]
        lengths = [0xFFFFFFFF if item is None else len(item) for item in data]
        self._lengths.update(struct.pack(f"<{len(lengths)}I", *lengths))
        self._bytes.update(b"".join(filter(None, data)))

    def digest(self) -> bytes:
        return self._lengths.digest() + self._bytes.digest()


class DigestBuilder:
    """Compute both digests of a manifest in one pass over its sorted entries.

    Example:
        >>> DigestBuilder().content_digest()[:4]
        'lf1:'
    """

    def __init__(self) -> None:
        self._count = 0
        self._last = ""
        self._batch: list[ManifestEntry] = []
        self._size = hashlib.sha256()
        # path, algorithm, value, own URI, own pin
        self._identity = [_TextColumn() for _ in range(5)]
        # path, URI, version id, etag
        self._pins = [_TextColumn() for _ in range(4)]

    def add(self, entry: ManifestEntry) -> None:
        """Take the next entry.

        Raises:
            InvalidInput: If its path is empty or does not sort after the one before, or if an entry
                cannot be hashed: text that is not UTF-8, a negative size, a time without zone.
        """
        # Text compares by code point, which is the order of the UTF-8 bytes.
        if entry.path <= self._last:
            raise _out_of_order(entry.path, self._last)
        self._last = entry.path
        self._batch.append(entry)
        if len(self._batch) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        try:
            self._update(batch)
        except UnicodeEncodeError:
            raise _not_utf8(batch) from None
        self._count += len(batch)

    def _update(self, batch: list[ManifestEntry]) -> None:
        path, size, *texts = zip(*[entry.identity for entry in batch], strict=True)
        numbers = [_UNKNOWN_SIZE if number is None else number for number in size]
        if min(numbers) < _UNKNOWN_SIZE or max(numbers) > MAX_BYTES or _UNKNOWN_SIZE in size:
            raise _bad_size(batch)
        self._size.update(struct.pack(f"<{len(numbers)}q", *numbers))
        for column, values in zip(self._identity, (path, *texts), strict=True):
            column.update(values)
        pins = zip(*[entry.pins for entry in batch], strict=True)
        for column, values in zip(self._pins, (path, *pins), strict=True):
            column.update(values)

    def content_digest(self) -> str:
        """Return ``lf1:`` and the sha256 over all identity columns so far."""
        self._flush()
        path, *rest = self._identity
        columns = [path.digest(), self._size.digest(), *(column.digest() for column in rest)]
        return "lf1:" + self._final(b"landfast content digest 1\n", columns)

    def pin_digest(self) -> str:
        """Return ``lp1:`` and the sha256 over all pin columns so far."""
        self._flush()
        columns = [column.digest() for column in self._pins]
        return "lp1:" + self._final(b"landfast pin digest 1\n", columns)

    def _final(self, header: bytes, columns: list[bytes]) -> str:
        count = struct.pack("<Q", self._count)
        return hashlib.sha256(header + count + b"".join(columns)).hexdigest()


def content_digest(entries: Iterable[ManifestEntry]) -> str:
    """Return the content digest of sorted entries.

    Raises:
        InvalidInput: If they are not sorted by the UTF-8 bytes of their path, or repeat one.
    """
    return _build(entries).content_digest()


def pin_digest(entries: Iterable[ManifestEntry]) -> str:
    """Return the pin digest of sorted entries; as `content_digest` otherwise."""
    return _build(entries).pin_digest()


def _build(entries: Iterable[ManifestEntry]) -> DigestBuilder:
    builder = DigestBuilder()
    for entry in entries:
        builder.add(entry)
    return builder


def _out_of_order(path: str, last: str) -> InvalidInput:
    if not path:
        return InvalidInput("a manifest entry has no path", subject="", expected="non-empty text")
    return InvalidInput(
        f"manifest entries are out of order at {path!r}",
        subject=path,
        expected=f"a path after {last!r} by its UTF-8 bytes",
    )


def _not_utf8(batch: list[ManifestEntry]) -> InvalidInput:
    for entry in batch:
        for name, text in _texts(entry):
            if text is not None and any("\ud800" <= c <= "\udfff" for c in text):
                return InvalidInput(
                    f"the {name} of manifest entry {entry.path!r} is not UTF-8 text",
                    subject=entry.path,
                    found=repr(text),
                    hint="Rename the file, or leave it out with exclude=.",
                )
    raise AssertionError


def _texts(entry: ManifestEntry) -> Iterable[tuple[str, str | None]]:
    yield "path", entry.path
    yield "URI", entry.uri
    yield "version id", entry.version_id
    yield "ETag", entry.etag
    if entry.checksum is not None:
        yield "checksum algorithm", entry.checksum.algorithm
        yield "checksum", entry.checksum.value


def _bad_size(batch: list[ManifestEntry]) -> InvalidInput:
    entry = next(e for e in batch if e.size is not None and not 0 <= e.size <= MAX_BYTES)
    return InvalidInput(
        f"manifest entry {entry.path!r} has an impossible size",
        subject=entry.path,
        expected="bytes from 0 to 2**63 - 1, or None if unknown",
        found=str(entry.size),
    )
