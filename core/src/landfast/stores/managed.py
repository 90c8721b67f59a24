"""BlobSource: reads `blob:sha256:HEX` entries out of the registry's blob store."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landfast.blobs.base import BlobInfo, BlobStore
from landfast.errors import InvalidInput, NotFound, ObjectChanged, Unverifiable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    ClientFactory,
    Kind,
    ListRequest,
    ObjectInfo,
    Page,
    Pin,
    Versioning,
)

_KEY = re.compile(r"sha256:([0-9a-f]{64})\Z")


class BlobSource:
    """Managed files: every object is named by the sha256 of its bytes and never changes."""

    needs = ("blobs",)

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        client: ClientFactory | None = None,  # noqa: ARG002 - the constructor of every store
        blobs: BlobStore | None = None,
    ) -> None:
        self._options = dict(options or {})
        self._blobs = blobs

    @property
    def endpoint(self) -> str | None:
        """None: blobs are resolved against the registry's own store."""
        return None

    def capabilities(self) -> Capabilities:
        """One object at a time, by content; blobs in a folder need no second copy in the cache."""
        is_local = self._blobs is not None and self._blobs.url.startswith("file:")
        return Capabilities(
            listing=False, list_checksums=("sha256",), in_place=is_local, cacheable=not is_local
        )

    def versioning(self, location: Location) -> Versioning:  # noqa: ARG002
        """A blob is never overwritten."""
        return Versioning.NONE

    def locate(self, location: Location) -> Kind:
        """Tell whether the blob is there."""
        return Kind.MISSING if self._find(location) is None else Kind.OBJECT

    def list_page(self, request: ListRequest) -> Page:
        """Refuse: blobs have no folders."""
        raise InvalidInput("blobs cannot be listed as a reference", subject=str(request.location))

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe one blob."""
        if version_id is not None:
            raise NotFound(f"{location} has no versions", version_id=version_id)
        if checksum not in {None, False, "sha256"}:
            raise Unverifiable(f"{location} has no checksum {checksum!r}", expected="sha256")
        found = self._found(location)
        token = None if checksum is False else Checksum("sha256", found.sha256)
        return ObjectInfo(
            location=location, size=found.size, checksum=token, modified_at=found.modified_at
        )

    @contextlib.contextmanager
    def open(self, pin: Pin, *, start: int = 0) -> Iterator[BlobReader]:
        """Open a blob; two requests, one for its size."""
        info = self.stat(pin.location)
        is_same_size = pin.size is None or pin.size == info.size
        other = (
            pin.checksum is not None
            and pin.checksum.algorithm == "sha256"
            and pin.checksum != info.checksum
        )
        if other or not is_same_size:
            raise ObjectChanged(
                f"{pin.location} is not what was recorded",
                subject=str(pin.location),
                expected=f"{pin.size} bytes, {pin.checksum}",
                found=f"{info.size} bytes",
            )
        chunks = self._store.open(_sha256(pin.location), start=start)
        try:
            yield BlobReader(info=info, start=start, chunks=chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def path(self, location: Location) -> Path | None:
        """Return the blob's own file, where the store is a folder."""
        return self._store.path(_sha256(location))

    @property
    def _store(self) -> BlobStore:
        if self._blobs is None:
            raise InvalidInput(
                "managed files can be read only with a registry",
                hint="Open the version through Client(url), which knows the registry's blob store.",
            )
        return self._blobs

    def _find(self, location: Location) -> BlobInfo | None:
        return self._store.stat(_sha256(location))

    def _found(self, location: Location) -> BlobInfo:
        found = self._find(location)
        if found is None:
            raise NotFound(
                f"there is no {location} in the blob store {self._store.url}",
                subject=str(location),
                hint="Add the same file again, which stores it again; or restore it from a backup.",
            )
        return found

    def __repr__(self) -> str:
        return f"BlobSource({getattr(self._blobs, 'url', None)!r})"


@dataclass(slots=True, kw_only=True)
class BlobReader:
    """An open blob; see `landfast.stores.base.Reader`."""

    info: ObjectInfo
    start: int
    chunks: Iterator[bytes]

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB."""
        return self.chunks


def _sha256(location: Location) -> str:
    match = _KEY.match(location.key)
    if match is None:
        raise InvalidInput(
            f"{location.uri!r} names no blob", expected="blob:sha256: and 64 hexadecimal digits"
        )
    return match[1]
