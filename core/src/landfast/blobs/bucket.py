"""BucketBlobStore: blobs in a bucket, whatever the provider; `s3` and `gcs` give it their requests."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from landfast.blobs.base import BlobInfo, LocalFile
from landfast.blobs.names import (
    FOLDER,
    LABEL,
    blob_key,
    damaged_blob,
    no_blob,
    sha256_of_key,
)
from landfast.blobs.parts import PART_BYTES, checked_parts, from_offset, md5s
from landfast.blobs.retried import POLICY, retried
from landfast.errors import AccessDenied, InvalidInput, NotFound, ObjectChanged, Unavailable
from landfast.model.location import Location
from landfast.stores.base import wrong_range
from landfast.system.disk_errors import disk_errors
from landfast.system.parallel import in_parallel

# A blob younger than this needs no refreshing: it is far from every grace period.
FRESH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object as a list or a description has it, with its bytes and the UTC time in whole seconds.

    `md5` is what the provider says of its bytes: their MD5, or S3's MD5 over those of its parts; None if nothing.
    """

    key: str
    size: int
    modified_at: datetime
    md5: str | None = None


class Body(Protocol):
    """An open reply."""

    start: int
    """Offset of the first byte that comes."""
    size: int | None
    """Bytes of the whole object, as the reply tells them."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB; a cut connection raises `Unavailable`."""
        ...


class Objects(Protocol):
    """A provider's requests: nothing is retried but in `put_parts`; only our errors come out."""

    @property
    def root(self) -> Location:
        """The bucket and the prefix, which is empty or ends in ``/``."""
        ...

    def head(self, key: str) -> Stored:
        """Describe an object, or raise `NotFound`."""
        ...

    def get(self, key: str, start: int) -> AbstractContextManager[Body]:
        """Open an object from an offset on; behind its end there is nothing."""
        ...

    def put(self, key: str, data: bytes, *, new: bool = False) -> None:
        """Write an object in one request; with `new`, raise `ObjectChanged` if there is one."""
        ...

    def put_parts(self, key: str, size: int, parts: Iterator[bytes]) -> None:
        """Write an object that appears after the last part; nothing appears if `parts` raises."""
        ...

    def refresh(self, key: str, size: int) -> bool:
        """Make a present object new in age; False if that can only be done by writing it anew."""
        ...

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield every object below a prefix; retries by page."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object; a missing one is no error; `AccessDenied` has `details["held"]` if a hold keeps it."""
        ...

    def kept_by(self, key: str) -> str:
        """Say what keeps an object where a delete would hide it all the same; ``""`` if nothing does, or it is gone."""
        ...


@dataclass(slots=True, kw_only=True)
class _Read:
    """How far a blob was read, and how long it is; None until the first reply tells."""

    key: str
    at: int
    size: int | None = None


class BucketBlobStore:
    """Blobs below a prefix of a bucket: ``PREFIX/blobs/sha256/ab/abcd...``.

    A blob is uploaded in one request, or in parts whose last is sent when the sha256 of all is
    known to be right: objects appear whole.  Interrupted uploads leave parts that the bucket's own
    lifecycle rules should remove (S3: ``AbortIncompleteMultipartUpload``; GCS: after a week).
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    @property
    def url(self) -> str:
        """The bucket and prefix, without a final slash."""
        return self._objects.root.uri.rstrip("/")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def put(self, source: Path, sha256: str) -> None:
        """Store the file's bytes under their name; a blob that holds them is only refreshed in age."""
        key = self._key(sha256)
        with disk_errors(source, "read"):
            file = source.open("rb")
        with file:
            size = os.fstat(file.fileno()).st_size
            if self._is_there(key, size, source):
                return
            self._upload(key, size, checked_parts(file, source, size, sha256))

    def put_all(self, files: Sequence[LocalFile], *, again: Collection[str] = ()) -> None:
        """Store files with different names, side by side."""

        def store(file: LocalFile) -> None:
            if file.sha256 in again or not self.holds(file.sha256, file.path):
                self.put(file.path, file.sha256)

        in_parallel(store, files)

    def holds(self, sha256: str, source: Path) -> bool:
        """Tell whether the blob is there with the bytes of the file, by size and what the provider says of them."""
        found = self._head(self._key(sha256))
        with disk_errors(source, "look at"):
            size = source.stat().st_size
        return found is not None and _is_whole(found, source, size)

    def _is_there(self, key: str, size: int, source: Path) -> bool:
        found = self._head(key)
        if found is None or not _is_whole(found, source, size):
            return False
        # A clock that is far behind the provider's cannot tell the age either.
        if timedelta(0) <= datetime.now(UTC) - found.modified_at < FRESH:
            return True
        try:
            return retried(lambda: self._objects.refresh(key, size))
        except NotFound:
            return False

    def _head(self, key: str) -> Stored | None:
        try:
            return retried(lambda: self._objects.head(key))
        except NotFound as error:
            if "bucket" in error.details:
                raise
            return None

    def _upload(self, key: str, size: int, parts: Iterator[bytes]) -> None:
        if size > PART_BYTES:
            self._objects.put_parts(key, size, parts)
        else:
            data = b"".join(parts)
            retried(lambda: self._objects.put(key, data))

    def fetch(self, sha256: str, target: Path) -> None:
        """Write the blob to `target`, verified; the file appears whole."""
        chunks = self.open(sha256)
        part = target.with_name(f".{target.name[:200]}.{uuid.uuid4().hex}.part")
        digest = hashlib.sha256()
        try:
            with disk_errors(target, "write"), part.open("xb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if digest.hexdigest() != sha256:
                raise damaged_blob(sha256, self.url, f"sha256 {digest.hexdigest()}")
            with disk_errors(target, "write"):
                part.replace(target)
        finally:
            with disk_errors(target, "write beside"):
                part.unlink(missing_ok=True)

    def open(self, sha256: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the blob's bytes from offset `start` in chunks of at most 1 MiB.

        A cut connection is opened again where it was cut; if that is not answered with the rest of
        the same object, from the first byte.
        """
        return self._chunks(sha256, self._key(sha256), start)

    def _chunks(self, sha256: str, key: str, start: int) -> Iterator[bytes]:
        read = _Read(key=key, at=start)
        cuts, is_whole = 0, False
        while True:
            before, asked = read.at, 0 if is_whole else read.at
            try:
                yield from self._reply(sha256, read, asked)
            except (InvalidInput, ObjectChanged):
                if not asked:
                    raise
                is_whole = True
                continue
            except Unavailable as error:
                cuts = 1 if read.at > before else cuts + 1
                if cuts >= POLICY.attempts:
                    raise
                wait_s = POLICY.wait_s(cuts, error)
            else:
                return
            time.sleep(wait_s)

    def _reply(self, sha256: str, read: _Read, asked: int) -> Iterator[bytes]:
        """Yield what one request from the offset `asked` brings of the rest."""
        with self._opened(sha256, read.key, asked) as body:
            if read.size is None:
                read.size = self._size_of(read.key, body)
            if body.start > asked or body.size not in {None, read.size}:
                raise wrong_range(read.key, asked, body.start)
            for chunk in from_offset(body, body.start, read.at):
                read.at += len(chunk)
                if read.at > read.size:
                    raise damaged_blob(sha256, self.url, f"more than {read.size} bytes")
                yield chunk
        if read.at < read.size:
            raise wrong_range(read.key, asked, None)

    def _size_of(self, key: str, body: Body) -> int:
        return retried(lambda: self._objects.head(key)).size if body.size is None else body.size

    @contextmanager
    def _opened(self, sha256: str, key: str, at: int) -> Iterator[Body]:
        with self._naming(sha256), self._objects.get(key, at) as body:
            yield body

    @contextmanager
    def _naming(self, sha256: str) -> Iterator[None]:
        try:
            yield
        except NotFound as error:
            if "bucket" in error.details:
                raise
            missing = no_blob(sha256, self.url)
        else:
            return
        raise missing

    def stat(self, sha256: str) -> BlobInfo | None:
        """Describe a blob; None if it is not there."""
        found = self._head(self._key(sha256))
        if found is None:
            return None
        return BlobInfo(sha256=sha256, size=found.size, modified_at=found.modified_at)

    def stat_all(self, sha256s: Iterable[str]) -> dict[str, BlobInfo]:
        """Describe those that are there of some blobs, with a request for each."""
        return {info.sha256: info for info in in_parallel(self.stat, sha256s) if info is not None}

    def list(self) -> Iterator[BlobInfo]:
        """Yield every blob, by name."""
        root = self._objects.root.key
        for found in self._objects.list(root + FOLDER):
            sha256 = sha256_of_key(found.key.removeprefix(root))
            if sha256 is not None:
                yield BlobInfo(sha256=sha256, size=found.size, modified_at=found.modified_at)

    def delete(self, sha256: str) -> None:
        """Remove a blob; a missing one is no error.

        In a versioned bucket the bytes stay as a noncurrent version, for as long as its rules say.
        """
        key = self._key(sha256)
        retried(lambda: self._objects.delete(key))

    def delete_unheld(self, sha256: str) -> str:
        """Remove a blob that nothing holds; return what keeps it, empty if it is removed or missing."""
        key = self._key(sha256)
        why = retried(lambda: self._objects.kept_by(key))
        if why:
            return why
        try:
            self.delete(sha256)
        except AccessDenied as error:
            if not error.details.get("held"):
                raise
            return error.found or error.problem
        return ""

    def path(self, sha256: str) -> Path | None:
        """There is none."""
        self._key(sha256)
        return None

    def label(self) -> bytes | None:
        """Return what the store says of itself; None if nobody has labelled it."""

        def read() -> bytes:
            with self._objects.get(self._objects.root.key + LABEL, 0) as body:
                return b"".join(body)

        try:
            return retried(read)
        except NotFound as error:
            if "bucket" in error.details:
                raise
            return None

    def set_label(self, data: bytes, *, new: bool) -> None:
        """Label the store; with `new`, a label that is there already stays."""
        key = self._objects.root.key + LABEL
        try:
            retried(lambda: self._objects.put(key, data, new=new))
        except ObjectChanged:
            if not new:
                raise
        except InvalidInput as error:
            if not (new and error.details.get("unsupported")):
                raise
            retried(lambda: self._objects.put(key, data))

    def _key(self, sha256: str) -> str:
        return self._objects.root.key + blob_key(sha256)


def _is_whole(found: Stored, source: Path, size: int) -> bool:
    return found.size == size and (found.md5 is None or found.md5 in md5s(source, size))
