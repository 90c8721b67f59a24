"""A synthetic S3 endpoint on loopback: a versioned bucket of any size, served from memory by processes of its own.

    python benchmarks/s3_endpoint.py --entries 200000 [--latency 0.05] [--processes 2] [--keys folders] [--depth 0]

What it lists is the same in each run. Every 20th key has an older version, every 100th is deleted; with a depth each
key has so many older versions. All rows are rendered before the first request, and a page is a slice of them,
wherever it begins, sent from a file: so the client is what is measured.
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
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import SynchronizedArray
from typing import IO, NamedTuple
from urllib.parse import parse_qs, quote_plus, unquote, urlsplit

BUCKET = "bench"
PREFIX = "data/"
PAGE = 1000
_IN_FOLDER = 500
_OPERATIONS = ("list-versions", "list-objects", "versioning", "head")
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_OWNER = "<Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner>"


def _in_folders(number: int, _: int) -> str:
    """Half of the folders are named as Hive does, with characters that pages percent-encode."""
    return _plain(number, 0) if number // _IN_FOLDER % 2 == 0 else _encoded_key(number, 0)


def _plain(number: int, _: int) -> str:
    return f"{number // _IN_FOLDER:06}/plain/part-{number:010}.parquet"


def _encoded_key(number: int, _: int) -> str:
    folder = number // _IN_FOLDER
    day = f"dt=2026-{folder // 28 % 12 + 1:02}-{folder % 28 + 1:02}"
    return f"{folder:06}/{day}/part-{number:010}.parquet"


def _hexadecimal(number: int, count: int) -> str:
    return f"{(number << 40) // count:010x}{number * 2654435761 % 2**32:08x}.bin"


def _numbers(number: int, _: int) -> str:
    return f"part-{number:012}"


def _skewed(number: int, count: int) -> str:
    """Of a hundred keys 99 lie in one folder."""
    at = number * 200 // count
    return f"{'a' if at == 0 else 'z' if at == 199 else 'm'}/part-{number:010}"


def _small_folders(number: int, _: int) -> str:
    return f"{number // 10:07}/part-{number % 10}.bin"


def _long_prefix(number: int, _: int) -> str:
    """One flat folder, of which all keys begin with the same 250 characters."""
    return "the-same-for-all-of-them-" * 10 + f"{number:012}"


# Keys by number, in order; the second argument is how many there are.
KEYS: dict[str, Callable[[int, int], str]] = {
    "folders": _in_folders,
    "plain": _plain,
    "encoded": _encoded_key,
    "hexadecimal": _hexadecimal,
    "numbers": _numbers,
    "skewed": _skewed,
    "folders of 10": _small_folders,
    "long common prefix": _long_prefix,
}


class Row(NamedTuple):
    """A version of an object, or its delete marker; `age` 0 is the newest."""

    number: int
    age: int
    deleted: bool

    @property
    def version_id(self) -> str:
        """The version's name, which says where it stands in the list."""
        return f"{self.number:012}{chr(97 + self.age)}.5xT8Rr1wzLmDMq9XmPzV"

    def version(self, key: str) -> str:
        """Return the row as a list of versions has it."""
        facts = f"<Key>{_encoded(key)}</Key><VersionId>{self.version_id}</VersionId>"
        facts += f"<IsLatest>{str(self.age == 0).lower()}</IsLatest>{self._moment()}"
        if self.deleted:
            return f"<DeleteMarker>{facts}{_OWNER}</DeleteMarker>"
        return f"<Version>{facts}{self._content()}{_OWNER}</Version>"

    def object(self, key: str) -> str:
        """Return the row as a list of objects has it."""
        return f"<Contents><Key>{_encoded(key)}</Key>{self._moment()}{self._content()}</Contents>"

    def _moment(self) -> str:
        seconds = self.number % 86_400
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return f"<LastModified>2026-05-{28 - self.age % 28:02}T{clock}.000Z</LastModified>"

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


@dataclass(kw_only=True)
class Listed:
    """The rows of one kind of list in a file: where each begins, and which is the first of each key."""

    file: IO[bytes]
    offsets: array[int] = field(default_factory=lambda: array("Q", [0]))
    firsts: array[int] = field(default_factory=lambda: array("Q"))

    def begin_key(self) -> None:
        """Go on to the next key."""
        self.firsts.append(len(self.offsets) - 1)

    def add(self, row: str) -> None:
        """Write a row of the key."""
        self.file.write(row.encode())
        self.offsets.append(self.file.tell())


@dataclass(kw_only=True)
class Bucket:
    """What is listed: so many rows of versions, of keys of a kind, with so many older versions of each."""

    entries: int
    kind: str
    depth: int
    lists: dict[str, Listed]
    end: int = 0
    """The number of the first key that is not there."""

    def key_of(self, number: int) -> str:
        """Return a key; keys sort as their numbers do."""
        return PREFIX + KEYS[self.kind](number, self.end)

    def older(self, number: int) -> int:
        """Return how many older versions a key has."""
        return self.depth or int(number % 20 == 10)

    def render(self) -> None:
        """Write all rows of both lists."""
        self.end = self.entries // (1 + self.depth) if self.depth else _keys_of(self.entries)
        versions, objects = (self.lists[name] for name in _OPERATIONS[:2])
        for number in range(self.end):
            key, deleted = self.key_of(number), not self.depth and number % 100 == 50
            versions.begin_key()
            objects.begin_key()
            for age in range(self.older(number) + 1):
                versions.add(Row(number, age, deleted and age == 0).version(key))
            if not deleted:
                objects.add(Row(number, 0, False).object(key))
        for each in (versions, objects):
            each.begin_key()
            each.file.flush()

    def first_after(self, key: str, *, itself: bool) -> int:
        """Return the number of the first key behind one, or of the key itself."""
        side = bisect.bisect_left if itself else bisect.bisect_right
        return side(range(self.end), key, key=self.key_of)


def _keys_of(entries: int) -> int:
    """Return how many keys have this number of rows: each 20th has two."""
    keys = entries * 20 // 21
    while keys + (keys + 9) // 20 < entries:
        keys += 1
    return keys


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
def serving(
    entries: int,
    *,
    latency_s: float = 0.0,
    processes: int = 2,
    keys: str = "folders",
    depth: int = 0,
) -> Iterator[Endpoint]:
    """Serve ``s3://bench/data/``.

    Args:
        entries: How many rows a list of its versions has.
        latency_s: Seconds that each answer is held back.
        processes: How many answer.
        keys: What keys are like, one of `KEYS`.
        depth: How many older versions each key has; 0 gives one to each 20th.
    """
    context = multiprocessing.get_context("fork")
    counts: SynchronizedArray[int] = context.Array("q", len(_OPERATIONS))
    with (
        tempfile.TemporaryFile() as versions,
        tempfile.TemporaryFile() as objects,
        socket.create_server(("127.0.0.1", 0), backlog=512) as at,
    ):
        lists = zip(_OPERATIONS, (Listed(file=versions), Listed(file=objects)), strict=False)
        bucket = Bucket(entries=entries, kind=keys, depth=depth, lists=dict(lists))
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
    """Send a page: the rows from where it begins, between what says how it goes on, and its end."""
    listed, prefix = bucket.lists[operation], query.get("prefix", "")
    size = int(query.get("max-keys", PAGE))
    low = bucket.first_after(prefix, itself=True)
    high = bucket.first_after(prefix + "\U0010ffff", itself=True)
    start = max(_start(bucket, listed, query), listed.firsts[low])
    stop = max(start, min(start + size, listed.firsts[high]))
    head, tail = _around(
        bucket, listed, operation, (start, stop, listed.firsts[high]), prefix, size
    )
    offset, end = listed.offsets[start], listed.offsets[stop]
    connection.sendall(_headers(len(head) + end - offset + len(tail)) + head, socket.MSG_MORE)
    while offset < end:
        offset += os.sendfile(connection.fileno(), listed.file.fileno(), offset, end - offset)
    connection.sendall(tail)


def _start(bucket: Bucket, listed: Listed, query: dict[str, str]) -> int:
    """Return the number of the row that a page begins with."""
    if "continuation-token" in query:
        return int(query["continuation-token"])
    key = query.get("key-marker") or query.get("start-after") or query.get("marker")
    if not key:
        return 0
    found = re.match(r"0*(\d+)([a-z])", query.get("version-id-marker", ""))
    if found:
        return listed.firsts[int(found[1])] + ord(found[2]) - 96
    return listed.firsts[bucket.first_after(key, itself=False)]


def _around(
    bucket: Bucket,
    listed: Listed,
    operation: str,
    span: tuple[int, int, int],
    prefix: str,
    size: int,
) -> tuple[bytes, bytes]:
    start, stop, end = span
    root, more, markers = "ListBucketResult", stop < end, f"<KeyCount>{stop - start}</KeyCount>"
    if operation == "list-objects" and more:
        markers += f"<NextContinuationToken>{stop}</NextContinuationToken>"
    if operation == "list-versions":
        root, markers = "ListVersionsResult", "<KeyMarker></KeyMarker><VersionIdMarker/>"
        if more:
            number = bisect.bisect_right(listed.firsts, stop - 1) - 1
            row = Row(number, stop - 1 - listed.firsts[number], False)
            markers += f"<NextKeyMarker>{_encoded(bucket.key_of(number))}</NextKeyMarker>"
            markers += f"<NextVersionIdMarker>{row.version_id}</NextVersionIdMarker>"
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} {_NAMESPACE}><Name>{BUCKET}</Name>'
        f"<Prefix>{_encoded(prefix)}</Prefix>{markers}<MaxKeys>{size}</MaxKeys>"
        f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
    )
    return head.encode(), f"</{root}>".encode()


def _head(connection: socket.socket, key: str, bucket: Bucket) -> None:
    name = unquote(key)
    number = bucket.first_after(name, itself=True)
    if number >= bucket.end or bucket.key_of(number) != name:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    row = Row(number, 0, False)
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
    parser.add_argument("--keys", choices=KEYS, default="folders")
    parser.add_argument("--depth", type=int, default=0, help="older versions of each key")
    given = parser.parse_args()
    how = {"latency_s": given.latency, "processes": given.processes}
    with serving(given.entries, **how, keys=given.keys, depth=given.depth) as endpoint:
        for name, value in endpoint.environment().items():
            print(f"export {name}={value}")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
