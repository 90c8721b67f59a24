"""RegistrySuite over every implementation."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from kit.servers.postgres import Postgres
from landfast.registry import schema
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


@pytest.fixture(scope="module")
def one_url(postgres_server: Postgres) -> Iterator[str]:
    url = postgres_server.create()
    init_registry(url, "s3://bucket/store/")
    yield url
    postgres_server.drop(url)


class TestPostgresql(RegistrySuite):
    @pytest.fixture
    def registry(self, one_url: str) -> Iterator[SqlRegistry]:
        empty(one_url)
        registry = open_registry(one_url, lease=_LEASE)
        yield registry
        registry.close()


def empty(url: str) -> None:
    """Take every row away: quicker than a database for each test."""
    kept = {"registry", "counters"}
    tables = ", ".join(name for name in schema.metadata.tables if name not in kept)
    with psycopg.connect(url) as connection:
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
        connection.execute("UPDATE counters SET value = 0")
