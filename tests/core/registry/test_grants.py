"""Readers, writers and admins may do what the documentation says, and no more, also with what an upgrade adds later."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from landfast import AccessDenied, Client
from landfast.cli import main
from landfast.errors import InvalidInput
from landfast.registry.copy.report import TableCopy
from landfast.registry.copy.rows import digest_rows
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.database.url import RegistryUrl
from landfast.registry.opener import init_registry, upgrade_registry
from landfast.registry.schema.roles import WRITER as RIGHTS
from landfast.registry.schema.roles import Roles, grants
from landfast.registry.schema.tables import counters, metadata, registry
from landfast.registry.schema.upgrade import run_migrations

from tests.core.upkeep.rich_registry import PROJECT, answers, fill, short_chains

PAGE = Path(__file__).parents[3] / "docs/registry.md"
OWNER, WRITER, READER, ADMIN = (
    f"landfast_{name}_{os.getpid()}" for name in ("owner", "writer", "reader", "admin")
)
ROLES = Roles(readers=(READER,), writers=(WRITER,), admins=(ADMIN,))
REFUSED = 13
Team = dict[str, str]


@pytest.fixture
def people(postgres_url: str) -> Iterator[Team]:
    """The URLs of an owner without a table, a writer, a reader and an admin, made as the page says, without a right."""
    (made,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    for name, role in (("writer", WRITER), ("reader", READER), ("admin", ADMIN)):
        made = made.replace(f"landfast_{name} ", f"{role} ")
    urls = {role: postgres_url.replace("postgres@", f"{role}@") for role in (OWNER, *_others())}
    with psycopg.connect(postgres_url, autocommit=True) as root:
        root.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
        root.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {OWNER} WITH GRANT OPTION")
        root.execute("REVOKE ALL ON SCHEMA public FROM public")
        try:
            with psycopg.connect(urls[OWNER], autocommit=True) as owner:
                owner.execute(made)
            yield {**urls, "root": postgres_url}
        finally:
            root.execute(f"REVOKE ALL ON SCHEMA public FROM {OWNER} CASCADE")
            for role in (*_others(), OWNER):
                root.execute(f"DROP OWNED BY {role} CASCADE")
                root.execute(f"DROP ROLE {role}")


def _others() -> tuple[str, ...]:
    return READER, WRITER, ADMIN


@pytest.fixture
def team(people: Team, tmp_path: Path) -> Team:
    """The same with a registry and its grants."""
    init_registry(people[OWNER], store_url=str(tmp_path / "store"))
    left = grants(people[OWNER], ROLES, apply=True).superuser
    with psycopg.connect(people["root"], autocommit=True) as root:
        for statement in left:
            root.execute(statement)
    return people


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("a")
    return tmp_path / "a"


def test_mend_21b_a_writer_writes_and_a_reader_reads(team: Team, data: Path) -> None:
    version = Client(team[WRITER]).log("data", data)
    assert Client(team[READER]).get("data") == version
    with pytest.raises(AccessDenied):
        Client(team[READER]).promote("data:v0", "prod")
    assert Client(team[WRITER]).promote("data:v0", "prod").aliases == ("latest", "prod")


def test_mend_21b_tables_of_a_later_upgrade_are_granted_too(team: Team) -> None:
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


def test_every_table_has_rights() -> None:
    assert set(RIGHTS) == set(metadata.tables), "say in WRITER what a writer may do with the table"
    for name, rights in RIGHTS.items():
        assert set(rights.update) <= set(metadata.tables[name].c.keys())


# Who may: the commands in this order, on one registry.
READS = (
    "ls",
    "ls data",
    "ls data --partitions",
    "ls data:v1",
    "show data",
    "history data",
    "diff data:v0 data:v1",
    "lineage data",
    "verify data",
    "changes",
    "run ls",
    "get data --root {out}",
    "gc",
    "registry info",
    "registry check --deep",
)
WRITES = (
    "put {data} --name data",
    "put {data} --name new",
    "snapshot outer {data}",
    "promote data:v0 prod",
    "promote data:v1 prod",
    "tag data:v0 gold",
)
DELETES = (
    "undelete gone:v0",
    "rm data:v0 --delete-aliases",
    "gc --apply --grace-hours 0",
)


@pytest.mark.parametrize(
    ("role", "writes", "deletes"),
    [(READER, REFUSED, REFUSED), (WRITER, 0, REFUSED), (ADMIN, 0, 0)],
    ids=["reader", "writer", "admin"],
)
def test_each_role_does_what_it_may_and_no_more(
    team: Team, data: Path, tmp_path: Path, role: str, writes: int, deletes: int
) -> None:
    owner = Client(team[OWNER])
    owner.log("data", data)
    data.write_text("b")
    owner.log("data", data)
    (tmp_path / "c").write_text("c")
    owner.log("gone", tmp_path / "c").delete(delete_aliases=True)
    found, expected = {}, {}
    for commands, code in ((READS, 0), (WRITES, writes), (DELETES, deletes)):
        for command in commands:
            words = command.format(
                data=data, out=tmp_path / f"out {role}".replace(" ", "-")
            ).split()
            result = CliRunner().invoke(main, [*words, "--registry", team[role]])
            found[command] = (result.exit_code, result.stderr if result.exit_code != code else "")
            expected[command] = (code, "")
    assert found == expected


ATTACKS = (
    "UPDATE versions SET digest = 'lf1:0'",
    "UPDATE versions SET blob = 'x'",
    "UPDATE versions SET number = 7",
    "UPDATE versions SET deleted_at = now()",
    "UPDATE pin_sets SET blob = 'x'",
    "UPDATE changes SET version_id = 1",
    "UPDATE observations SET pin_digest = 'x'",
    "UPDATE edges SET version_id = 1",
    "UPDATE registry SET store_url = 'x'",
    "UPDATE alembic_version SET version_num = '0001'",
    *(
        f"DELETE FROM {name}"
        for name in ("versions", "pin_sets", "changes", "observations", "edges", "runs", "blobs")
    ),
    *(f"DROP TABLE {name} CASCADE" for name in ("versions", "tags", "aliases")),
    "TRUNCATE tags",
    "ALTER TABLE versions ADD COLUMN colour TEXT",
    "CREATE TABLE mine (id INT)",
    "CREATE TRIGGER t BEFORE INSERT ON versions EXECUTE FUNCTION suppress_redundant_updates_trigger()",
)


@pytest.mark.parametrize("role", [READER, WRITER], ids=["reader", "writer"])
def test_what_was_recorded_is_neither_dropped_nor_rewritten_by_sql(
    team: Team, data: Path, role: str
) -> None:
    Client(team[OWNER]).log("data", data)
    with psycopg.connect(team[role], autocommit=True) as connection:
        for attack in ATTACKS:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attack)


def test_a_writer_is_told_who_may_delete(team: Team, data: Path) -> None:
    writer = Client(team[WRITER])
    writer.log("data", data)
    with pytest.raises(AccessDenied, match=f"landfast registry grants --admin {WRITER} --apply"):
        writer.delete("data:v0", delete_aliases=True)
    Client(team[ADMIN]).delete("data:v0", delete_aliases=True)
    blobs = list(writer.context.blobs.list())
    with pytest.raises(AccessDenied, match="for admins"):
        writer.gc(grace=timedelta(0), dry_run=False)
    assert list(writer.context.blobs.list()) == blobs


@pytest.mark.system
def test_a_writer_writes_all_that_there_is_to_write_and_a_reader_reads_it_all(
    team: Team, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_chains(monkeypatch.setattr)
    (tmp_path / "files").mkdir()
    writer, admin = (Client(team[role], project=PROJECT) for role in (WRITER, ADMIN))
    fill(writer, s3, s3.bucket("Enabled"), tmp_path / "files", admin)
    reader = Client(team[READER], project=PROJECT)
    before = digests(team[READER])
    found = answers(reader, team[READER])
    assert digests(team[READER]) == before
    assert len(found) > 100


def digests(url: str) -> list[TableCopy]:
    database = Database(RegistryUrl.parse(url))
    try:
        return database.read(digest_rows)
    finally:
        database.close()


@pytest.fixture
def yesterday(people: Team) -> Team:
    """A registry of an earlier schema, with its grants."""

    def make(tx: Transaction) -> None:
        run_migrations(tx.connection, "0004")
        tx.connection.execute(
            registry.insert().values(
                id=1,
                uid="u",
                store_url="s3://b/",
                oldest_reader="0.1.0",
                oldest_writer="0.1.0",
                created_at=tx.now(),
            )
        )
        rows = [{"name": name, "value": 0, "at": tx.now()} for name in ("change", "ticket")]
        tx.connection.execute(counters.insert(), rows)

    database = Database(RegistryUrl.parse(people[OWNER]))
    database.write_schema(make)
    database.close()
    with psycopg.connect(people[OWNER], autocommit=True) as owner:
        for role, rights in ((READER, "SELECT"), (WRITER, "SELECT, INSERT, UPDATE, DELETE")):
            owner.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
            owner.execute(f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {role}")
            owner.execute(
                f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON TABLES TO {role}"
            )
    with psycopg.connect(people["root"], autocommit=True) as root:
        root.execute(f"REVOKE {ADMIN} FROM {OWNER}")
        root.execute(f"GRANT {OWNER} TO {ADMIN}")
    return people


def test_an_admin_upgrades_and_what_is_new_is_the_owners_and_granted(yesterday: Team) -> None:
    for role in (READER, WRITER):
        with pytest.raises(AccessDenied, match=f"expected the owner of its tables, {OWNER}"):
            upgrade_registry(yesterday[role])
    assert upgrade_registry(yesterday[ADMIN]).schema != "0004"
    with psycopg.connect(yesterday[READER]) as reader:
        owners = reader.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        )
        assert owners.fetchall() == [(OWNER,)]
    with Client(yesterday[WRITER]).follow("bell"):
        pass
    assert Client(yesterday[READER]).registry.consumers.positions("bell")


def test_the_sql_is_printed_and_runs_as_it_is_printed(people: Team, tmp_path: Path) -> None:
    init_registry(people[OWNER], store_url=str(tmp_path / "store"))
    words = ("--reader", READER, "--writer", WRITER, "--admin", "landfast odd; role")
    printed = CliRunner().invoke(main, ["registry", "grants", people[OWNER], *words]).output
    with psycopg.connect(people["root"], autocommit=True) as root:
        try:
            root.execute(printed)
            assert 'CREATE ROLE "landfast odd; role" NOLOGIN' in printed
            assert "-- Only a superuser" in printed
            Client(people[WRITER]).ticket()
        finally:
            root.execute('DROP OWNED BY "landfast odd; role"; DROP ROLE "landfast odd; role"')


def test_grants_again_take_back_what_was_given_before(team: Team) -> None:
    with psycopg.connect(team[OWNER], autocommit=True) as owner:
        owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {WRITER}, {READER}")
    grants(team[OWNER], ROLES, apply=True)
    with (
        psycopg.connect(team[WRITER], autocommit=True) as writer,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        writer.execute("DELETE FROM versions")


@pytest.mark.parametrize("role", [READER, WRITER], ids=["reader", "writer"])
def test_who_is_no_owner_grants_nothing(team: Team, role: str) -> None:
    with pytest.raises(AccessDenied):
        grants(team[role], ROLES, apply=True)


def test_a_file_has_no_roles(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has no roles"):
        grants(f"sqlite:///{tmp_path / 'a.db'}", ROLES)
    with pytest.raises(InvalidInput, match="named twice"):
        grants("postgresql://x/y", Roles(readers=("a",), writers=("a",)))
