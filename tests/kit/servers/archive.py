"""An S3 server of versioned objects in archives, as AWS documents them: restores begin, take their time, and end.

Written from the API reference of RestoreObject and HeadObject and the user guide's *Restoring an archived object*; it
is strict where AWS is: tiers, days, states.  Time passes when a test says so.
"""

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import md5
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from kit.servers.loopback import LoopbackHandler, LoopbackServer, serving

ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
TIERED = "INTELLIGENT_TIERING"
PAGE = 1000
_DAY = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Stored:
    """One version of an object."""

    key: str
    version_id: str
    body: bytes
    storage_class: str = "STANDARD"
    access: str = ""
    """Of a tiered object: the archive tier it has sunk to."""
    restoring: bool = False
    until: datetime | None = None
    days: int | None = None

    @property
    def is_archived(self) -> bool:
        return (self.storage_class in ARCHIVES and self.until is None) or bool(self.access)

    @property
    def etag(self) -> str:
        return md5(self.body, usedforsecurity=False).hexdigest()

    @property
    def restore(self) -> str:
        """The header `x-amz-restore`."""
        if self.restoring:
            return 'ongoing-request="true"'
        if self.until is None:
            return ""
        return f'ongoing-request="false", expiry-date="{format_datetime(self.until, usegmt=True)}"'


@dataclass(slots=True)
class ArchiveServer:
    """A running server with one bucket, named ``bucket``."""

    url: str
    tells_restores: bool = True
    """Whether lists carry `RestoreStatus` where that is asked for."""
    denied: set[str] = field(default_factory=set)
    """Operations that answer 403."""
    counts: Counter[str] = field(default_factory=Counter)
    """Requests by operation."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """What RestoreObject was sent, of objects that are there."""
    objects: dict[str, list[Stored]] = field(default_factory=dict)
    """Versions by key, newest first."""
    replies: list[tuple[int, str]] = field(default_factory=list)
    """What the next requests of RestoreObject get, instead of an answer."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: str, body: bytes, storage_class: str = "STANDARD", access: str = "") -> str:
        """Write a version of an object and return its id."""
        versions = self.objects.setdefault(key, [])
        made = Stored(
            key=key,
            version_id=f"v{len(versions)}",
            body=body,
            storage_class=storage_class,
            access=access,
        )
        versions.insert(0, made)
        return made.version_id

    def archive(self, key: str, storage_class: str = "GLACIER") -> None:
        """Move all versions of an object to an archive, as a lifecycle rule does."""
        for version in self.objects[key]:
            version.storage_class = storage_class

    def finish(self) -> None:
        """Let the time pass that the restores take."""
        for version in self.versions():
            if version.restoring:
                version.restoring = False
                version.access = ""
                if version.days is not None:
                    version.until = _DAY + timedelta(days=version.days)

    def versions(self) -> list[Stored]:
        return [version for key in sorted(self.objects) for version in self.objects[key]]

    def find(self, key: str, version_id: str | None) -> Stored | None:
        found = self.objects.get(key, [])
        return next((v for v in found if version_id in {None, v.version_id}), None)


@contextlib.contextmanager
def archive_server(*, tells_restores: bool = True) -> Iterator[ArchiveServer]:
    """Run one on loopback; it is a forward proxy too, which answers for Amazon."""

    class Handler(_Handler):
        pass

    running = LoopbackServer(Handler)
    Handler.server_state = ArchiveServer(running.url, tells_restores)
    with serving(running):
        yield Handler.server_state


class _Handler(LoopbackHandler):
    server_state: ClassVar[ArchiveServer]

    def respond(self) -> None:
        body = self.read_body()
        target = re.sub(r"^https?://[^/]+", "", self.target)
        path, _, query = target.partition("?")
        given = {
            name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()
        }
        _, _, key = unquote(path).lstrip("/").partition("/")
        operation = _operation(self.command, key, given)
        state = self.server_state
        with state.lock:
            state.counts[operation] += 1
            if operation in state.denied:
                self.refuse(403, "AccessDenied")
                return
            getattr(self, f"on_{operation}")(key, given, body)

    def refuse(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>as the documents say</Message></Error>"
        self.answer(text, status=status)

    def answer(
        self, text: str, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        body = b"" if self.command == "HEAD" else text.encode()
        self.write_head(status, {"Content-Length": str(len(body)), **(headers or {})})
        self.wfile.write(body)

    def on_GetBucketVersioning(self, *_: Any) -> None:  # noqa: N802
        self.answer("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")

    def on_ListObjectVersions(self, _: str, given: dict[str, str], __: bytes) -> None:  # noqa: N802
        rows = [
            (version, number == 0)
            for key in sorted(self.server_state.objects)
            for number, version in enumerate(self.server_state.objects[key])
            if key.startswith(given.get("prefix", ""))
            and (
                key > given.get("key-marker", "")
                or (
                    key == given.get("key-marker")
                    and version.version_id < given.get("version-id-marker", "")
                )
            )
        ]
        page, more = rows[:PAGE], len(rows) > PAGE
        told = "".join(self.row(version, is_latest) for version, is_latest in page)
        ends = ""
        if more:
            last = page[-1][0]
            ends = (
                f"<NextKeyMarker>{quote(last.key)}</NextKeyMarker>"
                f"<NextVersionIdMarker>{last.version_id}</NextVersionIdMarker>"
            )
        self.answer(
            f"<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}"
            f"</IsTruncated>{ends}{told}</ListVersionsResult>"
        )

    def row(self, version: Stored, is_latest: bool) -> str:
        status, wanted = "", self.header_map().get("x-amz-optional-object-attributes")
        if wanted and self.server_state.tells_restores and version.restore:
            status = f"<IsRestoreInProgress>{str(version.restoring).lower()}</IsRestoreInProgress>"
            if version.until:
                status += (
                    f"<RestoreExpiryDate>{version.until:%Y-%m-%dT%H:%M:%SZ}</RestoreExpiryDate>"
                )
            status = f"<RestoreStatus>{status}</RestoreStatus>"
        return (
            f"<Version><Key>{escape(quote(version.key))}</Key><VersionId>{version.version_id}</VersionId>"
            f"<IsLatest>{str(is_latest).lower()}</IsLatest><LastModified>2026-10-01T00:00:00.000Z</LastModified>"
            f'<ETag>"{version.etag}"</ETag><Size>{len(version.body)}</Size>'
            f"<StorageClass>{version.storage_class}</StorageClass>{status}</Version>"
        )

    def on_HeadObject(self, key: str, given: dict[str, str], _: bytes) -> None:  # noqa: N802
        version = self.server_state.find(key, given.get("versionId"))
        if version is None:
            self.refuse(404, "NoSuchKey")
            return
        self.write_head(200, _headers(version))

    def on_GetObject(self, key: str, given: dict[str, str], _: bytes) -> None:  # noqa: N802
        version = self.server_state.find(key, given.get("versionId"))
        if version is None:
            self.refuse(404, "NoSuchKey")
        elif version.is_archived:
            self.refuse(403, "InvalidObjectState")
        else:
            self.write_head(200, _headers(version))
            self.wfile.write(version.body)

    def on_RestoreObject(self, key: str, given: dict[str, str], body: bytes) -> None:  # noqa: N802
        state = self.server_state
        version = state.find(key, given.get("versionId"))
        if version is None:
            self.refuse(404, "NoSuchKey")
            return
        if state.replies:
            self.refuse(*state.replies.pop(0))
            return
        request = _request(body)
        days, tier = request.get("Days"), request.get("Tier")
        state.asked.append({"key": key, "version_id": given.get("versionId"), **request})
        if version.storage_class not in ARCHIVES and not version.access:
            self.refuse(403, "InvalidObjectState")
        elif (days is None) != bool(version.access):
            self.refuse(400, "MalformedXML")
        elif tier == "Expedited" and "DEEP_ARCHIVE" in {version.storage_class, version.access}:
            self.refuse(400, "InvalidArgument")
        elif version.restoring:
            self.refuse(409, "RestoreAlreadyInProgress")
        elif version.until is not None:
            version.until = _DAY + timedelta(days=int(days or 0))
            self.answer("", status=200)
        else:
            version.restoring = True
            version.days = None if days is None else int(days)
            self.answer("", status=202)


def _operation(method: str, key: str, given: dict[str, str]) -> str:
    if not key:
        return "GetBucketVersioning" if "versioning" in given else "ListObjectVersions"
    if method == "POST" and "restore" in given:
        return "RestoreObject"
    return {"HEAD": "HeadObject", "GET": "GetObject"}[method]


def _request(body: bytes) -> dict[str, str]:
    found = {
        element.tag.rpartition("}")[2]: element.text or "" for element in ET.fromstring(body).iter()
    }
    return {name: found[name] for name in ("Days", "Tier") if name in found}


def _headers(version: Stored) -> dict[str, str]:
    headers = {
        "Content-Length": str(len(version.body)),
        "ETag": f'"{version.etag}"',
        "Last-Modified": "Thu, 01 Oct 2026 00:00:00 GMT",
        "x-amz-version-id": version.version_id,
        "x-amz-storage-class": version.storage_class,
        "x-amz-restore": version.restore,
        "x-amz-archive-status": f"{version.access}_ACCESS" if version.access else "",
    }
    return {name: value for name, value in headers.items() if value}
