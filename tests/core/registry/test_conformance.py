"""RegistrySuite over every implementation."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from landfast.registry.opening import init_registry, open_registry
from landfast.registry.sql import SqlRegistry
from landfast.testing.registry_suite import RegistrySuite

_LEASE = timedelta(seconds=2)


class TestSqlite(RegistrySuite):
    @pytest.fixture
    def registry(self, tmp_path: Path) -> Iterator[SqlRegistry]:
        registry = open_registry(f"sqlite:///{tmp_path}/registry.db", lease=_LEASE)
        yield registry
        registry.close()


class TestPostgresql(RegistrySuite):
    @pytest.fixture
    def registry(self, postgres_url: str) -> Iterator[SqlRegistry]:
        init_registry(postgres_url, "s3://bucket/store/")
        registry = open_registry(postgres_url, lease=_LEASE)
        yield registry
        registry.close()
