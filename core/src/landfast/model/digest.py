"""Content digest and pin digest: sha256 over columns of sorted rows, as docs/format.md specifies.

Column-wise hashing makes the digest independent of how rows were batched or sharded, and lets an
engine that holds columns compute it without building rows.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput

if TYPE_CHECKING:
    from landfast.model.manifest import ManifestEntry

_NULL_LENGTH = 0xFFFFFFFF
_UNKNOWN_SIZE = -1


class _TextColumn:
    """A running hash of nullable texts: one over the lengths, one over the bytes."""

    __slots__ = ("_bytes", "_lengths")

    def __init__(self) -> None:
        self._lengths = hashlib.sha256()
        self._bytes = hashlib.sha256()

    def update(self, text: str | None) -> None:
        if text is None:
            self._lengths.update(struct.pack("<I", _NULL_LENGTH))
            return
        data = text.encode()
        self._lengths.update(struct.pack("<I", len(data)))
        self._bytes.update(data)

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
        self._last: bytes | None = None
        self._size = hashlib.sha256()
        # path, algorithm, value, own URI, own pin
        self._identity = [_TextColumn() for _ in range(5)]
        # path, uri, version id, etag
        self._pins = [_TextColumn() for _ in range(4)]

    def add(self, entry: ManifestEntry) -> None:
        """Take the next entry.

        Raises:
            InvalidInput: If its path does not sort after the one before.
        """
        key = entry.sort_key
        if self._last is not None and key <= self._last:
            raise InvalidInput(
                f"manifest entries are out of order at {entry.path!r}",
                subject=entry.path,
                expected=f"a path after {self._last.decode()!r}",
            )
        self._last = key
        self._count += 1
        path, size, algorithm, value, uri, pin = entry.identity
        self._size.update(struct.pack("<q", _UNKNOWN_SIZE if size is None else size))
        for column, text in zip(self._identity, (path, algorithm, value, uri, pin), strict=True):
            column.update(text)
        pins = (entry.path, entry.uri, entry.version_id, entry.etag)
        for column, text in zip(self._pins, pins, strict=True):
            column.update(text)

    def content_digest(self) -> str:
        """Return ``lf1:`` and the sha256 over all identity columns so far."""
        path, *rest = self._identity
        columns = [path.digest(), self._size.digest(), *(column.digest() for column in rest)]
        return "lf1:" + self._final(b"landfast content digest 1\n", columns)

    def pin_digest(self) -> str:
        """Return ``lp1:`` and the sha256 over all pin columns so far."""
        return "lp1:" + self._final(
            b"landfast pin digest 1\n", [column.digest() for column in self._pins]
        )

    def _final(self, header: bytes, columns: list[bytes]) -> str:
        return hashlib.sha256(
            header + struct.pack("<Q", self._count) + b"".join(columns)
        ).hexdigest()


def content_digest(entries: Iterable[ManifestEntry]) -> str:
    """Return the content digest of sorted entries.

    Raises:
        InvalidInput: If they are not sorted by the UTF-8 bytes of their path, or repeat one.
    """
    builder = DigestBuilder()
    for entry in entries:
        builder.add(entry)
    return builder.content_digest()


def pin_digest(entries: Iterable[ManifestEntry]) -> str:
    """Return the pin digest of sorted entries; as `content_digest` otherwise."""
    builder = DigestBuilder()
    for entry in entries:
        builder.add(entry)
    return builder.pin_digest()
