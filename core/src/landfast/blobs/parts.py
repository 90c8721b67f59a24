"""Parts of blobs on their way to and from a bucket, and the root that a URL names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from landfast.blobs.names import CHUNK_BYTES, wrong_source
from landfast.errors import InvalidInput
from landfast.model.location import Location
from landfast.system.disk_errors import disk_errors

# Up to this size a blob is one request and lies in memory once; a longer one comes in such parts.
PART_BYTES = 16 * 1024 * 1024
MOST_PARTS = 9_000  # S3 takes 10,000


def root_of(url: str, scheme: str) -> Location:
    """Return the root that a URL names; `InvalidInput` if it is of another scheme or holds credentials."""
    root = Location.parse(url, pins=False)
    if root.scheme != scheme or "@" in root.authority:
        raise InvalidInput(
            f"{url!r} is no place for blobs",
            subject=url,
            expected=f"{scheme}://BUCKET/PREFIX, without credentials",
        )
    prefix = root.key.rstrip("/")
    return Location(scheme=scheme, authority=root.authority, key=prefix + "/" if prefix else "")


def part_size(size: int) -> int:
    """Return the bytes of one part of an object of this size, a multiple of 1 MiB."""
    least = -(-size // MOST_PARTS)
    return max(PART_BYTES, -(-least // CHUNK_BYTES) * CHUNK_BYTES)


def checked_parts(file: BinaryIO, source: Path, size: int, sha256: str) -> Iterator[bytes]:
    """Yield the file in parts; the last one only if the bytes have the name that they are given."""
    digest, length, step = hashlib.sha256(), 0, part_size(size)
    with disk_errors(source, "read"):
        part = file.read(step)
    while True:
        digest.update(part)
        length += len(part)
        with disk_errors(source, "read"):
            following = file.read(step)
        if not following:
            break
        yield part
        part = following
    if digest.hexdigest() != sha256 or length != size:
        raise wrong_source(str(source), sha256, digest.hexdigest())
    yield part


def md5s(source: Path, size: int) -> set[str]:
    """Return the MD5 of a file, and that over the MD5s of its parts as S3 has it of an upload in parts."""
    whole, parts = hashlib.md5(usedforsecurity=False), []
    with disk_errors(source, "read"), source.open("rb") as file:
        while part := file.read(part_size(size)):
            whole.update(part)
            parts.append(hashlib.md5(part, usedforsecurity=False).digest())
    joined = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
    return {whole.hexdigest(), f"{joined}-{len(parts)}"}


def from_offset(chunks: Iterable[bytes], start: int, at: int) -> Iterator[bytes]:
    """Leave out what comes before the offset `at`, where a server ignored the range."""
    behind = at - start
    for chunk in chunks:
        if behind >= len(chunk):
            behind -= len(chunk)
            continue
        yield chunk[behind:] if behind else chunk
        behind = 0
