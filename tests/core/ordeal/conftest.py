"""Clients on either database, and subprocesses that share nothing with the test but what is passed."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty registry with a store in a folder, on SQLite and on PostgreSQL."""
    from landfast.registry.opening import init_registry

    urls = {"sqlite": lambda: f"sqlite:///{tmp_path / 'registry.db'}"}
    url: str = urls.get(request.param, lambda: request.getfixturevalue("postgres_url"))()
    init_registry(url, store_url=str(tmp_path / "store"))
    return url
