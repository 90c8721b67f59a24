"""OpenStack Swift with its `s3api`: one proxy, and one server each for accounts, containers and objects.

It lists versions in its own way, see `swift_pages`. It starts in some ten seconds and writes slowly; tests
with it are marked `system`.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from kit.servers.process import (
    LOOPBACK,
    ServerFailed,
    ServerMissing,
    answers,
    clean_environment,
    free_port,
    running,
    scratch,
)
from kit.servers.s3 import S3Server

_PROGRAMS = {
    "swift-ring-builder": "swift",
    "swift-proxy-server": "swift-proxy",
    "swift-account-server": "swift-account",
    "swift-container-server": "swift-container",
    "swift-object-server": "swift-object",
    "memcached": "memcached",
}
_KINDS = ("account", "container", "object")
# The middleware that Swift's own documentation names for `s3api`.
_PIPELINE = (
    "catch_errors gatekeeper cache listing_formats bulk s3api tempauth copy slo dlo"
    " versioned_writes symlink"
)
_RINGS = """
import sys
from swift.common.ring import RingBuilder
for ring in sys.argv[2:]:
    kind, port = ring.split("=")
    builder = RingBuilder(4, 1, 0)
    builder.add_dev(dict(region=1, zone=1, ip=sys.argv[1], port=int(port), device="d1", weight=1))
    builder.rebalance()
    builder.get_ring().save(kind + ".ring.gz")
"""
_COMMON = """\
[DEFAULT]
bind_ip = {host}
bind_port = {port}
workers = 0
user = {user}
swift_dir = {root}
devices = {root}
mount_check = false
log_level = WARNING
log_address = {root}/none
"""
_STORAGE = """
[pipeline:main]
pipeline = {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
"""
_PROXY = """
[pipeline:main]
pipeline = {pipeline} proxy-server

[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
node_timeout = 60
conn_timeout = 10

[filter:cache]
use = egg:swift#memcache
memcache_servers = {cache}

[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin

[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
"""


@contextlib.contextmanager
def swift() -> Iterator[S3Server]:
    """Run a Swift of one device.

    Yields:
        The running server.

    Raises:
        ServerMissing: Some of Swift is not installed.
        ServerFailed: A server did not start.
    """
    missing = {package for name, package in _PROGRAMS.items() if not shutil.which(name)}
    if missing:
        raise ServerMissing(f"Swift is not installed: apt-get install {' '.join(sorted(missing))}")
    with scratch("swift") as root, contextlib.ExitStack() as servers:
        (root / "d1").mkdir()
        ports = {kind: free_port() for kind in (*_KINDS, "memcached", "proxy")}
        _make_rings(root, ports)
        user = ("-u", _user()) if os.getuid() == 0 else ()
        memory = ("memcached", "-l", LOOPBACK, "-p", str(ports["memcached"]), *user)
        servers.enter_context(running(memory, name="memcached", folder=root, ready=lambda: True))
        for kind in _KINDS:
            _start(servers, root, kind, ports, _STORAGE.format(kind=kind))
        url = f"http://{LOOPBACK}:{ports['proxy']}"
        server = S3Server(url=url, access_key="test:tester")
        _start(servers, root, "proxy", ports, _proxy(server, ports["memcached"]))
        yield server


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _proxy(server: S3Server, cache: int) -> str:
    account, user = server.access_key.split(":")
    text = _PROXY.format(
        pipeline=_PIPELINE,
        account=account,
        user=user,
        secret=server.secret_key,
        cache=f"{LOOPBACK}:{cache}",
    )
    plain = [name for name in _PIPELINE.split() if f"[filter:{name}]" not in text]
    return text + "".join(f"\n[filter:{name}]\nuse = egg:swift#{name}\n" for name in plain)


def _make_rings(root: Path, ports: Mapping[str, int]) -> None:
    """Write which device holds what; by the Python that Swift is installed for."""
    text = Path(shutil.which("swift-ring-builder") or "").read_text(errors="replace")
    python = text.partition("\n")[0].removeprefix("#!").split()
    rings = [f"{kind}={ports[kind]}" for kind in _KINDS]
    result = subprocess.run(
        [*python, "-c", _RINGS, LOOPBACK, *rings],
        cwd=root,
        env=clean_environment(root),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if result.returncode:
        raise ServerFailed(f"Swift's rings were not made:\n{result.stdout}{result.stderr}")


def _start(
    servers: contextlib.ExitStack,
    root: Path,
    kind: str,
    ports: Mapping[str, int],
    sections: str,
) -> None:
    """Start a server; the proxy comes last and is ready when all are."""
    config, port = root / f"{kind}.conf", ports[kind]
    head = _COMMON.format(host=LOOPBACK, port=port, user=_user(), root=root)
    config.write_text(head + sections)

    def is_ready() -> bool:
        return kind != "proxy" or all(answers(each) for each in ports.values())

    command = [f"swift-{kind}-server", str(config), "--verbose"]
    servers.enter_context(
        running(command, name=f"swift-{kind}", folder=root, ready=is_ready, timeout_s=120)
    )
