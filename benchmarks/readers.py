"""Measure what it costs to open and read one small pinned object of each kind of store, beside the floor.

    python benchmarks/readers.py

One thread, connections that are kept, no TLS; each reply is compared with its pin and read to its end, nothing is
written. The floor is the same GET by bare urllib3 on a pool of its own: who speaks HTTP in Python can hardly do less.
The last rows are the floor of a download: that GET, its bytes hashed, written to a temporary file and renamed.  The
endpoint is a process of its own (`s3_objects.py`), whose CPU is not counted.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rows import Row, command, spent
from s3_objects import BUCKET, body_of, key_of, serving

_SIZE = 1000


def measure(given: Namespace) -> Iterator[Row]:
    """Read the same objects by each store."""
    with serving(given.files, size=_SIZE) as environment:
        os.environ.update(environment)
        server = environment["AWS_ENDPOINT_URL_S3"]
        yield from _opened(server, given)
        yield from _downloaded(server, given)


def _opened(server: str, given: Namespace) -> Iterator[Row]:
    def cost(read: Callable[[int], bytes]) -> float:
        assert read(0) == body_of(0, _SIZE)
        used = spent(lambda: [read(number) for number in range(given.files)], given.repeat)
        return used.cpu_s / given.files * 1e6

    floor = cost(_urllib3(server))
    readers = {"s3://": _s3(server), "gs://": _gcs(server), "http://": _http(server)}
    for scheme, read in readers.items():
        yield Row(
            f"open, check and read one object of {_SIZE:,} bytes, {scheme}",
            cost(read),
            "us CPU",
            beside=floor,
            peer="the GET alone by urllib3 (floor)",
        )


def _downloaded(server: str, given: Namespace) -> Iterator[Row]:
    read = _urllib3(server)
    with tempfile.TemporaryDirectory(prefix="landfast-bench-") as name:

        def write(number: int, body: bytes) -> None:
            path = f"{name}/{number}.part"
            handle = os.open(path, os.O_WRONLY | os.O_CREAT)
            os.write(handle, body)
            os.fstat(handle)
            os.close(handle)
            os.rename(path, f"{name}/{number}")  # noqa: PTH104 - the barest way

        def download() -> None:
            for number in range(given.files):
                body = read(number)
                hashlib.sha256(body).digest()
                write(number, body)

        def boto3() -> None:
            import boto3

            client, path = boto3.client("s3"), str(Path(name, "one"))
            for number in range(given.files):
                client.download_file(BUCKET, key_of(number), path)

        whole, peer = spent(download, given.repeat), spent(boto3, given.repeat)
        files = spent(lambda: [write(n, b"x" * _SIZE) for n in range(given.files)], given.repeat)
    each = 1e6 / given.files
    beside = {"beside": peer.cpu_s * each, "peer": "boto3 download_file"}
    what = "the floor of one small download"
    yield Row(f"{what}: GET, hash, write, rename", whole.cpu_s * each, "us CPU", **beside)
    yield Row(f"{what}: its file alone", files.cpu_s * each, "us CPU", **beside)


def _urllib3(server: str) -> Callable[[int], bytes]:
    import urllib3

    pool: Any = urllib3.connectionpool.connection_from_url(server, maxsize=1)

    def read(number: int) -> bytes:
        reply = pool.urlopen("GET", f"/{BUCKET}/{key_of(number)}", preload_content=False)
        body = reply.read()
        reply.release_conn()
        return bytes(body)

    return read


def _reader(store: Any, uri: str, **pinned: Any) -> Callable[[int], bytes]:
    from landfast.model.checksum import Checksum
    from landfast.model.location import Location
    from landfast.stores.base import Pin

    def read(number: int) -> bytes:
        md5 = hashlib.md5(body_of(number, _SIZE), usedforsecurity=False).hexdigest()
        facts = {name: value(md5) for name, value in pinned.items()}
        pin = Pin(
            location=Location.parse(f"{uri}/{key_of(number)}"),
            checksum=Checksum("md5", md5),
            size=_SIZE,
            **facts,
        )
        with store.open(pin) as reader:
            return b"".join(reader)

    return read


def _s3(_server: str) -> Callable[[int], bytes]:
    from landfast.stores.s3 import S3Store

    return _reader(S3Store(), f"s3://{BUCKET}", version_id=lambda md5: f"v{md5}")


def _gcs(server: str) -> Callable[[int], bytes]:
    from landfast.stores.gcs import GcsStore

    store = GcsStore({"endpoint": server, "anonymous": True})
    return _reader(store, f"gs://{BUCKET}", version_id=lambda _: "1")


def _http(server: str) -> Callable[[int], bytes]:
    from landfast.stores.http import HttpStore

    return _reader(HttpStore(), f"{server}/{BUCKET}", etag=lambda md5: f'"{md5}"')


if __name__ == "__main__":
    command("readers", "Readers", measure, __doc__, files=(1_000, 5_000))
