"""TLS in front of a PostgreSQL whose build has none: it answers a client's SSLRequest, and passes the rest on."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from kit.servers.process import LOOPBACK

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


@dataclass(slots=True, kw_only=True)
class TlsFront:
    """A running front: its port, and how many clients came by TLS to the end of the handshake."""

    port: int
    secured: int = 0
    refused: list[str] = field(default_factory=list)


@contextlib.contextmanager
def tls_front(upstream: int, context: ssl.SSLContext) -> Iterator[TlsFront]:
    """Stand in front of a server on loopback.

    Args:
        upstream: The server's port.
        context: With the certificate to show.

    Yields:
        The front.
    """
    with socket.create_server((LOOPBACK, 0)) as listener:
        front = TlsFront(port=listener.getsockname()[1])

        def accept() -> None:
            with contextlib.suppress(OSError):  # closed at the end
                while True:
                    client, _ = listener.accept()
                    threading.Thread(
                        target=_serve, args=(client, upstream, context, front), daemon=True
                    ).start()

        threading.Thread(target=accept, daemon=True).start()
        yield front
        listener.shutdown(socket.SHUT_RDWR)


def _serve(client: socket.socket, upstream: int, context: ssl.SSLContext, front: TlsFront) -> None:
    with client:
        if client.recv(len(_SSL_REQUEST), socket.MSG_WAITALL) != _SSL_REQUEST:
            return
        client.sendall(b"S")
        try:
            secure = context.wrap_socket(client, server_side=True)
        except OSError as error:
            front.refused.append(str(error))
            return
        front.secured += 1
        with secure, socket.create_connection((LOOPBACK, upstream)) as server:
            back = threading.Thread(target=_pass_on, args=(server, secure), daemon=True)
            back.start()
            _pass_on(secure, server)
            back.join(10)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(64 * 1024):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
