"""What the page on PostgreSQL says of poolers, connections, TLS and limits, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kit.servers.certificate import own_certificate
from kit.servers.pgbouncer import pgbouncer
from kit.servers.postgres import Postgres, postgres, standby
from kit.servers.postgres_tls import tls_front
from landfast import Client
from landfast.errors import AccessDenied, InvalidInput, Unavailable
from landfast.registry.database.connect import connect
from landfast.registry.database.url import RegistryUrl
from landfast.registry.opener import init_registry
from sqlalchemy import Connection

from tests.conftest import skipping_if_missing

WORKERS, TURNS, POOL = 6, 5, 2


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"data {number}" for number in range(WORKERS)]
    for folder in made:
        folder.mkdir()
    return made


def through(url: str, port: int, query: str = "") -> str:
    """Name the same database at another port."""
    start, _, database = url.rpartition("/")
    return f"{start.rpartition(':')[0]}:{port}/{database}{query}"


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Connect as a registry does."""
    engine = connect(RegistryUrl.parse(url))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.fixture
def pooled(request: pytest.FixtureRequest, postgres_server: Postgres, postgres_url: str) -> Any:
    """The URL of a registry behind a pooler of two connections."""
    with ExitStack() as stack:
        with skipping_if_missing():
            port = stack.enter_context(pgbouncer(postgres_server.port, request.param, POOL))
        yield through(postgres_url, port)


def work(url: str, folder: Path, number: int) -> list[str]:
    """Log, read, move an alias, follow and delete, from one client."""
    name = f"set{number % 2}"
    with closing(Client(url, project="vision")) as client:
        for turn in range(TURNS):
            (folder / "a.txt").write_text(f"{number} {turn}")
            version = client.log(name, folder)
            client.promote(version, "prod")
            assert client.get(f"{name}:{version.version}").digest == version.digest
            with client.follow(f"worker {number}", begin="start") as follower:
                list(follower.changes())
        return [str(one.version) for one in client.versions(name)]


@pytest.mark.system
@pytest.mark.parametrize("pooled", ["transaction"], indirect=True)
def test_many_clients_share_two_connections_in_transaction_mode(
    pooled: str, folders: list[Path], tmp_path: Path
) -> None:
    url = f"{pooled}?prepare_threshold=none"
    init_registry(url, str(tmp_path / "store"))
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda n: work(url, folders[n], n), range(WORKERS)))
    with closing(Client(url, project="vision")) as client:
        for name in ("set0", "set1"):
            found = [one.version for one in client.versions(name)]
            assert sorted(found) == sorted(f"v{n}" for n in range(WORKERS // 2 * TURNS))
        assert client.head() == len(list(client.changes()))
        assert client.check_registry(deep=True).ok
        copied = client.copy_registry(f"sqlite:///{tmp_path / 'copy.db'}", fork=True)
        assert copied.rows


@pytest.mark.system
@pytest.mark.parametrize("pooled", ["transaction"], indirect=True)
def test_statements_that_are_prepared_fail_in_transaction_mode(
    pooled: str, folders: list[Path], tmp_path: Path
) -> None:
    init_registry(f"{pooled}?prepare_threshold=none", str(tmp_path / "store"))
    with (
        pytest.raises(Unavailable, match="prepared statement"),
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        list(pool.map(lambda n: work(pooled, folders[n], n), range(WORKERS)))


@pytest.mark.system
@pytest.mark.parametrize("pooled", ["session"], indirect=True)
def test_session_mode_serves_as_many_clients_as_it_has_connections(
    pooled: str, folders: list[Path], tmp_path: Path
) -> None:
    init_registry(pooled, str(tmp_path / "store"))
    assert work(pooled, folders[0], 0)
    assert work(pooled, folders[2], 2), "what the first had is free again once it is closed"


@pytest.mark.parametrize(("given", "expected"), [("none", None), ("0", 0), ("7", 7)])
def test_the_url_says_when_statements_are_prepared(
    postgres_registry: Any, tmp_path: Path, given: str, expected: int | None
) -> None:
    url = postgres_registry(str(tmp_path / "store"))
    named = f"{url}?prepare_threshold={given}"
    with closing(Client(named)) as client:
        assert client.head() == 0
    with connected(named) as connection:
        driver: Any = connection.connection.driver_connection
        assert driver.prepare_threshold == expected


def test_another_word_for_it_is_refused(postgres_url: str) -> None:
    client = Client(f"{postgres_url}?prepare_threshold=often")
    with closing(client), pytest.raises(InvalidInput, match=r"prepare_threshold .*'often'"):
        client.head()


def test_a_process_has_one_connection_for_each_thread_that_asks(
    postgres_registry: Any, tmp_path: Path
) -> None:
    url = postgres_registry(str(tmp_path / "store"))
    with closing(Client(f"{url}?application_name=counted")) as client, psycopg.connect(url) as look:
        for _ in range(3):
            client.head()
        asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'counted'"
        assert look.execute(asked).fetchone() == (1,)


def test_a_connection_has_the_limits_that_the_page_names(
    postgres_registry: Any, tmp_path: Path
) -> None:
    url = postgres_registry(str(tmp_path / "store"))
    page = (Path(__file__).parents[3] / "docs/operate/postgresql.md").read_text()
    with connected(url) as connection:
        for setting, value in (
            ("lock_timeout", "1min"),
            ("idle_in_transaction_session_timeout", "2min"),
            ("default_transaction_isolation", "read committed"),
        ):
            assert connection.exec_driver_sql(f"SHOW {setting}").scalar_one() == value
            assert f"`{setting}`" in page


def test_the_url_asks_for_tls_and_for_who_signed_it(
    postgres_server: Postgres, postgres_registry: Any, tmp_path: Path
) -> None:
    pem, context = own_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    stranger, _ = own_certificate(tmp_path / "other")
    url = postgres_registry(str(tmp_path / "store"))
    with tls_front(postgres_server.port, context) as front:
        url = through(url, front.port, "?sslmode=verify-full&sslrootcert=")
        with closing(Client(f"{url}{pem}")) as client:
            assert client.head() == 0
        assert front.secured == 1
        with (
            closing(Client(f"{url}{stranger}")) as client,
            pytest.raises(Unavailable, match="certificate"),
        ):
            client.head()
        assert front.secured == 1, "nobody speaks to a server that it does not trust"


@pytest.mark.system
def test_the_smallest_lock_table_is_enough(folders: list[Path], tmp_path: Path) -> None:
    with ExitStack() as stack:
        with skipping_if_missing():
            settings = {"max_locks_per_transaction": "10", "max_connections": "25"}
            server = stack.enter_context(postgres(settings))
        url, moved = server.create(), server.create()
        init_registry(url, str(tmp_path / "store"))
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda n: work(url, folders[n], n), range(WORKERS)))
        with closing(Client(url)) as client:
            client.copy_registry(moved, store=str(tmp_path / "moved"))
        with closing(Client(moved)) as client:
            client.adopt_store()
            assert client.check_registry(deep=True).ok


@pytest.mark.system
def test_a_hot_standby_answers_reads_and_names_the_primary_to_writers(
    postgres_server: Postgres, postgres_registry: Any, folders: list[Path], tmp_path: Path
) -> None:
    url = postgres_registry(str(tmp_path / "store"))
    work(url, folders[0], 0)
    with (
        standby(postgres_server) as copy,
        closing(Client(through(url, copy.port), project="vision")) as client,
    ):
        version = client.get("set0")
        assert version.download(tmp_path / "download")
        assert version.verify().ok
        assert client.check_registry(deep=True).ok
        assert [one.version.index for one in client.changes()]
        assert client.use("set0").digest == version.digest, "it says that this is not recorded"
        with pytest.raises(AccessDenied, match="name the primary in LANDFAST_REGISTRY_URL"):
            client.promote(version, "prod")
        with pytest.raises(AccessDenied, match="name the primary in LANDFAST_REGISTRY_URL"):
            client.log("set0", folders[1])
