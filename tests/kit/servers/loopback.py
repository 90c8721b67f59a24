"""The HTTP server in a thread of the test's own process that the proxy and the script stand on."""

import contextlib
import http.server
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from typing import Any

from kit.servers.process import LOOPBACK

_LINGER_ZERO = struct.pack("ii", 1, 0)


class LoopbackServer(http.server.ThreadingHTTPServer):
    """Answers each connection in a thread; closing it closes every connection."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self, handler: type["LoopbackHandler"], *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._open: set[socket.socket] = set()
        self._workers: list[threading.Thread] = []
        self._scheme = "https" if tls else "http"
        self._is_stopped = False
        self._is_over = threading.Event()
        self._is_over.set()
        super().__init__((LOOPBACK, 0), handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://{LOOPBACK}:{self.server_address[1]}"

    def server_bind(self) -> None:
        """Bind without the reverse name look-up of the base class."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        self._workers.append(threading.current_thread())
        super().process_request_thread(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection, by a reset where the handler asked for one."""
        self._open.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == _LINGER_ZERO:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that went away; handlers report everything else themselves."""

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Answer until `shutdown`; while nobody asks, this takes no time from the test's own thread."""
        self._is_over.clear()
        try:
            while not self._is_stopped:
                self.handle_request()
        finally:
            self._is_over.set()

    def shutdown(self) -> None:
        """End `serve_forever`, which waits for a connection: this one."""
        self._is_stopped = True
        with contextlib.suppress(OSError), socket.socket() as knock:
            knock.connect(self.server_address)
        self._is_over.wait()

    def stop(self) -> None:
        """Stop listening, end every connection, and wait for their threads."""
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for worker in self._workers:
            worker.join(5)


class LoopbackHandler(http.server.BaseHTTPRequestHandler):
    """Reads any method and any framing, and sends every request to `respond`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def respond(self) -> None:
        """Answer the request in hand."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.respond
        raise AttributeError(name)

    @property
    def target(self) -> str:
        """Path and query byte for byte; `self.path` loses a leading second slash."""
        return str(self.raw_requestline.split(b" ")[1], "latin-1")

    def header_map(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def read_body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def write_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def reset(self) -> None:
        """End the connection with a reset instead of an orderly close."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def chunked(body: bytes) -> bytes:
    """Frame a body as one chunk and the end."""
    return (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"


@contextlib.contextmanager
def serving(server: LoopbackServer) -> Iterator[None]:
    """Serve in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join(5)
