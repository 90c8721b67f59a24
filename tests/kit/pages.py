"""The pages of `landfast.web`, served on loopback from a thread of the test, and asked for by plain HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from landfast.client import Client
from landfast.web.app import create_app
from landfast.web.server import Address, bound
from landfast.web.view import Site


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def data(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    site: Site
    port: int

    @property
    def url(self) -> str:
        """Where it is, without a final slash."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> Reply:
        """Ask for a path, percent-encoded as it is sent."""
        return self.ask("GET", path, headers=headers)

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, found, reply.read())


@contextlib.contextmanager
def serving(client: Client, **site: Any) -> Iterator[Served]:
    """Serve the registry of a client until the block ends; `site` has the other fields of `Site`."""
    import uvicorn

    served = Site(client=client, **{"token": "a-token", **site})
    config = uvicorn.Config(create_app(served), log_level="warning", access_log=False, ws="none")
    server = uvicorn.Server(config)
    with contextlib.closing(bound(Address(port=0))) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Served(served, port)  # the socket listens already: who asks early waits
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()
