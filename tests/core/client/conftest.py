"""Clients on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from landfast import Client


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.db'}"
    url: str = request.getfixturevalue("postgres_registry")(str(tmp_path / "store"))
    return url


@pytest.fixture
def any_client(registry_url: str) -> Iterator[Client]:
    client = Client(registry_url, project="vision")
    yield client
    client.close()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tries as ever, with next to no waiting between them."""
    from landfast.clouds.retry import RetryPolicy

    monkeypatch.setattr(RetryPolicy, "wait_s", lambda *_: 0.01)


@pytest.fixture(params=["folder", "s3", "gcs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for blobs on each kind of store."""
    if request.param == "folder":
        return str(tmp_path / "store")
    server = request.getfixturevalue(request.param)
    scheme = {"s3": "s3", "gcs": "gs"}[request.param]
    return f"{scheme}://{server.bucket()}/team"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"a")
    return folder
