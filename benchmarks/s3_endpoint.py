"""A synthetic S3 endpoint on loopback: a versioned bucket of any size, served from memory by processes of its own.

    python benchmarks/s3_endpoint.py --entries 200000 [--latency 0.05] [--processes 2]

What it lists is the same in each run: keys in folders of 500, every second folder named as Hive names it
(`dt=2026-05-01/`), so that half of the keys hold characters that pages percent-encode; every 20th key has an older
version, every 100th is deleted. Whole pages are rendered before the first request and sent from a file, so that the
client is what is measured; a page that begins elsewhere is rendered when it is asked for.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import hashlib
import multiprocessing
import os
import re
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import SynchronizedArray
from typing import IO, NamedTuple
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

BUCKET = "bench"
PREFIX = "data/"
PAGE = 1000
_IN_FOLDER = 500
_OPERATIONS = ("list-versions", "list-objects", "versioning", "head")
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_OWNER = "<Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner>"


def key_of(number: int) -> str:
    """Return a key; keys sort as their numbers do."""
    folder = number // _IN_FOLDER
    day = f"dt=2026-{folder // 28 % 12 + 1:02}-{folder % 28 + 1:02}/" if folder % 2 else "plain/"
    return f"{PREFIX}{folder:06}/{day}part-{number:010}.parquet"


def first_after(key: str, marker: str | None) -> int:
    """Return the number of the first key behind `key`, or behind its version `marker`."""
    low = bisect.bisect_left(range(1 << 40), key, key=key_of)
    is_given = key_of(low) == key and marker is None
    return low + is_given


class Row(NamedTuple):
    """A version of an object, or its delete marker."""

    number: int
    older: bool
    deleted: bool

    @property
    def version_id(self) -> str:
        """The version's name, which says where it stands in the list."""
        return f"{self.number:012}{'b' if self.older else 'a'}.5xT8Rr1wzLmDMq9XmPzV"

    def version(self) -> str:
        """Return the row as a list of versions has it."""
        facts = (
            f"<Key>{_encoded(key_of(self.number))}</Key><VersionId>{self.version_id}</VersionId>"
        )
        facts += f"<IsLatest>{str(not self.older).lower()}</IsLatest>{self._moment()}"
        if self.deleted:
            return f"<DeleteMarker>{facts}{_OWNER}</DeleteMarker>"
        return f"<Version>{facts}{self._content()}{_OWNER}</Version>"

    def object(self) -> str:
        """Return the row as a list of objects has it."""
        key = _encoded(key_of(self.number))
        return f"<Contents><Key>{key}</Key>{self._moment()}{self._content()}</Contents>"

    def _moment(self) -> str:
        seconds = self.number % 86_400
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return f"<LastModified>2026-05-{self.older + 1:02}T{clock}.000Z</LastModified>"

    @property
    def etag(self) -> str:
        """The ETag, without quotes."""
        return hashlib.md5(self.version_id.encode(), usedforsecurity=False).hexdigest()

    @property
    def size(self) -> int:
        """The size in bytes."""
        return 1_000_000 + self.number * 7919 % 90_000_000

    def _content(self) -> str:
        return (
            f"<ETag>&quot;{self.etag}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
            f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{self.size}</Size>"
            "<StorageClass>STANDARD</StorageClass>"
        )


def _encoded(key: str) -> str:
    return quote_plus(key, safe="/-_.*")


def rows(start: int, *, versions: bool) -> Iterator[Row]:
    """Yield the rows from a key on, newest first within a key; there is no last one."""
    number = start
    while True:
        deleted, older = number % 100 == 50, number % 20 == 10
        if versions or not deleted:
            yield Row(number, older=False, deleted=deleted)
        if versions and older:
            yield Row(number, older=True, deleted=False)
        number += 1


@dataclass(kw_only=True)
class Bucket:
    """What is listed, and its pages."""

    entries: int
    """How many rows a list of all versions has."""
    pages: IO[bytes]
    index: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """The operation and where it goes on, to the page's place in the file."""
    end: int = 0
    """The number of the first key that is not there."""

    def render(self) -> None:
        """Render all pages of the two lists, as they are asked for without a marker or with that of the page before."""
        self.end = _keys_of(self.entries)
        for versions in (True, False):
            marker: str | None = ""
            while marker is not None:
                operation = _OPERATIONS[0 if versions else 1]
                body, following = self.page(marker, PREFIX, PAGE, versions=versions)
                self.index[operation, marker] = (self.pages.tell(), len(body))
                self.pages.write(body)
                marker = following
        self.pages.flush()

    def page(
        self, marker: str, prefix: str, size: int, *, versions: bool
    ) -> tuple[bytes, str | None]:
        """Render a page.

        Args:
            marker: Number of the first key, ``b`` behind it if its newest version stands before; empty begins.
            prefix: What keys begin with.
            size: How many rows at most.
            versions: Whether all versions are listed.

        Returns:
            The body, and the marker of the page behind it.
        """
        start = int(marker.rstrip("ab") or 0)
        start = max(start, first_after(prefix, None) if key_of(0) < prefix else 0)
        taken: list[Row] = []
        following = None
        for row in rows(start, versions=versions):
            if marker.endswith("b") and row.number == start and not row.older:
                continue
            if row.number >= self.end or not key_of(row.number).startswith(prefix):
                break
            if len(taken) == size:
                following = f"{row.number}{'b' if row.older else ''}"
                break
            taken.append(row)
        if versions:
            return _versions_page(taken, prefix, size, following), following
        return _objects_page(taken, prefix, size, following), following


def _keys_of(entries: int) -> int:
    """Return how many keys have this number of rows: each 20th has two."""
    keys = entries * 20 // 21
    while keys + (keys + 9) // 20 < entries:
        keys += 1
    return keys


def _versions_page(taken: list[Row], prefix: str, size: int, following: str | None) -> bytes:
    markers = ""
    if following is not None:
        markers = f"<NextKeyMarker>{_encoded(key_of(taken[-1].number))}</NextKeyMarker>"
        markers += f"<NextVersionIdMarker>{taken[-1].version_id}</NextVersionIdMarker>"
    head = f"<KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker>{markers}"
    return _page("ListVersionsResult", prefix, size, following, head, (r.version() for r in taken))


def _objects_page(taken: list[Row], prefix: str, size: int, following: str | None) -> bytes:
    head = f"<KeyCount>{len(taken)}</KeyCount>"
    if following is not None:
        head += f"<NextContinuationToken>{following}</NextContinuationToken>"
    return _page("ListBucketResult", prefix, size, following, head, (r.object() for r in taken))


def _page(
    root: str, prefix: str, size: int, following: str | None, head: str, found: Iterator[str]
) -> bytes:
    more = str(following is not None).lower()
    head = (
        f"<Name>{BUCKET}</Name><Prefix>{_encoded(prefix)}</Prefix>{head}<MaxKeys>{size}</MaxKeys>"
    )
    head += f"<EncodingType>url</EncodingType><IsTruncated>{more}</IsTruncated>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} {_NAMESPACE}>{head}{"".join(found)}</{root}>'
    return text.encode()


@dataclass(kw_only=True)
class Endpoint:
    """A running endpoint."""

    url: str
    entries: int
    _counts: SynchronizedArray[int]

    def environment(self) -> dict[str, str]:
        """Return what boto3 and Landfast have to find in the environment."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "AKIDBENCH",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def counts(self) -> dict[str, int]:
        """Return how many requests of each kind came."""
        return {name: self._counts[at] for at, name in enumerate(_OPERATIONS) if self._counts[at]}


@contextlib.contextmanager
def serving(entries: int, *, latency_s: float = 0.0, processes: int = 2) -> Iterator[Endpoint]:
    """Serve ``s3://bench/data/``.

    Args:
        entries: How many rows a list of its versions has.
        latency_s: Seconds that each answer is held back.
        processes: How many answer.
    """
    context = multiprocessing.get_context("fork")
    counts: SynchronizedArray[int] = context.Array("q", len(_OPERATIONS))
    with (
        tempfile.TemporaryFile() as pages,
        socket.create_server(("127.0.0.1", 0), backlog=512) as at,
    ):
        bucket = Bucket(entries=entries, pages=pages)
        bucket.render()
        workers = [
            context.Process(target=_work, args=(at, bucket, latency_s, counts), daemon=True)
            for _ in range(processes)
        ]
        for worker in workers:
            worker.start()
        try:
            yield Endpoint(
                url=f"http://127.0.0.1:{at.getsockname()[1]}", entries=entries, _counts=counts
            )
        finally:
            for worker in workers:
                worker.terminate()
                worker.join()


def _work(
    at: socket.socket, bucket: Bucket, latency_s: float, counts: SynchronizedArray[int]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        connection, _ = at.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(
            target=_talk, args=(connection, bucket, latency_s, counts), daemon=True
        ).start()


def _talk(
    connection: socket.socket, bucket: Bucket, latency_s: float, counts: SynchronizedArray[int]
) -> None:
    with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
        while line := stream.readline():
            while stream.readline() not in {b"\r\n", b""}:
                pass
            method, target, _ = line.decode("latin-1").split(" ")
            time.sleep(latency_s)
            _answer(connection, bucket, method, target, counts)


def _answer(
    connection: socket.socket,
    bucket: Bucket,
    method: str,
    target: str,
    counts: SynchronizedArray[int],
) -> None:
    parts = urlsplit(target)
    query = {
        name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()
    }
    key = parts.path.removeprefix(f"/{BUCKET}").removeprefix("/")
    operation = _operation(method, key, query)
    with counts.get_lock():
        counts[_OPERATIONS.index(operation)] += 1
    if operation == "head":
        _head(connection, key, bucket)
    elif operation == "versioning":
        _send(
            connection,
            f"<VersioningConfiguration {_NAMESPACE}><Status>Enabled</Status></VersioningConfiguration>".encode(),
        )
    else:
        _list(connection, bucket, operation, query)


def _operation(method: str, key: str, query: dict[str, str]) -> str:
    if method == "HEAD" or key:
        return "head"
    if "versioning" in query:
        return "versioning"
    return "list-versions" if "versions" in query else "list-objects"


def _list(connection: socket.socket, bucket: Bucket, operation: str, query: dict[str, str]) -> None:
    marker, prefix = _marker(query), query.get("prefix", "")
    size = int(query.get("max-keys", PAGE))
    place = bucket.index.get((operation, marker)) if (prefix, size) == (PREFIX, PAGE) else None
    if place is None:
        body, _ = bucket.page(marker, prefix, size, versions=operation == "list-versions")
        _send(connection, body)
        return
    offset, length = place
    connection.sendall(_headers(length))
    end = offset + length
    while offset < end:
        offset += os.sendfile(connection.fileno(), bucket.pages.fileno(), offset, end - offset)


def _marker(query: dict[str, str]) -> str:
    """Return where a page begins, as `Bucket.page` wants to know it."""
    if "continuation-token" in query:
        return query["continuation-token"]
    key, version = (
        query.get("key-marker") or query.get("start-after"),
        query.get("version-id-marker"),
    )
    if not key:
        return ""
    if version and (found := re.match(r"0*(\d+)([ab])", version)):
        number, is_older = int(found[1]), found[2] == "b"
        return f"{number}b" if number % 20 == 10 and not is_older else f"{number + 1}"
    return f"{first_after(key, None)}"


def _head(connection: socket.socket, key: str, bucket: Bucket) -> None:
    found = re.search(r"part-(\d{10})\.parquet$", key)
    row = Row(int(found[1]), older=False, deleted=False) if found else None
    if row is None or quote(key_of(row.number)) != key or row.number >= bucket.end:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    more = f'ETag: "{row.etag}"\r\nx-amz-version-id: {row.version_id}\r\n'
    connection.sendall(_headers(row.size, more))


def _send(connection: socket.socket, body: bytes) -> None:
    connection.sendall(_headers(len(body)) + body)


def _headers(length: int, more: str = "") -> bytes:
    return (
        "HTTP/1.1 200 OK\r\nx-amz-request-id: 0A49CE4060975EAC\r\nServer: synthetic\r\n"
        f"Content-Type: application/xml\r\n{more}Content-Length: {length}\r\n\r\n"
    ).encode()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    with serving(given.entries, latency_s=given.latency, processes=given.processes) as endpoint:
        for name, value in endpoint.environment().items():
            print(f"export {name}={value}")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
