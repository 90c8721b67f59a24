"""FsspecStore: whatever fsspec opens (`az://`, `sftp://`, `hdfs://`, ...), labelled for what it is."""

# ruff: noqa: ARG002 - what the seam passes and fsspec has no use for

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from landfast.errors import InvalidInput, NotFound, Unavailable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.redaction import redact
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    ClientFactory,
    Kind,
    ListRequest,
    ObjectBatch,
    ObjectInfo,
    Page,
    Pin,
    Versioning,
)
from landfast.stores.batch import in_batches
from landfast.stores.fsspec.files import Filesystems
from landfast.stores.fsspec.info import (
    KINDS,
    SHA256,
    changed,
    check_pin,
    describe,
    nothing_to_tell_by,
    tokens,
)
from landfast.stores.fsspec.walk import Found, walk

_CHUNK_BYTES = 1024 * 1024
# Some filesystems begin a transfer anew for every block.
_BLOCK_BYTES = 8 * _CHUNK_BYTES
_ENDPOINT_OPTIONS = ("endpoint_url", "endpoint", "account_host", "account_name", "host")


class FsspecStore:
    """Reads through fsspec; how many requests a call takes is the filesystem's affair.

    The default checksum is the best that `info()` offers: sha256, md5, an ETag, the modification
    time. Where it offers none of these, `checksum="sha256"` reads and hashes.

    Args:
        options: The arguments of fsspec's filesystem class, over what the URI itself says.
        client: Makes the filesystem instead, once in each thread.

    Example:
        >>> FsspecStore({"account_name": "ours"}).endpoint
        'ours'
    """

    def __init__(
        self, options: Mapping[str, Any] | None = None, *, client: ClientFactory | None = None
    ) -> None:
        self._options = dict(options or {})
        self._client = client
        self._files = Filesystems(self._options, client)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(FsspecStore, client=self._client), (self._options,)

    def __repr__(self) -> str:
        return f"FsspecStore({', '.join(sorted(self._options))})"

    @property
    def endpoint(self) -> str | None:
        """What the options say of the server or account; the rest is in the URI."""
        found = (self._options.get(name) for name in _ENDPOINT_OPTIONS)
        return next((redact(str(value)) for value in found if value), None)

    def capabilities(self) -> Capabilities:
        """Tell what holds for any filesystem."""
        return Capabilities(stat_checksums=KINDS, read_checksums=(SHA256,), content_tokens=False)

    def versioning(self, location: Location) -> Versioning:
        """Answer that there is none to be relied on."""
        return Versioning.NONE

    def path(self, location: Location) -> Path | None:
        """Answer None: a filesystem of fsspec's is reached through fsspec."""
        return None

    def locate(self, location: Location) -> Kind:
        """Tell whether a location is an object, a folder, or both, from its own and its parent's rows."""
        try:
            info = self._info(location)
        except NotFound:
            return Kind.MISSING
        if info.get("type") == "directory":
            return Kind.FOLDER
        parent = replace(location, key=location.key.rpartition("/")[0])
        filesystem, name = self._files.at(location), self._files.path(location).strip("/")
        above = self._files.path(parent).rstrip("/")
        rows = self._files.ask(location, lambda: filesystem.ls(above, detail=True))
        kinds = {row.get("type") for row in rows if str(row["name"]).strip("/") == name}
        return Kind.BOTH if "directory" in kinds else Kind.OBJECT

    def list_page(self, request: ListRequest) -> Page:
        """List a folder, lazily without a `limit`; every folder below takes a request or more."""
        location, limit = request.location, request.limit
        if request.versions:
            raise InvalidInput(
                f"{location.scheme}:// has no versions to list",
                subject=str(location),
                unsupported=True,
            )
        start = (request.token or request.after or "").encode()
        end = None if request.before is None else request.before.encode()
        found = walk(self._files, location.as_folder(), after=start, before=end)
        rows = (_row(one, request.checksum) for one in found)
        if limit is None:
            return Page(batches=in_batches(rows))
        page = ObjectBatch.from_rows(islice(rows, limit))
        more = next(rows, None) is not None
        return Page(batches=[page], next=page.key_at(-1) if more else None)

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe one object; a sha256 that the filesystem does not tell is computed."""
        _no_versions(location, version_id)
        if checksum and checksum not in KINDS:
            raise nothing_to_tell_by(location, checksum)
        info = self._file_info(location)
        if checksum != SHA256 or SHA256 in tokens(info):
            return describe(location, info, checksum)
        return self._hashed(describe(location, info, False))

    @contextmanager
    def open(self, pin: Pin, *, start: int = 0) -> Iterator[FsspecReader]:
        """Open an object, if it is the recorded one, and see that it stays so until the end."""
        location = pin.location
        _no_versions(location, pin.version_id)
        info = self._file_info(location)
        check_pin(pin, info)
        filesystem, path = self._files.at(location), self._files.path(location)
        file = self._files.ask(
            location, lambda: filesystem.open(path, "rb", block_size=_BLOCK_BYTES)
        )
        with file:
            if start:
                self._files.ask(location, lambda: file.seek(start))
            kind = None if pin.checksum is None else pin.checksum.algorithm
            told = describe(location, info, kind if kind in tokens(info) else False)
            yield FsspecReader(info=told, start=start, file=file, store=self, seen=info)

    def _hashed(self, row: ObjectInfo) -> ObjectInfo:
        digest = hashlib.sha256()
        with self.open(Pin(location=row.location, etag=row.etag, size=row.size)) as reader:
            for chunk in reader:
                digest.update(chunk)
        return replace(row, checksum=Checksum(SHA256, digest.hexdigest()))

    def _info(self, location: Location) -> Mapping[str, Any]:
        filesystem, path = self._files.at(location), self._files.path(location)
        info: Mapping[str, Any] = self._files.ask(location, lambda: filesystem.info(path))
        return info

    def _file_info(self, location: Location) -> Mapping[str, Any]:
        info = self._info(location)
        if info.get("type") != "file":
            raise NotFound(
                f"{location} is not an object",
                subject=str(location),
                found=f"a {info.get('type')}",
            )
        return info


@dataclass(frozen=True, slots=True, kw_only=True)
class FsspecReader:
    """An open file; iterating yields its bytes, and an error if it changed meanwhile."""

    info: ObjectInfo
    start: int
    file: Any
    store: FsspecStore
    seen: Mapping[str, Any]

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB; in the end it has to be the file that it was at the beginning."""
        location, end = self.info.location, self.start
        while chunk := self.store._files.ask(location, lambda: self.file.read(_CHUNK_BYTES)):
            end += len(chunk)
            yield bytes(chunk)
        now = self.store._file_info(location)
        before, after = tokens(self.seen), tokens(now)
        if before != after or self.seen.get("size") != now.get("size"):
            raise changed(location, "the same file until its end", "one that was written to")
        if self.info.size is not None and end != max(self.info.size, self.start):
            raise Unavailable(
                f"{location} ended early",
                subject=str(location),
                expected=f"{self.info.size} bytes",
                found=f"{end} bytes",
            )


def _row(found: Found, checksum: ChecksumKind) -> ObjectInfo:
    row = describe(found.location, found.info, False if found.skip else checksum)
    return replace(row, skip=found.skip)


def _no_versions(location: Location, version_id: str | None) -> None:
    if version_id is not None:
        raise InvalidInput(
            f"{location} has no version {version_id!r}: only its current state can be read",
            subject=str(location),
        )
