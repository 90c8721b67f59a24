"""Raw: the recorded bytes of a file, whole or a range of them, and nothing that no manifest names.

They are read by the pins of the version, as a download reads them, chunk by chunk: at most one chunk is held,
and when who asked goes away the source is left. Whatever they are, a browser is told to run nothing of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from landfast.download.ranges import PinnedBytes
from landfast.errors import LandfastError, LimitExceeded
from landfast.model.manifest import ManifestEntry
from landfast.pins.sets import PinSets
from landfast.redaction import redact, visible
from landfast.web.http_range import Unsatisfiable, asked_range
from landfast.web.preview.kinds import HEAD_BYTES, OCTETS, Kind, by_extension, kind_of
from landfast.web.query import Query
from landfast.web.security import PREVIEW_POLICY
from landfast.web.view import Site

logger = logging.getLogger(__name__)

# The largest file that is brought whole for the sake of a part of it; a download brings any.
MOST_WHOLE = 64 << 20
_MOST_NAME = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks for.

    Args:
        source: The pinned bytes.
        kind: What they are sent as.
        is_download: Whether they are to be saved, not shown.
    """

    source: PinnedBytes
    kind: Kind
    is_download: bool

    @property
    def entry(self) -> ManifestEntry:
        """What was recorded."""
        return self.source.entry

    @property
    def etag(self) -> str:
        """Of the recorded content, wherever it lies: it never changes."""
        token = self.entry.checksum
        is_content = token is not None and token.is_content_token
        facts = (token, self.entry.size) if is_content else (self.entry.identity, self.entry.pins)
        return '"' + hashlib.sha256(repr(facts).encode()).hexdigest()[:32] + '"'

    def headers(self) -> dict[str, str]:
        """Return the headers of every reply."""
        is_shown = self.kind.is_embedded and not self.is_download
        return {
            "content-type": self.kind.media_type if is_shown else OCTETS,
            "content-disposition": disposition(self.entry.path, is_saved=not is_shown),
            "content-security-policy": PREVIEW_POLICY,
            "accept-ranges": "bytes" if self.entry.size is not None else "none",
            "etag": self.etag,
        }


def asked_for(site: Site, query: Query) -> Asked:
    """Find what a request asks for; of a file whose name does not tell what it is, the first bytes are read.

    Raises:
        NotFound: If no manifest of the version names the path.
        LimitExceeded: If the file is larger than what is shown of its kind.
        LandfastError: If it cannot be read.
    """
    is_download = query.choice("download", "", "1") == "1"
    context = site.client.context
    record = site.client.registry.get(query.version(), deleted=True)
    sets = context.pinned_manifests(record)
    entry = sets[0][0].get(query.path("path"))
    source = PinnedBytes(
        PinSets(sets, context.quick_stores),
        entry,
        cache=context.cache,
        most_whole=None if is_download else MOST_WHOLE,
    )
    kind = by_extension(entry.path) or Kind(name="bytes")
    if by_extension(entry.path) is None and not is_download and entry.size != 0:
        head = source.read(0, HEAD_BYTES)
        kind = kind_of(entry.path, head, is_whole=len(head) == entry.size)
    if not is_download and kind.most is not None and (entry.size or 0) > kind.most:
        raise LimitExceeded(
            f"{entry.path!r} is too large to be shown",
            subject=entry.path,
            expected=f"at most {kind.most:,} bytes",
            found=f"{entry.size:,} bytes",
            hint="Download it: downloads have no limit.",
        )
    return Asked(source=source, kind=kind, is_download=is_download)


async def answer(site: Site, request: Request) -> Response:
    """Answer a request for bytes.

    Raises:
        LandfastError: If they cannot be had.
    """
    given = dict(request.query_params) | request.path_params
    asked = await run_in_threadpool(asked_for, site, Query(given))
    size, headers = asked.entry.size, asked.headers()
    if asked.etag in _listed(request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    part = None
    if size is not None and request.headers.get("if-range") in {None, asked.etag}:
        try:
            part = asked_range(request.headers.get("range"), size)
        except Unsatisfiable:
            return Response(status_code=416, headers=headers | {"content-range": f"bytes */{size}"})
    start, end = part or (0, size)
    if end is not None:
        headers["content-length"] = str(end - start)
    if part is not None:
        headers["content-range"] = f"bytes {start}-{(end or 0) - 1}/{size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    chunks = asked.source.chunks(start, end)
    # What cannot be had is said by a status, so the first chunk comes before the headers go.
    first = await run_in_threadpool(next, chunks, b"")
    return Stream(first, chunks, status=status, headers=headers)


class Stream(Response):
    """A body that is read while it is sent, and left when nobody takes it any more.

    Args:
        first: The first chunk.
        chunks: All others; closed in any case.
        status: Of the reply.
        headers: Of the reply.
    """

    def __init__(
        self,
        first: bytes,
        chunks: Generator[bytes, None, None],
        *,
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(status_code=status)
        self.raw_headers = [
            (name.encode(), value.encode("latin-1")) for name, value in headers.items()
        ]
        self._length = int(headers.get("content-length", 0))
        self._first = first
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it; what breaks off is not ended, so that whoever reads notices."""
        start = {"status": self.status_code, "headers": self.raw_headers}
        try:
            await send({"type": "http.response.start", **start})
            chunk: bytes | None = self._first
            left = self._length
            while chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                left -= len(chunk)
                chunk = await run_in_threadpool(next, self._chunks, None)
            if left <= 0:
                await send({"type": "http.response.body", "body": b""})
        except LandfastError as error:
            logger.warning("%s: %s", visible(scope["path"]), redact(str(error)))
        except OSError:
            logger.debug("%s: the browser no longer reads the bytes", visible(scope["path"]))
        finally:
            with contextlib.suppress(LandfastError, OSError):
                self._chunks.close()


def disposition(path: str, *, is_saved: bool) -> str:
    r"""Return a ``Content-Disposition`` whose name is one of a file, whatever the path is (RFC 6266).

    Example:
        >>> print(disposition("a/b:\n.txt", is_saved=True))
        attachment; filename="b_.txt"; filename*=UTF-8''b_.txt
    """
    name = re.sub(r'[/\\:*?"<>|]|%(?=[0-9A-Fa-f]{2})', "_", path.rstrip("/").rpartition("/")[2])
    name = re.sub(r"_{2,}", "_", "".join(c if c.isprintable() else "_" for c in name)).strip(". ")
    name = _shortened(name) or "file"
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    how = "attachment" if is_saved else "inline"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _shortened(name: str) -> str:
    """Cut a name that no file may have, but not its extension."""
    if len(name) <= _MOST_NAME:
        return name
    suffix = PurePosixPath(name).suffix[:20]
    return name[: _MOST_NAME - len(suffix)] + suffix


def _listed(header: str | None) -> set[str]:
    return {mark.strip().removeprefix("W/") for mark in (header or "").split(",")}
