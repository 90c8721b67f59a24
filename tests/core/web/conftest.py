"""A registry with two collections, and its pages."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import landfast
import pytest
from kit.pages import Served, serving
from landfast.client import Client
from landfast.settings import load_settings


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client of an empty registry."""
    settings = load_settings(
        tmp_path,
        registry_url=f"sqlite:///{tmp_path}/registry.db",
        cache_dir=str(tmp_path / "cache"),
        project="vision",
    )
    with contextlib.closing(landfast.Client(settings=settings)) as made:
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of three files."""
    folder = tmp_path / "data"
    (folder / "b").mkdir(parents=True)
    for path, text in {"a.txt": "first\n", "b/c.csv": "x,y\n1,2\n", "b/d.json": "{}"}.items():
        (folder / path).write_text(text)
    return folder


@pytest.fixture
def pages(client: Client) -> Iterator[Served]:
    """The pages of that client's registry."""
    with serving(client) as served:
        yield served
