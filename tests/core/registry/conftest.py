"""An empty registry on each database."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from landfast.registry.opener import init_registry, open_registry
from landfast.registry.registry import Registry


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty registry, on SQLite and on PostgreSQL."""
    if request.param == "postgresql":
        make: Callable[[str], str] = request.getfixturevalue("postgres_registry")
        return make("s3://bucket/store/")
    url = f"sqlite:///{tmp_path}/registry.db"
    init_registry(url, "s3://bucket/store/")
    return url


@pytest.fixture
def open_again(registry_url: str) -> Iterator[Callable[[], Registry]]:
    """Open the registry once more, with connections of its own."""
    opened: list[Registry] = []

    def open_it() -> Registry:
        opened.append(open_registry(registry_url, lease=timedelta(milliseconds=50)))
        return opened[-1]

    yield open_it
    for registry in opened:
        registry.close()


@pytest.fixture
def registry(open_again: Callable[[], Registry]) -> Registry:
    """The registry, opened."""
    return open_again()
