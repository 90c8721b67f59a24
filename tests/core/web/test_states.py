"""What becomes of a registry while its pages are served is a page that says so."""

import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import landfast
import psycopg
import pytest
from kit.pages import Served, serving
from kit.servers.postgres import Postgres, postgres
from landfast.client import Client
from landfast.registry.opener import init_registry
from landfast.settings import load_settings

from tests.conftest import skipping_if_missing
from tests.core.web.test_preview import at

ADDRESSES = [
    "/",
    "/runs",
    "/-/changes",
    "/-/object?uri=file:///x",
    "/-/health",
    "/default/vision",
    "/default/vision/data",
    "/default/vision/data?version=v0",
    "/default/vision/data/files?version=v0",
    "/default/vision/data/file?version=v0&path=a.txt",
    "/default/vision/data/raw?version=v0&path=a.txt&download=1",
    "/default/vision/data/lineage?version=v0",
]
Made = Callable[[str], Client]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Make a client of a registry, closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(url: str) -> Client:
            chosen = load_settings(
                tmp_path,
                registry_url=url,
                cache_dir=str(tmp_path / "cache"),
                store_url=None,
                project="vision",
            )
            return stack.enter_context(contextlib.closing(landfast.Client(settings=chosen)))

        yield make


def statuses(pages: Served) -> dict[str, int]:
    """Ask for every page; none of them may hold a traceback or a password."""
    found = {}
    for address in ADDRESSES:
        reply = pages.get(address)
        assert b"Traceback" not in reply.body, address
        assert b"hunter2" not in reply.body, address
        found[address] = reply.status
    return found


def test_a_registry_that_another_keeps_locked_is_said(
    client: Client,
    pages: Served,
    data: Path,
    tmp_path: Path,
) -> None:
    client.log("data", data)
    assert set(statuses(pages).values()) == {200}
    with contextlib.closing(sqlite3.connect(tmp_path / "registry.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        # The write-ahead log lets readers read while somebody writes.
        assert set(statuses(pages).values()) == {200}


def test_a_registry_that_is_deleted_is_said(
    client: Client, pages: Served, data: Path, tmp_path: Path
) -> None:
    client.log("data", data)
    assert set(statuses(pages).values()) == {200}
    for file in tmp_path.glob("registry.db*"):
        file.unlink()
    assert set(statuses(pages).values()) == {404}
    assert "registry.db" in pages.get("/").text
    assert not (tmp_path / "registry.db").exists()


def test_a_registry_that_is_no_database_any_more_is_said(
    client: Client, data: Path, tmp_path: Path, made: Made
) -> None:
    client.log("data", data)
    client.close()
    for file in tmp_path.glob("registry.db-*"):
        file.unlink()
    (tmp_path / "registry.db").write_bytes(b"no database" * 1000)
    with serving(made(f"sqlite:///{tmp_path}/registry.db")) as pages:
        assert set(statuses(pages).values()) == {409}
        assert "is not a usable SQLite database" in pages.get("/").text


def test_a_registry_that_a_newer_client_upgrades_is_said(
    client: Client, pages: Served, data: Path, tmp_path: Path
) -> None:
    client.log("data", data)
    assert set(statuses(pages).values()) == {200}
    with contextlib.closing(sqlite3.connect(tmp_path / "registry.db")) as other:
        other.execute("UPDATE registry SET oldest_reader = '99.0.0', oldest_writer = '99.0.0'")
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.commit()
    assert set(statuses(pages).values()) == {409}
    assert "landfast 99.0.0 or newer" in pages.get("/").text


def test_manifests_that_are_gone_are_said(
    client: Client, pages: Served, data: Path, tmp_path: Path
) -> None:
    client.log("data", data)
    shutil.rmtree(tmp_path / "registry.blobs")
    found = statuses(pages)
    assert found["/"] == found["/default/vision/data"] == 200
    assert found["/default/vision/data/file?version=v0&path=a.txt"] == 404
    assert 500 not in found.values()


@pytest.fixture
def own_postgres() -> Iterator[tuple[Postgres, contextlib.ExitStack]]:
    """A PostgreSQL server that the test may stop."""
    with skipping_if_missing(), contextlib.ExitStack() as stack:
        yield stack.enter_context(postgres()), stack


@pytest.mark.system
def test_a_server_of_postgresql_that_is_stopped_is_said(
    own_postgres: tuple[Postgres, contextlib.ExitStack], made: Made, data: Path, tmp_path: Path
) -> None:
    server, stack = own_postgres
    url = server.create()
    init_registry(url, (tmp_path / "store").as_uri())
    client = made(url.replace("@", ":hunter2@"))
    client.log("data", data)
    with serving(client) as pages:
        assert set(statuses(pages).values()) == {200}
        stack.close()
        assert set(statuses(pages).values()) == {503}


def test_a_role_that_may_only_read_sees_every_page(
    postgres_url: str, made: Made, data: Path, tmp_path: Path
) -> None:
    init_registry(postgres_url, (tmp_path / "store").as_uri())
    made(postgres_url).log("data", data)
    role = f"reader_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN")
        try:
            url = postgres_url.replace("postgres@", f"{role}@")
            with serving(made(url)) as pages:
                assert set(statuses(pages).values()) == {403}
                owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
            with serving(made(url)) as pages:
                assert set(statuses(pages).values()) == {200}
        finally:
            owner.execute(f"DROP OWNED BY {role}")
            owner.execute(f"DROP ROLE {role}")


@pytest.mark.skipif(
    os.geteuid() == 0 or sys.platform == "win32", reason="root may write everywhere"
)
def test_a_file_that_may_only_be_read_is_shown(
    client: Client, data: Path, tmp_path: Path, made: Made
) -> None:
    client.log("data", data)
    client.close()
    (tmp_path / "registry.db").chmod(0o444)
    with serving(made(f"sqlite:///{tmp_path}/registry.db")) as pages:
        assert set(statuses(pages).values()) == {200}


def test_a_file_that_is_gone_is_said(client: Client, pages: Served, data: Path) -> None:
    client.log("data", data)
    (data / "a.txt").unlink()
    page = pages.get(at("file", "a.txt").replace("/files/", "/data/"))
    assert page.status == 200
    assert "The recorded bytes are no longer available." in page.text
