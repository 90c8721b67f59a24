"""S3BlobStore: blobs in a bucket of S3 or of what speaks its protocol."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from landfast.blobs.bucket import BucketBlobStore, Stored
from landfast.blobs.names import CHUNK_BYTES
from landfast.blobs.parts import root_of
from landfast.blobs.retried import retried
from landfast.clouds.bodies import to_the_end
from landfast.clouds.per_process import PerProcess
from landfast.clouds.s3_client import S3Options, make_client
from landfast.clouds.s3_errors import Asked, asking
from landfast.clouds.s3_replies import first_byte, total_size
from landfast.errors import LandfastError, NotFound, ObjectChanged, Unavailable
from landfast.model.location import Location
from landfast.model.times import format_time
from landfast.stores.base import ClientFactory

# CopyObject takes no more.
_MOST_COPIED = 5 * 1024**3
_MD5_ETAG = re.compile(r"[0-9a-f]{32}(-[0-9]+)?\Z")


class S3BlobStore(BucketBlobStore):
    """Blobs below ``s3://BUCKET/PREFIX``; `client_factory` makes a boto3 S3 client, once in each process.

    Raises:
        InvalidInput: If the URL names no bucket, or one of `S3Options` is unknown.

    Example:
        >>> S3BlobStore("s3://bucket/landfast/").url
        's3://bucket/landfast'
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        *,
        client_factory: ClientFactory | None = None,
    ) -> None:
        super().__init__(S3Objects(root_of(url, "s3"), S3Options.of(options), client_factory))


class S3Objects:
    """The requests of S3; see `landfast.blobs.bucket.Objects`."""

    def __init__(self, root: Location, options: S3Options, factory: ClientFactory | None) -> None:
        self._root, self._options = root, options
        self._client = PerProcess(partial(make_client, options, factory))
        self._has_versions = True

    @property
    def root(self) -> Location:
        """The bucket and the prefix."""
        return self._root

    def head(self, key: str) -> Stored:
        """Describe an object."""
        reply = self._send("head_object", key, "described", "s3:GetObject")
        found = _stored(key, reply["ContentLength"], reply["LastModified"])
        return replace(found, md5=_told_md5(reply))

    @contextmanager
    def get(self, key: str, start: int) -> Iterator[S3Body]:
        """Open an object from an offset on."""
        asked = self._asked(key, "read", "s3:GetObject")
        span = {"Range": f"bytes={start}-"} if start else {}
        try:
            reply = self._send("get_object", key, "read", "s3:GetObject", **span)
        except ObjectChanged:
            if not start:
                raise
            reply = {}  # the offset is behind the end
        if not reply:
            yield S3Body(None, start, None, asked)
            return
        try:
            yield S3Body(reply["Body"], first_byte(reply), total_size(reply), asked)
        finally:
            reply["Body"].close()

    def put(self, key: str, data: bytes, *, new: bool = False) -> None:
        """Write an object; the server compares the MD5 of what arrives."""
        condition = {"IfNoneMatch": "*"} if new else {}
        self._write("put_object", key, Body=data, ContentMD5=_md5(data), **condition)

    def put_parts(self, key: str, size: int, parts: Iterator[bytes]) -> None:  # noqa: ARG002
        """Write an object as a multipart upload, one part in memory at a time."""
        upload = retried(lambda: self._write("create_multipart_upload", key))["UploadId"]
        try:
            done = [self._put_part(key, upload, n, data) for n, data in enumerate(parts, 1)]
            self._complete(key, upload, done)
        except BaseException:
            with suppress(LandfastError):
                self._send(
                    "abort_multipart_upload",
                    key,
                    "aborted",
                    "s3:AbortMultipartUpload",
                    UploadId=upload,
                )
            raise

    def _put_part(self, key: str, upload: str, number: int, data: bytes) -> dict[str, Any]:
        part = {"UploadId": upload, "PartNumber": number}
        reply = retried(
            lambda: self._write("upload_part", key, **part, Body=data, ContentMD5=_md5(data))
        )
        return {"PartNumber": number, "ETag": reply["ETag"]}

    def _complete(self, key: str, upload: str, done: list[dict[str, Any]]) -> None:
        parts = {"UploadId": upload, "MultipartUpload": {"Parts": done}}
        try:
            retried(lambda: self._write("complete_multipart_upload", key, **parts))
        except NotFound:
            # The first try may have done it and its reply been lost: then the object is there.
            retried(lambda: self.head(key))

    def refresh(self, key: str, size: int) -> bool:
        """Copy an object onto itself; S3 copies up to 5 GiB."""
        if size > _MOST_COPIED:
            return False
        source = {"Bucket": self._root.authority, "Key": key}
        self._write("copy_object", key, CopySource=source, MetadataDirective="REPLACE")
        return True

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield every object below a prefix."""
        more: dict[str, str] = {}
        while True:
            page = retried(partial(self._list_page, prefix, more))
            for item in page.get("Contents", ()):
                yield _stored(item["Key"], item["Size"], item["LastModified"])
            if not page.get("IsTruncated"):
                return
            token = page.get("NextContinuationToken")
            if not token or token == more.get("ContinuationToken"):
                raise Unavailable(
                    f"the server's list of {self._root.uri} has no end",
                    subject=self._root.uri,
                    expected="a way on to the next page",
                    found="the same page again" if token else "none",
                )
            more = {"ContinuationToken": token}

    def _list_page(self, prefix: str, more: dict[str, str]) -> dict[str, Any]:
        asked = self._asked(prefix, "listed", "s3:ListBucket")
        send = self._client().list_objects_v2
        parameters = {"Bucket": self._root.authority, "Prefix": prefix, **more, **self._payer()}
        return asking(asked, lambda: send(**parameters))

    def delete(self, key: str) -> None:
        """Delete an object."""
        try:
            self._send("delete_object", key, "deleted", "s3:DeleteObject")
        except NotFound as error:
            if "bucket" in error.details:
                raise

    def kept_by(self, key: str) -> str:
        """Say what keeps an object: a delete puts a marker over it, also where Object Lock keeps the version."""
        if not self._has_versions:
            return ""
        try:
            found = self._send("head_object", key, "described", "s3:GetObject")
        except NotFound as error:
            if "bucket" in error.details:
                raise
            return ""
        # Object Lock needs versioning: where there is none, nobody has to be asked again.
        self._has_versions = found.get("VersionId") is not None
        return _lock_of(found)

    def _write(self, operation: str, key: str, **more: Any) -> dict[str, Any]:
        return self._send(operation, key, "written", "s3:PutObject", **more)

    def _send(
        self, operation: str, key: str, verb: str, permission: str, **more: Any
    ) -> dict[str, Any]:
        send = getattr(self._client(), operation)
        parameters = {"Bucket": self._root.authority, "Key": key, **more, **self._payer()}
        return asking(self._asked(key, verb, permission), lambda: send(**parameters))

    def _asked(self, key: str, verb: str, permission: str) -> Asked:
        where = Location(scheme="s3", authority=self._root.authority, key=key)
        return Asked(location=where, verb=verb, permission=permission)

    def _payer(self) -> dict[str, str]:
        return {"RequestPayer": "requester"} if self._options.requester_pays else {}


class S3Body:
    """An open reply of GetObject, or nothing where the offset is behind the end."""

    def __init__(self, stream: Any, start: int, size: int | None, asked: Asked) -> None:
        self.start = start
        self._stream, self.size, self._asked = stream, size, asked

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB."""
        if self._stream is None:
            return iter(())
        read = partial(self._stream.read, CHUNK_BYTES)
        return to_the_end(
            self._asked.name, lambda: asking(self._asked, read), self.start, self.size
        )


def _stored(key: str, size: int, modified: datetime) -> Stored:
    # Lists tell milliseconds where descriptions tell seconds.
    return Stored(key=key, size=size, modified_at=modified.astimezone(UTC).replace(microsecond=0))


def _lock_of(described: Mapping[str, Any]) -> str:
    """Return what of Object Lock keeps an object, as its description tells; ``""`` if nothing does."""
    if described.get("ObjectLockLegalHoldStatus") == "ON":
        return "a legal hold"
    if described.get("ObjectLockEventHold") == "ON":
        return "an event hold"
    until = described.get("ObjectLockRetainUntilDate")
    if until is not None and until > datetime.now(UTC):
        return f"a retention until {format_time(until)}"
    return ""


def _told_md5(reply: Mapping[str, Any]) -> str | None:
    """Return the ETag where it is made of MD5s: not with keys of KMS or of the customer."""
    if reply.get("SSEKMSKeyId") or reply.get("SSECustomerAlgorithm"):
        return None
    etag = str(reply.get("ETag", "")).strip('"')
    return etag if _MD5_ETAG.match(etag) else None


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
