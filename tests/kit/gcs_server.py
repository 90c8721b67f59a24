"""A loopback server of the Cloud Storage JSON API that keeps generations, as Google's does.

The real `google-cloud-storage` client talks to it when `STORAGE_EMULATOR_HOST` names its URL.
It runs in a thread of the test's own process, or by itself:

```console
$ python -m kit.gcs_server --port 0 --versioned-bucket data
http://127.0.0.1:18231
```

What it does not do: access control lists, retention, soft delete, customer-supplied keys,
folders, notifications, the XML API, gRPC.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import click
from kit.gcs import batch
from kit.gcs.api import Api
from kit.servers.exchange import Request, Response, gcs_kind
from kit.servers.loopback import LoopbackServer, serving
from kit.servers.process import LOOPBACK
from kit.servers.proxy import Proxy
from kit.servers.proxy import _Handler as ProxyHandler

PROJECT = "landfast-test"


def classify(method: str, target: str, headers: Mapping[str, str]) -> str:
    """Name the kind of a request as `gcs_kind` does; a batch is one request."""
    if target.startswith("/batch"):
        return "batch"
    # Google's client writes Python's booleans.
    return gcs_kind(method, target.replace("versions=True", "versions=true"), headers)


@dataclass(slots=True, kw_only=True)
class GcsServer(Proxy):
    """A running server: what a `Proxy` counts, calls and injects, and the buckets behind it."""

    api: Api = field(repr=False)

    @property
    def client(self) -> Any:
        """A `google.cloud.storage.Client` that talks to this server, whatever the environment."""
        return _client(self.url)

    def environment(self) -> dict[str, str]:
        """Name the variables that point any Cloud Storage client at this server."""
        return {"STORAGE_EMULATOR_HOST": self.url, "GOOGLE_CLOUD_PROJECT": PROJECT}

    def bucket(self, *, versioning: bool = False, name: str | None = None) -> str:
        """Make a bucket, without a request.

        Args:
            versioning: Whether what is overwritten or deleted stays as a noncurrent generation.
            name: Its name; one of its own by default.

        Returns:
            The bucket's name.
        """
        name = name or f"test-{uuid.uuid4().hex[:12]}"
        self.api.state.create_bucket(name, {"versioning": {"enabled": versioning}})
        return name

    def set_versioning(self, bucket: str, *, enabled: bool) -> None:
        """Switch a bucket's versioning, without a request."""
        self.api.state.patch_bucket(bucket, {"versioning": {"enabled": enabled}})

    def put(self, bucket: str, key: str, body: bytes, **metadata: Any) -> str:
        """Write an object, without a request.

        Args:
            bucket: The bucket.
            key: The object's name.
            body: Its bytes.
            metadata: Properties by the API's names: `contentType`, `contentEncoding`, `metadata`.

        Returns:
            The generation, as the text that the API writes.
        """
        return str(self.api.state.put(bucket, key, body, metadata).generation)

    def delete(self, bucket: str, key: str, generation: str | None = None) -> None:
        """Retire the live generation or remove the named one, without a request."""
        self.api.state.delete(bucket, key, int(generation) if generation else None)

    def deny(self, *permissions: str) -> None:
        """Answer 403 to what needs these permissions, such as `storage.objects.list`."""
        self.api.denied.update(permissions)

    def reset(self) -> None:
        """Forget every bucket, request, fault, hook and denied permission."""
        self.clear()
        self.api.denied.clear()
        self.api.state.buckets.clear()


@contextlib.contextmanager
def gcs_server(port: int = 0) -> Iterator[GcsServer]:
    """Run the server in a thread until the block ends.

    Args:
        port: A loopback TCP port; 0 takes a free one.

    Yields:
        The running server, without buckets.

    Example:
        >>> with gcs_server() as server:
        ...     bucket = server.client.bucket(server.bucket(versioning=True))
        ...     bucket.blob("a/key").upload_from_string(b"old")
        ...     pin = bucket.get_blob("a/key").generation
        ...     bucket.blob("a/key").upload_from_string(b"new")
        ...     bucket.blob("a/key", generation=pin).download_as_bytes()
        b'old'
    """
    server, listener = _listen(port)
    with serving(listener):
        yield server
    if server.errors:
        raise server.errors[0]


class _Listener(LoopbackServer):
    def __init__(self, handler: type[ProxyHandler], port: int) -> None:
        self._wanted = port
        super().__init__(handler)

    def server_bind(self) -> None:
        self.server_address = (LOOPBACK, self._wanted)
        super().server_bind()


class _Handler(ProxyHandler):
    proxy: GcsServer

    def _ask(self, request: Request) -> Response:
        answer = self.proxy.api.answer
        return batch.answer(request, answer) if batch.is_batch(request) else answer(request)


def _listen(port: int) -> tuple[GcsServer, _Listener]:
    server = GcsServer(url="", upstream="", classify=classify, api=Api(""))
    listener = _Listener(type("BoundHandler", (_Handler,), {"proxy": server}), port)
    server.url = server.api.base_url = listener.url
    return server, listener


@functools.cache
def _client(url: str) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    client = storage.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": url},
    )
    # Since 3.17 every first look at a bucket starts a thread that asks for its metadata, for
    # traces that nobody collects here; those requests would be counted.
    client._bucket_metadata_cache = None
    return client


@click.command()
@click.option("--port", default=0, help="The loopback TCP port; 0 takes a free one.")
@click.option("--bucket", "buckets", multiple=True, help="Make a bucket.")
@click.option("--versioned-bucket", "versioned", multiple=True, help="Make one with versioning.")
def main(port: int, buckets: tuple[str, ...], versioned: tuple[str, ...]) -> None:
    """Serve the Cloud Storage JSON API on loopback until SIGTERM; prints the URL."""
    server, listener = _listen(port)
    for name in {*buckets, *versioned}:
        server.bucket(versioning=name in versioned, name=name)
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with serving(listener):
        click.echo(server.url)
        stopped.wait()


if __name__ == "__main__":
    main()
