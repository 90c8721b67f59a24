"""GcsBlobStore: blobs in a bucket of Google Cloud Storage."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from landfast.blobs.bucket import BucketBlobStore, Stored
from landfast.blobs.parts import root_of
from landfast.blobs.retried import retried
from landfast.clouds.bodies import gcs_extent, gcs_media
from landfast.clouds.gcs_client import GcsConnection, GcsOptions, make_client, object_path
from landfast.clouds.gcs_errors import Asked, reading
from landfast.clouds.gcs_get import MediaReply
from landfast.clouds.per_process import PerProcess
from landfast.errors import LandfastError, NotFound, Unavailable
from landfast.model.location import Location
from landfast.stores.base import ClientFactory

if TYPE_CHECKING:
    from requests import Response

_API = "/storage/v1"
_UPLOAD = "/upload/storage/v1"
_FIELDS = "name,size,updated,md5Hash"
_OCTETS = "application/octet-stream"
_CANCELLED = frozenset({204, 404, 499})
_KEPT = re.compile(r"bytes=0-(\d+)")


class GcsBlobStore(BucketBlobStore):
    """Blobs below ``gs://BUCKET/PREFIX``; `client_factory` makes a `google.cloud.storage.Client`, once in each process.

    Raises:
        InvalidInput: If the URL names no bucket, or one of `GcsOptions` is unknown.

    Example:
        >>> GcsBlobStore("gs://bucket/landfast/").url
        'gs://bucket/landfast'
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        *,
        client_factory: ClientFactory | None = None,
    ) -> None:
        super().__init__(GcsObjects(root_of(url, "gs"), GcsOptions.of(options), client_factory))


class GcsObjects:
    """The requests of the JSON API; see `landfast.blobs.bucket.Objects`."""

    def __init__(self, root: Location, options: GcsOptions, factory: ClientFactory | None) -> None:
        self._root, self._options, self._factory = root, options, factory
        self._connection = PerProcess(self._connect)

    def _connect(self) -> GcsConnection:
        client = make_client(self._options, self._factory)
        return GcsConnection(client, self._options)

    @property
    def root(self) -> Location:
        """The bucket and the prefix."""
        return self._root

    def head(self, key: str) -> Stored:
        """Describe an object."""
        asked = self._asked(key, "described", "storage.objects.get")
        reply = self._send(asked, "GET", self._object(key), {"fields": _FIELDS})
        return reading(asked, lambda: _stored(reply.json()))

    @contextmanager
    def get(self, key: str, start: int) -> Iterator[GcsBody]:
        """Open an object from an offset on."""
        asked = self._asked(key, "read", "storage.objects.get")
        path = "/download" + self._object(key)
        headers = {"Accept-Encoding": "gzip"} | ({"Range": f"bytes={start}-"} if start else {})
        connection: GcsConnection = self._connection()
        with connection.media(asked, path, {"alt": "media"}, headers) as reply:
            yield GcsBody(reply, start, asked)

    def put(self, key: str, data: bytes, *, new: bool = False) -> None:
        """Write an object; the server compares the MD5 before the object appears."""
        boundary = uuid.uuid4().hex
        described = json.dumps({"name": key, "contentType": _OCTETS, "md5Hash": _md5(data)})
        body = b"".join(
            (
                f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode(),
                described.encode(),
                f"\r\n--{boundary}\r\nContent-Type: {_OCTETS}\r\n\r\n".encode(),
                data,
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )
        asked = self._asked(key, "written", "storage.objects.create")
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        kind = {"uploadType": "multipart", "fields": "name"}
        kind |= {"ifGenerationMatch": "0"} if new else {}
        self._send(asked, "POST", self._uploads(), kind, headers=headers, data=body)

    def put_parts(self, key: str, size: int, parts: Iterator[bytes]) -> None:
        """Write an object as a resumable upload, one part in memory at a time."""
        asked = self._asked(key, "written", "storage.objects.create")
        session = retried(lambda: self._begin(asked, key, size))
        try:
            at = 0
            for data in parts:
                retried(partial(_Part(self, asked, session, data, at, size).send))
                at += len(data)
        except BaseException:
            with suppress(LandfastError):
                self._send(asked, "DELETE", session, {}, also=_CANCELLED)
            raise

    def _begin(self, asked: Asked, key: str, size: int) -> str:
        kind = {"uploadType": "resumable", "fields": "name"}
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "X-Upload-Content-Type": _OCTETS,
            "X-Upload-Content-Length": str(size),
        }
        data = json.dumps({"name": key, "contentType": _OCTETS}).encode()
        reply = self._send(asked, "POST", self._uploads(), kind, headers=headers, data=data)
        return reading(asked, lambda: str(reply.headers["location"]))

    def refresh(self, key: str, size: int) -> bool:  # noqa: ARG002
        """Touch an object's metadata, which moves the time of its last update."""
        asked = self._asked(key, "refreshed", "storage.objects.update")
        touched = {"metadata": {"landfast-used": datetime.now(UTC).isoformat()}}
        self._send(
            asked,
            "PATCH",
            self._object(key),
            {"fields": "name"},
            headers={"Content-Type": "application/json"},
            data=json.dumps(touched).encode(),
        )
        return True

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield every object below a prefix."""
        asked = self._asked(prefix, "listed", "storage.objects.list")
        path = f"{_API}/b/{self._root.authority}/o"
        parameters = {"prefix": prefix, "fields": f"items({_FIELDS}),nextPageToken"}
        while True:
            reply = retried(partial(self._send, asked, "GET", path, dict(parameters)))
            body = reading(asked, reply.json)
            yield from reading(asked, partial(_all_stored, body))
            token = body.get("nextPageToken")
            if not token:
                return
            if token == parameters.get("pageToken"):
                raise Unavailable(
                    f"the server's list of {self._root.uri} has no end",
                    subject=self._root.uri,
                    expected="a way on to the next page",
                    found="the same page again",
                )
            parameters["pageToken"] = token

    def delete(self, key: str) -> None:
        """Delete an object."""
        asked = self._asked(key, "deleted", "storage.objects.delete")
        try:
            self._send(asked, "DELETE", self._object(key), {})
        except NotFound as error:
            if "bucket" in error.details:
                raise

    def kept_by(self, key: str) -> str:  # noqa: ARG002
        """Say nothing: Cloud Storage refuses to delete what is held."""
        return ""

    def _send(
        self, asked: Asked, method: str, path: str, parameters: Mapping[str, str], **more: Any
    ) -> Response:
        connection: GcsConnection = self._connection()
        return connection.send(asked, method, path, parameters, **more)

    def _object(self, key: str) -> str:
        return _API + object_path(self._root.authority, key)

    def _uploads(self) -> str:
        return f"{_UPLOAD}/b/{self._root.authority}/o"

    def _asked(self, key: str, verb: str, permission: str) -> Asked:
        where = Location(scheme="gs", authority=self._root.authority, key=key)
        return Asked.of(where, verb, permission)


class _Part:
    """One part of a resumable upload; sent again, it asks first how much has come."""

    def __init__(
        self, objects: GcsObjects, asked: Asked, session: str, data: bytes, at: int, size: int
    ) -> None:
        self._objects, self._asked, self._session = objects, asked, session
        self._data, self._at, self._size = data, at, size
        self._tried = False

    def send(self) -> None:
        """Send what the server does not have of this part."""
        end = self._at + len(self._data)
        come = self._come() if self._tried else self._at
        while come < end:
            self._tried = True
            rest = self._data[come - self._at :]
            span = f"bytes {come}-{end - 1}/{self._size}"
            following = self._put(rest, span)
            if following <= come:
                raise self._stuck(come)
            come = following

    def _come(self) -> int:
        come = self._put(b"", f"bytes */{self._size}")
        if come < self._at:
            raise self._stuck(come)
        return come

    def _put(self, data: bytes, span: str) -> int:
        reply = self._objects._send(
            self._asked,
            "PUT",
            self._session,
            {},
            headers={"Content-Range": span},
            data=data,
            also=frozenset({308}),
        )
        if reply.status_code != 308:
            return self._size
        kept = _KEPT.fullmatch(reply.headers.get("range", ""))
        return int(kept[1]) + 1 if kept else 0

    def _stuck(self, come: int) -> Unavailable:
        return Unavailable(
            f"the upload of {self._asked.name} does not go on",
            subject=self._asked.name,
            expected=f"more than {self._at} bytes kept",
            found=f"{come}",
        )


class GcsBody:
    """An open reply with the bytes of an object."""

    def __init__(self, reply: MediaReply, start: int, asked: Asked) -> None:
        self._reply, self._asked = reply, asked
        # Blobs are never packed: the reply's own length tells one that is whole from another.
        self.start, self.size = gcs_extent(reply, start, lengths=("content-length",))

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB; nothing where the offset is behind the end."""
        return gcs_media(self._reply, self._asked, self.start, self.size)


def _all_stored(body: dict[str, Any]) -> list[Stored]:
    return [_stored(item) for item in body.get("items", ())]


def _stored(item: dict[str, Any]) -> Stored:
    modified_at = datetime.fromisoformat(item["updated"]).astimezone(UTC).replace(microsecond=0)
    told, size = item.get("md5Hash"), int(item.get("size", 0))
    md5 = base64.b64decode(told).hex() if told else None
    return Stored(key=item["name"], size=size, modified_at=modified_at, md5=md5)


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
