"""An HTTP server that answers per path as a test scripts it, rightly or wrongly."""

import contextlib
import hashlib
import re
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Literal

from kit.servers.exchange import Request
from kit.servers.loopback import LoopbackHandler, LoopbackServer, chunked, serving

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")

Etag = Literal["strong", "weak", "fresh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one path answers."""

    body: bytes = b""
    etag: str | None = "strong"
    """`"strong"` and `"weak"` are computed from the body, `"fresh"` is another one in each reply;
    anything else is sent as it is, and so stays when the body changes; `None` sends none."""
    modified: float | None = None
    """Last-Modified in seconds since the epoch; `None` sends none."""
    head: int = 200
    """The status of HEAD where it is not that of GET: 405, 403, ..."""
    ranges: bool = True
    """Whether Range is honoured; else the whole body comes with 200."""
    conditions: bool = True
    """Whether If-Match and If-None-Match are honoured."""
    length: bool = True
    """Whether Content-Length is sent; else the body is chunked."""
    statuses: tuple[int, ...] = ()
    """Statuses of the first answers, one each, before the page itself."""
    location: str | None = None
    """Redirect there with 302."""
    headers: dict[str, str] = field(default_factory=dict)
    """More headers; they win over the computed ones."""
    delay_s: float = 0
    query: dict[str, str] | None = None
    """Answers 403 unless these are among the query's parameters, as a signed URL's server does."""
    basic: str | None = None
    """Answers 401 unless the Authorization header is `Basic` and this."""


@dataclass(slots=True, kw_only=True)
class Scripted:
    """A running scripted server."""

    url: str
    requests: list[Request] = field(default_factory=list)
    _pages: dict[str, Page] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def put(self, path: str, body: bytes = b"", **page: object) -> str:
        """Script a path.

        Args:
            path: The path, percent-encoded, with the leading slash.
            body: The body of the page.
            page: The other fields of `Page`.

        Returns:
            The URL of the path.
        """
        with self._lock:
            self._pages[path] = Page(body=body, **page)  # type: ignore[arg-type]
        return self.url + path

    def change(self, path: str, **page: object) -> None:
        """Change some fields of a path's page."""
        with self._lock:
            self._pages[path] = replace(self._pages[path], **page)  # type: ignore[arg-type]

    def remove(self, path: str) -> None:
        """Answer 404 from now on."""
        with self._lock:
            del self._pages[path]

    def methods(self, path: str | None = None) -> list[str]:
        """List the methods of the requests so far, of one path or of all."""
        return [r.method for r in list(self.requests) if path in (None, r.path)]

    def _take(self, request: Request) -> tuple[Page, int | None]:
        """Record a request; answer its page and the status that its turn has, if it has one."""
        with self._lock:
            self.requests.append(request)
            page = self._pages.get(request.path)
            if page is None:
                return Page(etag=None), 404
            if page.statuses:
                self._pages[request.path] = replace(page, statuses=page.statuses[1:])
                return page, page.statuses[0]
            return page, None


@contextlib.contextmanager
def scripted(*, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """Run a scripted server; every path answers 404 until `put`.

    Args:
        tls: Speak HTTPS with this context's certificate.

    Yields:
        The running server.
    """
    script = Scripted(url="")
    server = LoopbackServer(type("BoundHandler", (_Handler,), {"script": script}), tls=tls)
    script.url = server.url
    with serving(server):
        yield script


class _Handler(LoopbackHandler):
    script: Scripted

    def respond(self) -> None:
        request = Request(
            method=self.command,
            target=self.target,
            headers=self.header_map(),
            body=self.read_body(),
            kind=self.command.lower(),
        )
        page, turn = self.script._take(request)
        time.sleep(page.delay_s)
        status, headers, body = _answer(page, request, turn)
        if page.length or status >= 300:
            headers.setdefault("Content-Length", str(len(body)))
        else:
            headers["Transfer-Encoding"] = "chunked"
        with contextlib.suppress(OSError):
            self.write_head(status, headers | page.headers)
            if request.method != "HEAD" and status not in (204, 304):
                self.wfile.write(chunked(body) if "Transfer-Encoding" in headers else body)


_Answer = tuple[int, dict[str, str], bytes]


def _answer(page: Page, request: Request, turn: int | None) -> _Answer:
    refusal = _refusal(page, request, turn)
    if refusal:
        headers = {"Location": page.location} if page.location and refusal == 302 else {}
        return refusal, headers, b"" if refusal == 302 else b"refused by the script\n"
    headers = _validators(page)
    if page.conditions and (failed := _precondition(request, headers.get("ETag"))):
        return failed, headers, b""
    return _content(page, request, headers)


def _refusal(page: Page, request: Request, turn: int | None) -> int | None:
    if turn is not None:
        return turn
    if page.basic and request.headers.get("authorization") != f"Basic {page.basic}":
        return 401
    if page.query and not page.query.items() <= request.query.items():
        return 403
    if page.location:
        return 302
    return page.head if request.method == "HEAD" and page.head != 200 else None


def _validators(page: Page) -> dict[str, str]:
    digest = hashlib.sha256(page.body).hexdigest()[:16]
    known = {"strong": f'"{digest}"', "weak": f'W/"{digest}"', "fresh": f'"{uuid.uuid4().hex}"'}
    etag = known.get(page.etag, page.etag) if page.etag else None
    headers = {"Accept-Ranges": "bytes" if page.ranges else "none"}
    if etag:
        headers["ETag"] = etag
    if page.modified is not None:
        headers["Last-Modified"] = formatdate(page.modified, usegmt=True)
    return headers


def _precondition(request: Request, etag: str | None) -> int | None:
    wanted, known = request.headers.get("if-match"), request.headers.get("if-none-match")
    if wanted and (wanted != etag or wanted.startswith("W/")):
        return 412
    return 304 if known and known == etag else None


def _content(page: Page, request: Request, headers: dict[str, str]) -> _Answer:
    asked = _RANGE.match(request.headers.get("range", ""))
    if not (asked and page.ranges):
        return 200, headers, page.body
    total = len(page.body)
    first, last = int(asked[1]), min(int(asked[2] or total - 1), total - 1)
    if first >= total:
        return 416, headers | {"Content-Range": f"bytes */{total}"}, b""
    headers |= {"Content-Range": f"bytes {first}-{last}/{total}"}
    return 206, headers, page.body[first : last + 1]
