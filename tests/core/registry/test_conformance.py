"""RegistrySuite over every implementation."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from kit.servers.postgres import Postgres
from landfast.registry.opener import init_registry, open_registry
from landfast.registry.registry import Registry
from landfast.registry.schema import tables
from landfast.testing.registry_suite import RegistrySuite

_LEASE = timedelta(seconds=2)


class TestSqlite(RegistrySuite):
    @pytest.fixture
    def registry(self, tmp_path: Path) -> Iterator[Registry]:
        registry = open_registry(f"sqlite:///{tmp_path}/registry.db", lease=_LEASE)
        yield registry
        registry.close()


@pytest.fixture(scope="module")
def one_url(postgres_server: Postgres) -> Iterator[str]:
    url = postgres_server.create()
    init_registry(url, "s3://bucket/store/")
    yield url
    postgres_server.drop(url)


class TestPostgresql(RegistrySuite):
    @pytest.fixture
    def registry(self, one_url: str) -> Iterator[Registry]:
        empty(one_url)
        registry = open_registry(one_url, lease=_LEASE)
        yield registry
        registry.close()


def empty(url: str) -> None:
    """Take every row away: quicker than a database for each test, and of few rows quicker than TRUNCATE."""
    kept = {"registry", "counters"}
    with psycopg.connect(url) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            if table.name not in kept:
                connection.execute(f"DELETE FROM {table.name}")  # type: ignore[arg-type]
        connection.execute("UPDATE counters SET value = 0")
