"""A synthetic endpoint on loopback with small objects that can be read, from a process of its own.

It lists and answers as S3 does; the same objects are read as those of a web server at the same paths, and as media of
Cloud Storage's JSON API.

The bucket is versioned; of each object there is one version, whose bytes are its number many times.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import re
import signal
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

BUCKET = "bench"
_GCS = f"/download/storage/v1/b/{BUCKET}/o/"
_RANGE = re.compile(rb"range: bytes=(\d+)-(\d*)", re.IGNORECASE)
_MOMENT = "Fri, 01 May 2026 00:00:00 GMT"


def key_of(number: int) -> str:
    """Return a key; keys sort as their numbers do."""
    return f"data/{number // 500:05}/part-{number:08}.bin"


def body_of(number: int, size: int) -> bytes:
    """Return an object's bytes."""
    text = b"%d," % number
    return (text * (size // len(text) + 1))[:size]


class _Answers:
    def __init__(self, count: int, size: int, latency_s: float) -> None:
        self._size = size
        self._latency_s = latency_s
        self._objects = {}
        for number in range(count):
            body = body_of(number, size)
            etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
            self._objects[f"/{BUCKET}/{key_of(number)}"] = (body, etag)
        self._keys = list(self._objects)

    def serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        with contextlib.suppress(OSError), connection:
            while True:
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, data = data.partition(b"\r\n\r\n")
                time.sleep(self._latency_s)
                connection.sendall(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
        url = urlsplit(target)
        query = parse_qs(url.query, keep_blank_values=True)
        path = url.path
        if path.startswith(_GCS):
            path = f"/{BUCKET}/{unquote(path.removeprefix(_GCS))}"
        if path in self._objects:
            return self._object(method, path, head)
        if "versioning" in query:
            return _reply(
                "200 OK",
                b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            )
        return _reply("200 OK", self._page(query))

    def _object(self, method: str, path: str, head: bytes) -> bytes:
        body, etag = self._objects[path]
        more = f'ETag: "{etag}"\r\nx-amz-version-id: v{etag}\r\nLast-Modified: {_MOMENT}\r\nAccept-Ranges: bytes\r\n'
        md5 = b64encode(bytes.fromhex(etag)).decode()
        more += f"x-goog-generation: 1\r\nx-goog-hash: md5={md5}\r\nx-goog-stored-content-length: {len(body)}\r\n"
        found = _RANGE.search(head)
        if found is None:
            return _reply("200 OK", body, more, is_head=method == "HEAD")
        start, end = int(found[1]), min(int(found[2] or len(body)), len(body) - 1)
        more += f"Content-Range: bytes {start}-{end}/{len(body)}\r\n"
        return _reply("206 Partial Content", body[start : end + 1], more)

    def _page(self, query: dict[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        marker = query.get("key-marker", [""])[0]
        size = int(query.get("max-keys", ["1000"])[0])
        keys = [path[len(BUCKET) + 2 :] for path in self._keys]
        keys = [key for key in keys if key.startswith(prefix) and key > marker]
        rows = []
        for key in keys[:size]:
            etag = self._objects[f"/{BUCKET}/{key}"][1]
            rows.append(
                f"<Version><Key>{key}</Key><VersionId>v{etag}</VersionId><IsLatest>true</IsLatest>"
                f"<LastModified>2026-05-01T00:00:00.000Z</LastModified><ETag>&quot;{etag}&quot;</ETag>"
                f"<Size>{self._size}</Size><StorageClass>STANDARD</StorageClass></Version>"
            )
        is_cut = len(keys) > size
        markers = ""
        if is_cut:
            markers = f"<NextKeyMarker>{keys[size - 1]}</NextKeyMarker>"
            markers += "<NextVersionIdMarker>x</NextVersionIdMarker>"
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{prefix}</Prefix><KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker>"
            f"{markers}<MaxKeys>{size}</MaxKeys><EncodingType>url</EncodingType>"
            f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>{''.join(rows)}</ListVersionsResult>"
        ).encode()


def _reply(status: str, body: bytes, more: str = "", *, is_head: bool = False) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
    return head if is_head else head + body


@contextlib.contextmanager
def serving(count: int, *, size: int = 1000, latency_s: float = 0.0) -> Iterator[dict[str, str]]:
    """Serve ``s3://bench/data/``; give the environment that clients need for it."""
    context = multiprocessing.get_context("fork")
    with socket.create_server(("127.0.0.1", 0), backlog=512) as at:
        process = context.Process(target=_work, args=(at, count, size, latency_s), daemon=True)
        process.start()
        try:
            yield {
                "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{at.getsockname()[1]}",
                "AWS_ACCESS_KEY_ID": "AKIDBENCH",
                "AWS_SECRET_ACCESS_KEY": "bench",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        finally:
            process.terminate()
            process.join()


def _work(at: socket.socket, count: int, size: int, latency_s: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _Answers(count, size, latency_s)
    while True:
        connection, _ = at.accept()
        threading.Thread(target=answers.serve, args=(connection,), daemon=True).start()
