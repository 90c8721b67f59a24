"""Prefect keeps to itself: a home of its own, no server unless a test asks for `prefect_server`."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.with_prefect.server import PrefectServer, quiet
from tests.with_prefect.server import prefect_server as run_prefect_server

# Prefect reads its settings when it is imported, once: this has to come first.
_HOME = Path(tempfile.mkdtemp(prefix="landfast-prefect-home-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("PREFECT_")]:
    del os.environ[_name]
os.environ.update(quiet(_HOME))


@pytest.fixture(scope="session")
def prefect_server_of_session() -> Iterator[PrefectServer]:
    """The server of all tests; use `prefect_server`."""
    with run_prefect_server() as server:
        yield server


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
