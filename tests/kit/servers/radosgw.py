"""Ceph's radosgw over one monitor and one in-memory OSD: a real S3 implementation, checks and all.

It verifies signatures, lists fast, and writes an access log by which requests are counted. It
takes ten to twenty seconds to start; tests with it are marked `system`.
"""

import contextlib
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.servers.exchange import s3_kind
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
    "radosgw": "radosgw",
    "radosgw-admin": "radosgw",
    "ceph-mon": "ceph-mon",
    "monmaptool": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "ceph": "ceph-common",
    "ceph-authtool": "ceph-common",
}
_ACCESS = re.compile(
    r'beast: \S+: .*?"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[\d.]+" (?P<status>\d+)'
)

# So many seconds are a day to the rules of a bucket's lifecycle, which run as often.
LIFECYCLE_DAY_S = 10
# Without the two `update on start` lines the OSD dies of "wrong fsid".
_CONFIG = """\
[global]
fsid = {fsid}
mon host = [v1:{host}:{mon_port}]
ms bind msgr2 = false
public addr = {host}
cluster addr = {host}
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
mon max pg per osd = 2000
mon data = {root}/mon
osd data = {root}/osd0
osd objectstore = memstore
memstore device bytes = 4294967296
osd class update on start = false
osd crush update on start = false
osd class load list = *
osd class default list = *
mon cluster log file = {root}/log/cluster.log
run dir = {root}/run
admin socket = {root}/run/$cluster-$name.$pid.asok
pid file = {root}/run/$name.pid
log file = {root}/log/$name.log
crash dir = {root}/run
mon data avail crit = 1
keyring = {root}/keyring
rgw data = {root}/rgw
rgw frontends = beast endpoint={host}:{rgw_port}
rgw dynamic resharding = false
rgw lc debug interval = {day_s}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One request in the access log."""

    method: str
    target: str
    status: int
    kind: str
    """As `exchange.s3_kind` names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of its own, who may do what policies of buckets say."""

    name: str
    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Radosgw(S3Server):
    """A running radosgw."""

    access_log: str
    config: str = ""

    def user(self, name: str) -> User:
        """Make a user without a bucket or a right."""
        made = User(name=name, access_key=f"AKIA{uuid.uuid4().hex[:16]}", secret_key="secret")
        subprocess.run(
            [
                *("radosgw-admin", "--conf", self.config, "user", "create"),
                *("--uid", name, "--display-name", name),
                *("--access-key", made.access_key, "--secret-key", made.secret_key),
            ],
            env=clean_environment(Path(self.config).parent),
            check=True,
            capture_output=True,
            timeout=120,
        )
        return made

    def requests(self, bucket: str) -> list[Access]:
        """Read what the server was asked about a bucket, oldest first.

        The log is written a little after the answer: a request of our own marks the end to read to.
        """
        mark = f"landfast-mark-{uuid.uuid4().hex}"
        with contextlib.suppress(self.client.exceptions.ClientError):
            self.client.head_bucket(Bucket=mark)
        deadline = time.monotonic() + 60
        while mark not in (text := Path(self.access_log).read_text(errors="replace")):
            if time.monotonic() > deadline:
                raise ServerFailed(f"radosgw did not log a request in 60 s: {self.access_log}")
            time.sleep(0.02)
        lines = (_ACCESS.search(line) for line in text.splitlines())
        found = [_access(match) for match in lines if match]
        return [a for a in found if a.target.partition("?")[0].split("/")[1] == bucket]

    def counts(self, bucket: str) -> Counter[str]:
        """How many requests of each kind the server was asked about a bucket."""
        return Counter(access.kind for access in self.requests(bucket))


@contextlib.contextmanager
def radosgw() -> Iterator[Radosgw]:
    """Run a Ceph cluster of one, and radosgw on it.

    Yields:
        The running server, with a user whose keys it holds.

    Raises:
        ServerMissing: Some of Ceph is not installed.
        ServerFailed: A daemon did not start.
    """
    missing = {package for name, package in _PROGRAMS.items() if not shutil.which(name)}
    if missing:
        raise ServerMissing(f"Ceph is not installed: apt-get install {' '.join(sorted(missing))}")
    with scratch("ceph") as root:
        cluster = _Cluster(root=root, mon_port=free_port(), rgw_port=free_port())
        cluster.configure()
        with cluster.monitor(), cluster.osd(), cluster.gateway():
            server = Radosgw(
                url=f"http://{LOOPBACK}:{cluster.rgw_port}",
                region="default",
                access_log=str(root / "log" / "client.admin.log"),
                config=str(root / "ceph.conf"),
            )
            cluster.call(
                *("radosgw-admin", "user", "create", "--uid", "test", "--display-name", "test"),
                *("--access-key", server.access_key, "--secret-key", server.secret_key),
            )
            yield server


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cluster:
    root: Path
    mon_port: int
    rgw_port: int

    def call(self, *command: str) -> None:
        result = subprocess.run(
            command,
            env=self._environment(),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if result.returncode:
            raise ServerFailed(f"{command[0]} {command[1]} failed:\n{result.stdout}{result.stderr}")

    def configure(self) -> None:
        for folder in ("mon", "osd0", "log", "run", "rgw"):
            (self.root / folder).mkdir()
        fsid = str(uuid.uuid4())
        (self.root / "ceph.conf").write_text(
            _CONFIG.format(
                fsid=fsid,
                host=LOOPBACK,
                root=self.root,
                mon_port=self.mon_port,
                rgw_port=self.rgw_port,
                day_s=LIFECYCLE_DAY_S,
            )
        )
        keyring, monmap = str(self.root / "keyring"), str(self.root / "monmap")
        self.call(
            *("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon."),
            *("--cap", "mon", "allow *"),
        )
        self.call(
            *("ceph-authtool", keyring, "--gen-key", "-n", "client.admin"),
            *("--cap", "mon", "allow *", "--cap", "osd", "allow *"),
        )
        address = f"[v1:{LOOPBACK}:{self.mon_port}]"
        self.call("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
        self.call("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)

    @contextlib.contextmanager
    def monitor(self) -> Iterator[None]:
        with self._daemon("ceph-mon", "-i", "a", ready=self._has_quorum):
            yield

    def _has_quorum(self) -> bool:
        """Tell whether the monitor takes commands: its port opens before it does."""
        if not answers(self.mon_port):
            return False
        try:
            self.call("ceph", "mon", "stat")
        except ServerFailed:
            return False
        return True

    @contextlib.contextmanager
    def osd(self) -> Iterator[None]:
        identity = str(uuid.uuid4())
        self.call("ceph", "osd", "new", identity)
        self.call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        self.call("ceph", "osd", "crush", "add", "osd.0", "1.0", "host=h", "root=default")
        with self._daemon("ceph-osd", "-i", "0", ready=lambda: True):
            yield  # radosgw waits for it

    @contextlib.contextmanager
    def gateway(self) -> Iterator[None]:
        with self._daemon("radosgw", "-n", "client.admin", ready=lambda: answers(self.rgw_port)):
            yield

    @contextlib.contextmanager
    def _daemon(self, *command: str, ready: Callable[[], bool]) -> Iterator[None]:
        with running(
            [*command, "-f"],
            name=command[0],
            folder=self.root,
            ready=ready,
            env=self._environment(),
            timeout_s=120,
            stop_signal=signal.SIGKILL,
        ):
            yield

    def _environment(self) -> dict[str, str]:
        config = str(self.root / "ceph.conf")
        return clean_environment(self.root, {"CEPH_CONF": config, "CEPH_ARGS": f"--conf {config}"})


def _access(match: re.Match[str]) -> Access:
    method, target = match["method"], match["target"]
    return Access(
        method=method, target=target, status=int(match["status"]), kind=s3_kind(method, target, {})
    )
