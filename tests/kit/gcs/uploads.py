"""The three upload protocols: simple media, multipart/related, and resumable sessions."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from kit.gcs.errors import ApiError, invalid
from kit.gcs.messages import json_body, reply
from kit.gcs.objects import StoredObject
from kit.gcs.preconditions import Preconditions
from kit.gcs.state import State
from kit.servers.exchange import Request, Response

_CHUNK = 256 * 1024
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(slots=True, kw_only=True)
class _Session:
    bucket: str
    name: str
    metadata: dict[str, Any]
    when: Preconditions
    data: bytearray = field(default_factory=bytearray)
    finished: StoredObject | None = None


class Uploads:
    """Stores what clients upload; keeps the sessions that are under way."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def simple(self, bucket: str, request: Request) -> StoredObject:
        """Store a body that is the object; its name is in the query."""
        metadata: dict[str, Any] = {"name": request.query.get("name")}
        if "content-type" in request.headers:
            metadata["contentType"] = request.headers["content-type"]
        return self._put(bucket, metadata, request, request.body)

    def multipart(self, bucket: str, request: Request) -> StoredObject:
        """Store the second part of the body, described by the JSON in the first."""
        (_, described), (headers, data) = _parts(request)
        metadata = {"contentType": headers.get("content-type"), **json.loads(described)}
        return self._put(bucket, metadata, request, data)

    def begin(self, bucket: str, request: Request, base_url: str) -> Response:
        """Open a resumable session and answer where to send the bytes."""
        metadata = json_body(request)
        metadata.setdefault("contentType", request.headers.get("x-upload-content-type"))
        session = _Session(
            bucket=bucket,
            name=_name(metadata, request),
            metadata=metadata,
            when=Preconditions.parse(request.query),
        )
        self._state.bucket(bucket)
        key = uuid.uuid4().hex
        with self._lock:
            self._sessions[key] = session
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={key}"
        return reply(headers={"location": base_url + path, "x-guploader-uploadid": key})

    def resume(self, request: Request) -> StoredObject | Response:
        """Take a chunk: 308 with what is kept so far, or the finished object."""
        session = self._session(request)
        with self._lock:
            if session.finished is not None:
                return session.finished
            if not self._append(session, request):
                return _incomplete(session)
            expected = _header_hashes(request.headers.get("x-goog-hash", ""))
            session.finished = self._state.put(
                session.bucket,
                session.name,
                bytes(session.data),
                {**session.metadata, **expected},
                when=session.when,
            )
            session.data.clear()
            return session.finished

    def cancel(self, request: Request) -> Response:
        """Forget a session; 499 is what GCS answers."""
        self._session(request)
        with self._lock:
            del self._sessions[request.query["upload_id"]]
        return reply(status=499)

    def _session(self, request: Request) -> _Session:
        session = self._sessions.get(request.query.get("upload_id", ""))
        if session is None:
            raise ApiError(404, "notFound", "Upload session not found.")
        return session

    @staticmethod
    def _append(session: _Session, request: Request) -> bool:
        """Keep the new bytes; True when these were the last."""
        header = request.headers.get("content-range", "bytes */*" if not request.body else "")
        if not header:
            session.data[:] = request.body
            return True
        parsed = _CONTENT_RANGE.fullmatch(header)
        if parsed is None:
            raise invalid(f"Failed to parse Content-Range header {header!r}.")
        first, _, total = parsed.groups()
        if first is not None:
            overlap = len(session.data) - int(first)
            if overlap < 0:
                raise ApiError(503, "backendError", "Bytes are missing before this chunk.")
            session.data += request.body[overlap:]
        if total == "*":
            del session.data[len(session.data) // _CHUNK * _CHUNK :]
            return False
        return len(session.data) == int(total)

    def _put(
        self, bucket: str, metadata: Mapping[str, Any], request: Request, data: bytes
    ) -> StoredObject:
        name = _name(metadata, request)
        return self._state.put(
            bucket, name, data, metadata, when=Preconditions.parse(request.query)
        )


def _name(metadata: Mapping[str, Any], request: Request) -> str:
    name = request.query.get("name") or metadata.get("name")
    if not name:
        raise ApiError(400, "required", "Required")
    return str(name)


def _incomplete(session: _Session) -> Response:
    kept = len(session.data)
    return reply(status=308, headers={"range": f"bytes=0-{kept - 1}"} if kept else {})


def _header_hashes(header: str) -> dict[str, str]:
    """Read `crc32c=...,md5=...`, the digests that a client sends with its last chunk."""
    pairs = (item.strip().split("=", 1) for item in header.split(",") if "=" in item)
    return {"md5Hash" if kind == "md5" else kind: value for kind, value in pairs}


def _parts(request: Request) -> list[tuple[dict[str, str], bytes]]:
    """Split a multipart/related body into (headers, bytes) of its two parts."""
    declared = Message()
    declared["Content-Type"] = request.headers.get("content-type", "")
    boundary = declared.get_param("boundary")
    if not isinstance(boundary, str):
        raise invalid("Missing multipart boundary.")
    pieces = (b"\r\n" + request.body).split(b"\r\n--" + boundary.encode())
    if len(pieces) != 4:
        raise invalid("Multipart body must have exactly two parts.")
    return [_part(piece) for piece in pieces[1:3]]


def _part(piece: bytes) -> tuple[dict[str, str], bytes]:
    head, _, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    lines = (line.partition(":") for line in head.decode().splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in lines}, data
