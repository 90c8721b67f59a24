"""PostgreSQL gives each test a database, and runs for as long as somebody uses it."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
import sqlalchemy
from kit.servers.postgres import postgres
from kit.servers.process import answers
from kit.servers.shared import shared
from landfast.registry.opener import init_registry, open_registry


def test_each_url_is_an_empty_database_of_its_own(postgres_server, postgres_url):
    other = postgres_server.create()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE here (n int)")
    with psycopg.connect(other) as connection:
        assert connection.execute("SELECT to_regclass('here')").fetchone() == (None,)
    postgres_server.drop(other)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(other)


def test_sqlalchemy_connects_by_tcp_and_by_socket(postgres_server, postgres_url):
    name = postgres_url.rpartition("/")[2]
    for url in (postgres_url, postgres_server.socket_url(name)):
        engine = sqlalchemy.create_engine(
            sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
        )
        with engine.connect() as connection:
            assert connection.scalar(sqlalchemy.text("SELECT current_database()")) == name
        engine.dispose()


def test_a_subprocess_connects_with_nothing_but_the_url(postgres_url):
    script = "import psycopg, sys; print(psycopg.connect(sys.argv[1]).execute('SELECT 41 + 1').fetchone()[0])"
    output = subprocess.check_output(
        [sys.executable, "-c", script, postgres_url], env={}, text=True
    )
    assert output.strip() == "42"


def test_drop_does_not_wait_for_open_connections(postgres_server):
    url = postgres_server.create()
    with psycopg.connect(url) as connection:
        postgres_server.drop(url)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_a_shared_server_starts_once_and_ends_with_its_last_user(tmp_path):
    with shared(postgres, tmp_path) as first:
        with shared(postgres, tmp_path) as second:
            assert second == first
        with psycopg.connect(first.url("postgres")):
            pass
    deadline = time.monotonic() + 60
    while answers(first.port) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not answers(first.port)
    with shared(postgres, tmp_path) as again, psycopg.connect(again.url("postgres")):
        assert again.port != first.port


def test_a_shared_server_ends_when_its_only_user_is_killed(tmp_path):
    script = """
import os, sys
from pathlib import Path
from kit.servers.postgres import postgres
from kit.servers.shared import shared
from landfast.registry.opener import init_registry, open_registry
with shared(postgres, Path(sys.argv[1])) as server:
    print(server.port, flush=True)
    os.kill(os.getpid(), 9)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    port = int(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    deadline = time.monotonic() + 60
    while answers(port) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not answers(port)


def test_a_registry_is_as_one_that_was_made_for_itself(
    postgres_registry: Callable[[str], str], postgres_url: str
) -> None:
    whole = init_registry(postgres_url, "s3://bucket/one/")
    copies = [open_registry(postgres_registry(f"s3://bucket/{name}/")) for name in ("one", "two")]
    for copy in copies:
        assert copy.head() == 0
        copy.close()
    one, two = (copy.info for copy in copies)
    assert len({whole.id, one.id, two.id}) == 3
    assert (one.store_url, two.store_url) == ("s3://bucket/one/", "s3://bucket/two/")
    assert one == replace(whole, id=one.id, url=one.url, database=one.database)
