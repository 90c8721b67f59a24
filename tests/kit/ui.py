"""`landfast ui`, and the demo with it, as processes of their own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence

from kit.servers.process import ServerFailed

_PAGE = re.compile(r"Showing .* at (http://\S+)/ ")


@contextlib.contextmanager
def running(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a command of `landfast` that serves pages, until the block ends, and yield where they are.

    Args:
        arguments: Such as ``["ui", "--no-open", "--port", "0"]``.
        environment: Variables beside those of the test.

    Raises:
        ServerFailed: If it ends before it serves.
    """
    command = [sys.executable, "-m", "landfast", *arguments]
    server = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    with server:
        try:
            yield _where(server)
        finally:
            server.send_signal(signal.SIGINT)


def _where(server: subprocess.Popen[str]) -> str:
    said = ""
    assert server.stdout is not None
    for line in server.stdout:
        said += line
        if found := _PAGE.search(line):
            # What it says later must not fill the pipe.
            threading.Thread(target=server.stdout.read, daemon=True).start()
            return found[1]
    raise ServerFailed(f"no page is served:\n{said}")
