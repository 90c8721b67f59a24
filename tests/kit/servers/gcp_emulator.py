"""gcp-storage-emulator, a Cloud Storage server that lies: any generation gets the latest bytes.

It takes `generation` and `ifGenerationMatch` without an error and honours neither, keeps nothing
noncurrent, and answers every listing in one page.
"""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator

from kit.servers.process import (
    LOOPBACK,
    ServerMissing,
    answers,
    clean_environment,
    free_port,
    running,
    scratch,
)


@contextlib.contextmanager
def gcp_storage_emulator() -> Iterator[str]:
    """Run the emulator with its objects in memory.

    Yields:
        Its URL, for `STORAGE_EMULATOR_HOST`.

    Raises:
        ServerMissing: It is not installed.
        ServerFailed: It did not start.
    """
    if importlib.util.find_spec("gcp_storage_emulator") is None:
        raise ServerMissing("the emulator is not installed: pip install gcp-storage-emulator")
    port = free_port()
    command = [
        *(sys.executable, "-m", "gcp_storage_emulator"),
        *("start", "--quiet", "--in-memory", "--host", LOOPBACK, "--port", str(port)),
    ]
    with (
        scratch("gcp-emulator") as folder,
        running(
            command,
            name="gcp-storage-emulator",
            folder=folder,
            ready=lambda: answers(port),
            env=clean_environment(folder),
        ),
    ):
        yield f"http://{LOOPBACK}:{port}"
