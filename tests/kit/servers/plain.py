"""Python's own http.server: a poor server, without ETag and without Range."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.servers.process import LOOPBACK, answers, free_port, running, scratch


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A running http.server."""

    url: str
    folder: Path
    """What it serves."""


@contextlib.contextmanager
def plain(folder: Path | None = None) -> Iterator[Plain]:
    """Run `python -m http.server` over a folder.

    Args:
        folder: What to serve; an empty temporary folder by default.

    Yields:
        The running server.

    Raises:
        ServerFailed: It did not start.
    """
    port = free_port()
    with scratch("plain") as root:
        served = folder or root / "site"
        served.mkdir(exist_ok=True)
        command = [
            *(sys.executable, "-m", "http.server", str(port)),
            *("--bind", LOOPBACK, "--directory", str(served)),
        ]
        with running(command, name="plain", folder=root, ready=lambda: answers(port)):
            yield Plain(url=f"http://{LOOPBACK}:{port}", folder=served)
