"""What the tests of the Dagster integration stand on: an instance, a registry, a folder of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import landfast
import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let others warn of what is not ours to mend: what is beta in Dagster, the age of a Python."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for warning in (
                "ignore::dagster.BetaWarning",
                "ignore::dagster.PreviewWarning",
                "ignore:You are using a Python version:FutureWarning",
            ):
                item.add_marker(pytest.mark.filterwarnings(warning))
        # Dagster says it to itself where one resource holds another that is configured.
        said = "ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning"
        item.add_marker(pytest.mark.filterwarnings(said))
        # Dagster's own Pipes session asks for what Dagster calls deprecated.
        said = "ignore:AssetExecutionContext.run_id is deprecated:DeprecationWarning"
        item.add_marker(pytest.mark.filterwarnings(said))
        # An ephemeral instance that a page or a built context made goes with the collector, in some later test.
        said = "ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning"
        item.add_marker(pytest.mark.filterwarnings(said))
        # Google's client tells of the end of Python 3.11, at import.
        said = "ignore:You are using a Python version:FutureWarning"
        item.add_marker(pytest.mark.filterwarnings(said))


@pytest.fixture(scope="session")
def shared_instance() -> Iterator[dg.DagsterInstance]:
    """One instance for this worker: to make one takes Dagster longer than most tests. Use `instance`."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def instance(shared_instance: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """An instance that knows of nothing, and forgets everything after the test."""
    yield shared_instance
    shared_instance.wipe()


@pytest.fixture
def disk_instance() -> Iterator[dg.DagsterInstance]:
    """An instance on disk, which other processes can open."""
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def client() -> landfast.Client:
    """A client on the environment's registry, the one that resources without arguments use; it is made."""
    made = landfast.Client()
    made.registry.ticket()
    return made


@pytest.fixture
def data(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of text files: ``data("raw", a="1")`` is raw/a; what else was there goes away."""

    def write(folder: str, **files: str) -> Path:
        target = tmp_path / "data" / folder
        target.mkdir(parents=True, exist_ok=True)
        for old in target.iterdir():
            if old.is_file():
                old.unlink()
        for name, text in files.items():
            (target / name).write_text(text)
        return target

    return write
