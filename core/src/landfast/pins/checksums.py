"""Proof: compare bytes with a checksum, as far as the checksum can be computed from bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from landfast.errors import ObjectChanged
from landfast.model.checksum import STRONG_TOKENS, Checksum
from landfast.model.manifest import ManifestEntry
from landfast.stores.base import ObjectInfo

CHUNK = 1 << 20
# Quilt's name of its hash, which it writes in Base64.
SHA256_CHUNKED = "sha2-256-chunked"
# The MD5 of an upload in one piece, or of one in one part; of all others the parts are not known.
_PLAIN_ETAG = re.compile(r"[0-9a-f]{32}(-1)?\Z")


class Outcome(StrEnum):
    """What a comparison says."""

    PROVEN = "proven"
    WRONG = "wrong"
    UNKNOWN = "unknown"  # the checksum is opaque, or there is none


class Proof:
    """Takes the bytes of one object in order, to compare them with an entry; their sha256 too, if that is wanted."""

    def __init__(self, entry: ManifestEntry, *, sha256: bool = False) -> None:
        self._entry = entry
        self._sha256 = sha256
        self._is_md5 = False
        self.count = 0
        self._start()

    def _start(self) -> None:
        self.count = 0
        algorithm = _computable(self._entry.checksum)
        wanted = {algorithm} if algorithm else set()
        if self._sha256:
            wanted.add("sha256")
        self._hashes: dict[str, Any] = {name: _MAKERS[name]() for name in wanted}
        if SHA256_CHUNKED in self._hashes:
            self._hashes[SHA256_CHUNKED] = _Sha256Chunked(self._entry.size or 0)

    def hear(self, told: ObjectInfo) -> None:
        """Take what a reply says of itself: where the recorded ETag is the MD5 of its bytes, others are wrong."""
        md5, checksum = (told.extra or {}).get("md5"), self._entry.checksum
        self._is_md5 |= checksum is not None and checksum.value == md5

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.count += len(chunk)
        for running in self._hashes.values():
            running.update(chunk)

    def restart(self, file: Path | int, size: int) -> None:
        """Take the first `size` bytes of a file, by its path or descriptor, and forget all others."""
        if isinstance(file, Path):
            with file.open("rb") as opened:
                self.restart(opened.fileno(), size)
            return
        self._start()
        while self.count < size:
            chunk = os.pread(file, min(CHUNK, size - self.count), self.count)
            if not chunk:
                return
            self.update(chunk)

    @property
    def sha256(self) -> str | None:
        """The sha256 so far, if it was computed."""
        return self._hashes["sha256"].hexdigest() if "sha256" in self._hashes else None

    @property
    def digest(self) -> str | None:
        """What was computed so far to compare with the entry's checksum, such as ``md5:...``."""
        algorithm = _computable(self._entry.checksum)
        return f"{algorithm}:{self._hashes[algorithm].hexdigest()}" if algorithm else None

    def outcome(self) -> Outcome:
        """Compare what was taken with the entry."""
        if self._entry.size is not None and self.count != self._entry.size:
            return Outcome.WRONG
        checksum = self._entry.checksum
        algorithm = _computable(checksum)
        if checksum is None or algorithm is None:
            return Outcome.UNKNOWN
        found = self._hashes[algorithm].hexdigest()
        if checksum.algorithm != "s3-etag":
            return Outcome.PROVEN if found == checksum.value else Outcome.WRONG
        if checksum.value.endswith("-1"):
            found = hashlib.md5(bytes.fromhex(found), usedforsecurity=False).hexdigest() + "-1"
        if found == checksum.value:
            return Outcome.PROVEN
        # With KMS the ETag is no MD5, and only a reply says whether that is so.
        return Outcome.WRONG if self._is_md5 else Outcome.UNKNOWN

    def check(self) -> None:
        """Refuse bytes that are not the recorded ones, naming the entry, what was recorded and what came."""
        if self.outcome() is not Outcome.WRONG:
            return
        entry = self._entry
        raise ObjectChanged(
            f"{entry.uri} is not what was recorded as {entry.path!r}",
            subject=entry.uri,
            expected=f"{entry.size} bytes, {entry.checksum}",
            found=", ".join(filter(None, (f"{self.count} bytes", self.digest))),
            path=entry.path,
        )


def is_strong(entry: ManifestEntry) -> bool:
    """Tell whether equal computed checksums leave no doubt that a file holds the entry's bytes."""
    checksum = entry.checksum
    if checksum is None:
        return False
    return checksum.algorithm in STRONG_TOKENS or (
        checksum.algorithm == "s3-etag" and _computable(checksum) is not None
    )


def is_computable(entry: ManifestEntry) -> bool:
    """Tell whether wrong bytes are sure to be noticed."""
    checksum = entry.checksum
    return (
        _computable(checksum) is not None
        and checksum is not None
        and checksum.algorithm != "s3-etag"
    )


def _computable(checksum: Checksum | None) -> str | None:
    """Return the algorithm to run over the bytes, or None."""
    if checksum is None:
        return None
    if checksum.algorithm == "s3-etag":
        return "md5" if _PLAIN_ETAG.match(checksum.value) else None
    if checksum.algorithm == "crc64nvme" and not _has_awscrt():
        return None
    return checksum.algorithm if checksum.algorithm in _MAKERS else None


class _Crc32c:
    def __init__(self) -> None:
        self._running: Any = import_module("google_crc32c").Checksum()

    def update(self, chunk: bytes) -> None:
        self._running.update(chunk)

    def hexdigest(self) -> str:
        digest: bytes = self._running.digest()
        return digest.hex()


class _Crc64Nvme:
    def __init__(self) -> None:
        self._crc: Any = import_module("awscrt.checksums").crc64nvme
        self._value = 0

    def update(self, chunk: bytes) -> None:
        self._value = self._crc(chunk, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:016x}"


class _Sha256Chunked:
    """Quilt's hash: that of the hashes of parts of 8 MiB, or of so many times two that there are at most 10,000."""

    def __init__(self, size: int = 0) -> None:
        self._part = 8 << 20
        while -(-size // self._part) > 10_000:
            self._part *= 2
        self._whole = hashlib.sha256()
        self._running = hashlib.sha256()
        self._count = 0

    def update(self, chunk: bytes) -> None:
        left = memoryview(chunk)
        while left:
            taken = left[: self._part - self._count]
            self._running.update(taken)
            self._count += len(taken)
            left = left[len(taken) :]
            if self._count == self._part:
                self._whole.update(self._running.digest())
                self._running, self._count = hashlib.sha256(), 0

    def hexdigest(self) -> str:
        whole = self._whole.copy()
        if self._count:
            whole.update(self._running.digest())
        return base64.b64encode(whole.digest()).decode()


def _has_awscrt() -> bool:
    return find_spec("awscrt") is not None


_MAKERS: dict[str, Callable[[], Any]] = {
    "sha256": hashlib.sha256,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32c": _Crc32c,
    "crc64nvme": _Crc64Nvme,
    SHA256_CHUNKED: _Sha256Chunked,
}
