"""The grants of the documentation are enough, and not too much, also for what an upgrade adds later."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from landfast import AccessDenied, Client
from landfast.registry.opener import init_registry

PAGE = Path(__file__).parents[3] / "docs/registry.md"
OWNER, WRITER, READER = (f"landfast_{name}_{os.getpid()}" for name in ("owner", "writer", "reader"))


@pytest.fixture
def team(postgres_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The URLs of the owner, a writer and a reader, with the grants of the page."""
    (grants,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    grants = grants.replace("landfast_writer", WRITER).replace("landfast_reader", READER)
    urls = {role: postgres_url.replace("postgres@", f"{role}@") for role in (OWNER, WRITER, READER)}
    with psycopg.connect(postgres_url, autocommit=True) as root:
        root.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
        root.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {OWNER} WITH GRANT OPTION")
        root.execute("REVOKE ALL ON SCHEMA public FROM public")
        try:
            init_registry(urls[OWNER], store_url=str(tmp_path / "store"))
            with psycopg.connect(urls[OWNER], autocommit=True) as owner:
                owner.execute(grants)
            yield urls
        finally:
            root.execute(f"REVOKE ALL ON SCHEMA public FROM {OWNER} CASCADE")
            root.execute(f"DROP OWNED BY {OWNER} CASCADE")
            root.execute(f"DROP ROLE {OWNER}")
            root.execute(f"DROP ROLE IF EXISTS {READER}, {WRITER}")


def test_mend_21b_a_writer_writes_and_a_reader_reads(team, tmp_path) -> None:
    (tmp_path / "a").write_text("a")
    version = Client(team[WRITER]).log("data", tmp_path / "a")
    assert Client(team[READER]).get("data") == version
    with pytest.raises(AccessDenied):
        Client(team[READER]).promote("data:v0", "prod")
    assert Client(team[WRITER]).promote("data:v0", "prod").aliases == ("latest", "prod")


def test_mend_21b_tables_of_a_later_upgrade_are_granted_too(team) -> None:
    with psycopg.connect(team[OWNER], autocommit=True) as owner:
        owner.execute("CREATE TABLE later (id BIGSERIAL PRIMARY KEY, what TEXT)")
    with psycopg.connect(team[WRITER], autocommit=True) as writer:
        writer.execute("INSERT INTO later (what) VALUES ('a'), ('b')")
        writer.execute("UPDATE later SET what = 'c' WHERE what = 'b'")
        writer.execute("DELETE FROM later WHERE what = 'a'")
    with psycopg.connect(team[READER], autocommit=True) as reader:
        assert reader.execute("SELECT id, what FROM later").fetchall() == [(2, "c")]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("INSERT INTO later (what) VALUES ('d')")
