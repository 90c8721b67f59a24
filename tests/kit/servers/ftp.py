"""An FTP server from PyPI's pyftpdlib: the real network filesystem for what fsspec opens."""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kit.servers.process import (
    LOOPBACK,
    ServerMissing,
    answers,
    free_port,
    running,
    scratch,
)

# pyftpdlib's own command waits three seconds before it refuses a login.
_SERVER = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

port, folder, username, password = sys.argv[1:]
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user(username, password, folder)
FTPHandler.auth_failed_timeout = 0
FTPServer(("127.0.0.1", int(port)), FTPHandler).serve_forever()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ftp:
    """A running FTP server."""

    port: int
    folder: Path
    """What it serves."""
    username: str = "reader"
    password: str = field(default="pass-for-tests-only", repr=False)

    @property
    def url(self) -> str:
        """The URL of the folder, without user and password."""
        return f"ftp://{LOOPBACK}:{self.port}"


@contextlib.contextmanager
def ftp(folder: Path | None = None) -> Iterator[Ftp]:
    """Run an FTP server over a folder.

    Args:
        folder: What to serve; an empty temporary folder by default.

    Yields:
        The running server; it wants its user and password.

    Raises:
        ServerMissing: pyftpdlib is not installed.
        ServerFailed: It did not start.
    """
    if importlib.util.find_spec("pyftpdlib") is None:
        raise ServerMissing("the FTP server is not installed: pip install pyftpdlib")
    with scratch("ftp") as root:
        served = folder or root / "site"
        served.mkdir(exist_ok=True)
        server = Ftp(port=free_port(), folder=served)
        command = [
            *(sys.executable, "-W", "ignore", "-c", _SERVER, str(server.port), str(served)),
            *(server.username, server.password),
        ]
        with running(command, name="ftp", folder=root, ready=lambda: answers(server.port)):
            yield server
