"""PgBouncer from Debian in front of a PostgreSQL, with few connections to it."""

import contextlib
import os
import shutil
from collections.abc import Iterator

from kit.servers.process import LOOPBACK, ServerMissing, answers, free_port, running, scratch

_CONFIG = """\
[databases]
* = host={host} port={upstream} user=postgres
[pgbouncer]
listen_addr = {host}
listen_port = {port}
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
unix_socket_dir =
"""


@contextlib.contextmanager
def pgbouncer(upstream: int, mode: str, size: int) -> Iterator[int]:
    """Run a pooler on loopback.

    Args:
        upstream: Port of the PostgreSQL.
        mode: `session` or `transaction`.
        size: How many connections it keeps to a database.

    Yields:
        Its port.

    Raises:
        ServerMissing: PgBouncer is not installed.
        ServerFailed: It did not start.
    """
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        raise ServerMissing("PgBouncer is not installed: apt-get install pgbouncer")
    port = free_port()
    with scratch("pgbouncer") as folder:
        config = folder / "pgbouncer.ini"
        config.write_text(
            _CONFIG.format(host=LOOPBACK, upstream=upstream, port=port, mode=mode, size=size)
        )
        folder.chmod(0o755)
        user = "nobody" if os.geteuid() == 0 else None
        command = [program, str(config)]
        with running(
            command, name="pgbouncer", folder=folder, ready=lambda: answers(port), user=user
        ):
            yield port
