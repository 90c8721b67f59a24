"""What every test stands on: a clean environment, loopback only, and real servers on demand."""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kit.browser import Browser
from kit.browser import browser as run_browser
from kit.servers.moto import Moto, moto
from kit.servers.nginx import Nginx, nginx
from kit.servers.postgres import Postgres, postgres
from kit.servers.process import ServerMissing, running_logs
from kit.servers.proxy import Proxy, proxy
from kit.servers.radosgw import Radosgw
from kit.servers.radosgw import radosgw as run_radosgw
from kit.servers.s3 import S3Server
from kit.servers.s3rver import s3rver
from kit.servers.scripted import Scripted, scripted
from kit.servers.shared import shared
from kit.servers.swift import swift as run_swift

if TYPE_CHECKING:
    from kit.gcs_server import GcsServer

_LEAKS = (
    "AWS_",
    "AZURE_",
    "BOTO_",
    "CLOUDSDK_",
    "GCLOUD_",
    "GOOGLE_",
    "GCS_",
    "LANDFAST_",
    "WANDB_",
)
_KEPT = "LANDFAST_TEST_"
_LEAKING_NAMES = {
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY"),
    *("STORAGE_EMULATOR_HOST", "GCE_METADATA_HOST", "REQUESTS_CA_BUNDLE", "NETRC"),
    *("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGPASSFILE"),
}
"""Set to make a missing server an error instead of a skipped test."""
COMPLETE = "LANDFAST_TEST_COMPLETE"


class LeftLoopback(RuntimeError):
    """A test tried to reach another machine."""


def pytest_configure() -> None:
    """Hear Ctrl-C in a run in the background too: tests send it to programs, which inherit this."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector out of collecting: what that makes lives as long as the run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what is for the night be of the system run too: no everyday run may take it by a forgotten mark."""
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker("system")


def pytest_collection_finish() -> None:
    """Let the collector pass by what lives as long as the run: walks through it took a tenth of all CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 200)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what its servers had to say."""
    report = yield
    if report.when != "teardown" and report.failed:
        report.sections += [(f"Log of {name}", text) for name, text in running_logs().items()]
    return report


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty home, no credentials, and a working folder of its own."""
    for name in list(os.environ):
        leaks = name.startswith(_LEAKS) and not name.startswith(_KEPT)
        if leaks or name.upper() in _LEAKING_NAMES:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    for variable, folder in {
        "HOME": "",
        "XDG_CACHE_HOME": ".cache",
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
        "XDG_RUNTIME_DIR": ".run",
    }.items():
        (home / folder).mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(variable, str(home / folder))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Refuse every connection of this process that would leave the machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if isinstance(host, str) and not host.startswith(("127.", "::1", "localhost")):
            raise LeftLoopback(f"a test connects to {address}; tests use loopback only")

    def guarded(self: socket.socket, address: object) -> None:
        check(address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: object) -> int:
        check(address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        patch.setattr(socket.socket, "connect_ex", guarded_ex)
        yield


@pytest.fixture(scope="session")
def python() -> Iterator[list[str]]:
    """The command of a Python that has imported landfast when it begins, for programs that others start: `-c CODE`."""
    from kit.quick import quick_python  # which imports much

    with quick_python() as command:
        yield command


@contextmanager
def skipping_if_missing() -> Iterator[None]:
    """Skip where a server is not installed, unless the run has to be complete."""
    try:
        yield
    except ServerMissing as missing:
        if os.environ.get(COMPLETE):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The temporary folder that all xdist workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxiedS3(S3Server):
    """An S3 server behind a counting proxy: `client` and the environment go through it."""

    proxy: Proxy
    direct: S3Server
    """The server itself, for what shall not be counted or broken."""


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Moto]:
    """One moto server for this worker. Use `s3`; this is for tests that start clients themselves."""
    with skipping_if_missing(), ExitStack() as stack:
        yield stack.enter_context(moto())


@pytest.fixture
def s3(moto_server: Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moto]:
    """An empty versioning S3 server; the environment's AWS variables point at it."""
    for name, value in moto_server.environment().items():
        monkeypatch.setenv(name, value)
    yield moto_server
    moto_server.reset()


@pytest.fixture
def s3_proxy(s3: Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxiedS3]:
    """The same behind the proxy, where the environment's AWS variables point now."""
    with proxy(s3.url) as front:
        server = ProxiedS3(
            url=front.url,
            access_key=s3.access_key,
            secret_key=s3.secret_key,
            region=s3.region,
            proxy=front,
            direct=s3,
        )
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        yield server


@pytest.fixture(scope="session")
def postgres_server(run_folder: Path) -> Iterator[Postgres]:
    """One PostgreSQL server for all workers of this run."""
    with skipping_if_missing(), ExitStack() as stack:
        yield stack.enter_context(shared(postgres, run_folder / "postgres"))


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """An empty database, as a `postgresql://` URL that subprocesses can use too."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def postgres_registry(postgres_server: Postgres) -> Iterator[Callable[[str], str]]:
    """Make empty registries in PostgreSQL, each with the store of a URL; return their own URLs."""
    made: list[str] = []

    def make(store_url: str) -> str:
        made.append(postgres_server.registry(store_url))
        return made[-1]

    yield make
    for url in made:
        postgres_server.drop(url)


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    """One Cloud Storage server for this worker, in a thread of it. Use `gcs`."""
    from kit.gcs_server import gcs_server

    with gcs_server() as server:
        yield server


@pytest.fixture
def gcs(gcs_server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsServer]:
    """An empty Cloud Storage that keeps generations; the environment's variables point at it."""
    for name, value in gcs_server.environment().items():
        monkeypatch.setenv(name, value)
    yield gcs_server
    gcs_server.reset()
    if gcs_server.errors:
        raise gcs_server.errors.pop()


@pytest.fixture(scope="session")
def gcp_emulator() -> Iterator[str]:
    """The URL of a Cloud Storage that answers any generation with the latest bytes."""
    from kit.servers.gcp_emulator import gcp_storage_emulator

    with skipping_if_missing(), ExitStack() as stack:
        yield stack.enter_context(gcp_storage_emulator())


@pytest.fixture(scope="session")
def s3rver_server() -> Iterator[S3Server]:
    """A server that answers any VersionId with the latest bytes; one for this worker."""
    with skipping_if_missing(), ExitStack() as stack:
        yield stack.enter_context(s3rver())


@pytest.fixture(scope="session")
def radosgw_server(run_folder: Path) -> Iterator[Radosgw]:
    """One Ceph radosgw for all workers of this run; its tests are marked `system`."""
    with skipping_if_missing(), ExitStack() as stack:
        yield stack.enter_context(shared(run_radosgw, run_folder / "radosgw"))


@pytest.fixture
def radosgw(radosgw_server: Radosgw, monkeypatch: pytest.MonkeyPatch) -> Radosgw:
    """A real S3 implementation; the environment's AWS variables point at it."""
    for name, value in radosgw_server.environment().items():
        monkeypatch.setenv(name, value)
    return radosgw_server


@pytest.fixture(scope="session")
def swift_server(run_folder: Path) -> Iterator[S3Server]:
    """One OpenStack Swift for all workers of this run; its tests are marked `system`."""
    with skipping_if_missing(), ExitStack() as stack:
        yield stack.enter_context(shared(run_swift, run_folder / "swift"))


@pytest.fixture
def swift(swift_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """OpenStack Swift's S3; the environment's AWS variables point at it."""
    for name, value in swift_server.environment().items():
        monkeypatch.setenv(name, value)
    return swift_server


@pytest.fixture
def nginx_site() -> Iterator[Nginx]:
    """An nginx that serves `nginx_site.folder`, in all its variants."""
    with skipping_if_missing(), ExitStack() as stack:
        yield stack.enter_context(nginx())


@pytest.fixture
def http_script() -> Iterator[Scripted]:
    """An HTTP server that says per path what the test tells it to say."""
    with scripted() as server:
        yield server


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A headless Chromium; for tests marked `system`."""
    with skipping_if_missing(), ExitStack() as stack:
        yield stack.enter_context(run_browser())
