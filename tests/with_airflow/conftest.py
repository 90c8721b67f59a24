"""An Airflow of its own for each test: a database, a DAGs folder, and a scheduler by hand."""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import landfast
import pytest

from tests.with_airflow.live import migrate

# Airflow reads these as it is imported, and it is imported once.
_HOME = Path(tempfile.mkdtemp(prefix="landfast-airflow-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ |= {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__API__BASE_URL": "https://airflow.example/",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(_HOME / "dags"),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(_HOME / "logs"),
    "AIRFLOW__API_AUTH__JWT_SECRET": "for-tests-only-but-long-enough-to-sign-with",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


# What Airflow and its dependencies say about each other, not about us.
_NOT_OURS = (
    # 3.1 and newer Starlette.
    "ignore:'HTTP_422_UNPROCESSABLE_ENTITY' is deprecated:DeprecationWarning",
    # 3.1 leaves sockets between itself and a task open; a file of ours would have a path as its name.
    r"ignore:Exception ignored in. <_io.FileIO name=\d+ :pytest.PytestUnraisableExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let frameworks warn of each other in the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for ignored in _NOT_OURS:
                item.add_marker(pytest.mark.filterwarnings(ignored))


@pytest.fixture(scope="session")
def airflow_database(run_folder: Path) -> Path:
    """A SQLite file with Airflow's tables, made once for all workers of this run."""
    template = run_folder / "airflow-template.db"
    with (run_folder / "airflow-template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            migrate(template)
    return template


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty registry, which the environment names."""
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    landfast.Client(url).init_registry()
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    return url


@pytest.fixture(scope="session")
def one_api_server() -> Iterator[None]:
    """Airflow 3.1 builds an API server for each task that a test runs: let it build one."""
    from airflow import __version__
    from airflow.api_fastapi.execution_api import app

    with pytest.MonkeyPatch.context() as patch:
        if __version__.startswith("3.1."):
            server = functools.cache(app.InProcessExecutionAPI)
            patch.setattr(app, "InProcessExecutionAPI", server)
        yield


@pytest.fixture
def airflow(airflow_database: Path, registry: str, one_api_server: None) -> Iterator[object]:
    """An Airflow without DAGs and runs, in this process."""
    from airflow import settings

    from tests.with_airflow.world import World

    settings.Session.remove()
    settings.engine.dispose()
    for leftover in _HOME.glob("airflow.db*"):
        leftover.unlink()
    shutil.copy(airflow_database, _HOME / "airflow.db")
    dags = _HOME / "dags"
    shutil.rmtree(dags, ignore_errors=True)
    dags.mkdir()
    known = set(sys.modules)
    yield World(dags=dags, registry=registry)
    for name in set(sys.modules) - known:
        if name.startswith("unusual_prefix_"):
            del sys.modules[name]
