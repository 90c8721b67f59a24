"""A loopback server that answers S3 list requests for N keys from memory, so that the client is what is measured."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = 1000
_ENTRY = (
    "<{tag}><Key>data/{key:08}</Key>{version}<LastModified>2026-05-03T08:15:30.000Z</LastModified>"
    "<ETag>&quot;{etag}&quot;</ETag><Size>{key}</Size><StorageClass>STANDARD</StorageClass></{tag}>"
)


@functools.cache
def page(count: int, start: int, *, versions: bool) -> bytes:
    """Render the page of keys `start`, `start` + 1, ... as the server sends it."""
    end = min(start + PAGE, count)
    tag = "Version" if versions else "Contents"
    rows = []
    for key in range(start, end):
        etag = hashlib.md5(b"%d" % key, usedforsecurity=False).hexdigest()
        version = f"<VersionId>v{key:030}</VersionId><IsLatest>true</IsLatest>" if versions else ""
        rows.append(_ENTRY.format(tag=tag, key=key, version=version, etag=etag))
    more = "true" if end < count else "false"
    if versions:
        following = f"<NextKeyMarker>data/{end - 1:08}</NextKeyMarker>"
        following += f"<NextVersionIdMarker>v{end - 1:030}</NextVersionIdMarker>"
    else:
        following = f"<NextContinuationToken>{end}</NextContinuationToken>"
    name = "ListVersionsResult" if versions else "ListBucketResult"
    head = f"<Name>bench</Name><Prefix>data/</Prefix><MaxKeys>{PAGE}</MaxKeys><EncodingType>url</EncodingType>"
    body = (
        f"{head}<IsTruncated>{more}</IsTruncated>{following if end < count else ''}{''.join(rows)}"
    )
    return f'<?xml version="1.0"?><{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{body}</{name}>'.encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if "versioning" in query:
            body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        elif "versions" in query:
            marker = query.get("key-marker", [""])[0]
            body = page(self.count, int(marker[5:]) + 1 if marker else 0, versions=True)
        else:
            body = page(self.count, int(query.get("continuation-token", ["0"])[0]), versions=False)
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def serving(count: int) -> Iterator[str]:
    """Serve `count` keys under ``s3://bench/data/``; yields the URL. The pages are rendered before."""
    for start in range(0, count, PAGE):
        page(count, start, versions=True)
        page(count, start, versions=False)
    handler = type("Handler", (_Handler,), {"count": count})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
