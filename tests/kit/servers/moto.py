"""moto's S3 server: right about versions, quick to start, slow beyond a few thousand keys."""

import contextlib
import importlib.util
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.servers.process import (
    LOOPBACK,
    ServerMissing,
    answers,
    free_port,
    running,
    scratch,
)
from kit.servers.s3 import S3Server

_PROGRAM = Path(__file__).with_name("moto_program.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moto(S3Server):
    """A running moto server. Its version listing is quadratic: keep below 2,000 keys."""

    def reset(self) -> None:
        """Forget every bucket and object."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=120) as reply:
            reply.read()


@contextlib.contextmanager
def moto() -> Iterator[Moto]:
    """Run moto's server.

    Yields:
        The running server; it accepts any credentials and checks no signature.

    Raises:
        ServerMissing: moto or its server parts are not installed.
        ServerFailed: It did not start.
    """
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        raise ServerMissing('moto\'s server is not installed: pip install "moto[server]"')
    port = free_port()
    command = [sys.executable, "-P", str(_PROGRAM), "-H", LOOPBACK, "-p", str(port)]
    with (
        scratch("moto") as folder,
        running(command, name="moto", folder=folder, ready=lambda: answers(port)),
    ):
        yield Moto(url=f"http://{LOOPBACK}:{port}")
