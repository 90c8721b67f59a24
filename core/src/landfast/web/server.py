"""Server: bind, say where the pages are, open the browser, and serve until interrupted."""

from __future__ import annotations

import contextlib
import importlib.util
import ipaddress
import logging
import os
import secrets
import socket
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass

from landfast.client import Client
from landfast.errors import InvalidInput, MissingExtra, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the pages are to be found.

    Args:
        host: Address or name to listen on.
        port: 0 takes any free one.
        root_path: What stands before every path behind a proxy, such as ``/user/ana/proxy/4747``.
        hosts: Further names that requests may call the server by.
    """

    host: str = "127.0.0.1"
    port: int = 4747
    root_path: str = ""
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InvalidInput(
                "--port is not a port",
                subject="--port",
                expected="0 to 65535",
                found=str(self.port),
            )
        if self.root_path and not self.root_path.startswith("/"):
            raise InvalidInput(
                "--root-path is not a path",
                subject="--root-path",
                expected="a path such as /proxy/4747",
                found=self.root_path,
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


def serve(
    client: Client,
    address: Address,
    *,
    say: Callable[[str], None],
    opens: bool = True,
    allow_remote: bool = False,
    previews: str = "presigned",
) -> None:
    """Serve the pages of a registry until interrupted.

    Args:
        client: Reads the registry.
        address: Where to listen.
        say: Gets a sentence for people.
        opens: Whether to open the browser.
        allow_remote: Whether other machines may reach it.
        previews: As `Site.previews`.

    Raises:
        MissingExtra: If the extra `web` is not installed.
        InvalidInput: If others could reach the address and nobody allowed it.
        NotFound: If the registry that is named is not there.
        Unavailable: If the port is taken.
    """
    missing = [
        name for name in ("starlette", "jinja2", "uvicorn") if not importlib.util.find_spec(name)
    ]
    if missing:
        raise MissingExtra.of("web", "`landfast ui`")
    _check_remote(address, allow_remote=allow_remote)
    client.registry.overview.types()  # one that does not answer is said here, not on the first page
    import uvicorn

    from landfast.web.app import create_app
    from landfast.web.view import Site

    with contextlib.closing(bound(address)) as listener:
        port = listener.getsockname()[1]
        site = Site(
            client=client,
            root_path=address.root_path.rstrip("/"),
            hosts=_hosts(address),
            previews=previews,
            token=secrets.token_urlsafe(24),
        )
        config = uvicorn.Config(
            create_app(site),
            log_config=None if logging.getLogger().handlers else uvicorn.config.LOGGING_CONFIG,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
        )
        page = f"http://{_in_url(address)}:{port}{site.root_path}/"
        say(f"Showing {client.display_url} at {page} (Ctrl-C stops it)")
        _say_more(say, address, port)
        if opens:
            webbrowser.open(page)
        uvicorn.Server(config).run(sockets=[listener])


def _check_remote(address: Address, *, allow_remote: bool) -> None:
    if address.is_loopback or allow_remote:
        return
    raise InvalidInput(
        f"other machines could reach {address.host}",
        subject=address.host,
        expected="an address that only this machine reaches, such as 127.0.0.1",
        hint="Everybody who reaches the server can read every name, place, run and preview in the registry, without "
        "a password. To allow this, use --allow-remote. For your own access from another machine, use an SSH tunnel.",
    )


def bound(address: Address) -> socket.socket:
    """Return a socket that listens on an address.

    Raises:
        InvalidInput: If this machine has no such address.
        Unavailable: If the port is taken.
    """
    try:
        family = socket.getaddrinfo(address.host.strip("[]"), address.port, type=socket.SOCK_STREAM)
        kind, _, _, _, place = family[0]
        listener = socket.socket(kind, socket.SOCK_STREAM)
    except OSError as error:
        raise InvalidInput(
            f"{address.host} cannot be listened on: {error}", subject=address.host
        ) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"port {address.port} of {address.host} cannot be listened on: {error.strerror}",
            subject=f"{address.host}:{address.port}",
            hint="Another `landfast ui` may run there; give another --port, or 0 for any free one.",
        ) from None
    return listener


def _hosts(address: Address) -> frozenset[str]:
    own = {"127.0.0.1", "localhost", "[::1]", _in_url(address)}
    if not address.is_loopback:
        own |= {socket.gethostname(), socket.getfqdn()}
    return frozenset(own | set(address.hosts))


def _in_url(address: Address) -> str:
    host = address.host.strip("[]")
    return f"[{host}]" if ":" in host else host


def _say_more(say: Callable[[str], None], address: Address, port: int) -> None:
    if not address.is_loopback:
        say(
            f"Everybody who reaches {address.host}:{port} reads every name, place, run and preview, without a password."
        )
    if os.environ.get("SSH_CONNECTION") and address.is_loopback:
        say(f"From your own machine: ssh -N -L {port}:127.0.0.1:{port} {socket.gethostname()}")
