"""Prefect keeps to itself: a home of its own, no server unless a test asks for `prefect_server`."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kit.servers.shared import shared

from tests.with_prefect.server import PrefectServer, quiet
from tests.with_prefect.server import prefect_server as run_prefect_server

# Prefect reads its settings when it is imported, once: this has to come first.
_HOME = tempfile.mkdtemp(prefix="landfast-prefect-home-")
_ROOT = Path(__file__).parents[2]
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("PREFECT_")]:
    del os.environ[_name]
os.environ.update(quiet(_HOME))


def pytest_configure(config: pytest.Config) -> None:
    """Let pass what Google's libraries say of Python's age, and what Prefect leaves to the collector.

    Prefect's clients leave connections, and its runners processes, that say so whenever they are
    collected: in some later test, not in the one that they belong to.
    """
    unraisable = "pytest.PytestUnraisableExceptionWarning"
    for line in (
        "ignore:You are using a Python version .* which Google will stop supporting:FutureWarning",
        f"ignore:Exception ignored in. <socket.socket:{unraisable}",
        f"ignore:Exception ignored in. <function Popen.__del__:{unraisable}",
    ):
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session")
def prefect_server_of_session(run_folder: Path) -> Iterator[PrefectServer]:
    """One server for all workers of this run; use `prefect_server`."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        # The process that keeps it imports the function by name.
        patch.setenv("PYTHONPATH", str(_ROOT))
        server = stack.enter_context(shared(run_prefect_server, run_folder / "prefect"))
        patch.undo()
        yield server


@pytest.fixture(autouse=True)
def own_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep no client of a test before: pytest 9.0 gives the folder of one that passed, now removed, to the next."""
    monkeypatch.setattr("prefect_landfast.client._open", {})


@pytest.fixture
def registry_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty registry that the environment names."""
    url = f"sqlite:///{tmp_path}/registry.db"
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    return url


@pytest.fixture
def prefect_server(
    prefect_server_of_session: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PrefectServer]:
    """A real Prefect server, which this process and its children use; for tests marked `system`."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    server = prefect_server_of_session
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    with temporary_settings({PREFECT_API_URL: server.api}):
        yield server


@pytest.fixture
def no_server_starts() -> Iterator[None]:
    """Check that the test made Prefect start no server of its own."""
    yield
    module = sys.modules.get("prefect.server.api.server")
    started = {} if module is None else module.SubprocessASGIServer._instances
    assert not [server for server in started.values() if server.running]
