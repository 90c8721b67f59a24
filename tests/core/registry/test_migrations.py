"""The migrations lead to the tables that the code has, and a registry survives them."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from landfast import Client
from landfast.errors import AccessDenied, Conflict
from landfast.registry import opener
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.database.url import RegistryUrl
from landfast.registry.opener import open_registry, upgrade_registry
from landfast.registry.schema import creation, identity, tables, upgrade
from landfast.registry.schema.upgrade import configuration, run_migrations
from landfast.testing.registry.drafts import NAME, log
from sqlalchemy import MetaData, inspect, text

TODAY = tables.REVISIONS[-1]  # tests make it yesterday


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a table."""
    urls = {"sqlite": lambda: f"sqlite:///{tmp_path}/empty.db"}
    url = urls.get(request.param, lambda: request.getfixturevalue("postgres_url"))()
    database = Database(RegistryUrl.parse(url))
    yield database
    database.close()


def shape(tx: Transaction) -> dict[str, object]:
    """Describe every table as the database sees it."""
    look = inspect(tx.connection)
    shapes: dict[str, object] = {}
    for table in sorted(look.get_table_names()):
        shapes[table] = {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"], str(column["default"]))
                for column in look.get_columns(table)
            ),
            "primary key": look.get_pk_constraint(table),
            "foreign keys": sorted(look.get_foreign_keys(table), key=str),
            "unique": sorted(look.get_unique_constraints(table), key=str),
            "indexes": sorted(  # a partial index has its condition among the options
                (
                    str(i["name"]),
                    tuple(i["column_names"]),
                    i["unique"],
                    {option: str(value) for option, value in i.get("dialect_options", {}).items()},
                )
                for i in look.get_indexes(table)
            ),
        }
    return shapes


def test_a_fresh_registry_has_the_shape_of_an_upgraded_one(empty_database: Database) -> None:
    def migrated(tx: Transaction) -> dict[str, object]:
        run_migrations(tx.connection, tables.REVISIONS[0])
        run_migrations(tx.connection)
        found = shape(tx)
        for table in reflected(tx).sorted_tables[::-1]:
            table.drop(tx.connection)
        return found

    after_migrations = empty_database.write_schema(migrated)
    creation.create_tables(empty_database, "s3://b/")
    fresh = empty_database.read(shape)
    assert len(fresh) == 28
    assert after_migrations == fresh


def reflected(tx: Transaction) -> MetaData:
    metadata = MetaData()
    metadata.reflect(tx.connection)
    return metadata


def test_alembic_finds_nothing_to_do(empty_database: Database) -> None:
    def differences(tx: Transaction) -> list[object]:
        run_migrations(tx.connection)
        context = MigrationContext.configure(tx.connection, opts={"compare_type": True})
        return compare_metadata(context, tables.metadata)

    assert empty_database.write_schema(differences) == []


def test_the_code_knows_every_revision(empty_database: Database) -> None:
    def revisions(tx: Transaction) -> list[str]:
        scripts = ScriptDirectory.from_config(configuration(tx.connection))
        return [script.revision for script in scripts.walk_revisions()]

    assert empty_database.read(revisions)[::-1] == list(tables.REVISIONS)


@pytest.fixture
def tomorrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later landfast, whose schema has one revision more."""
    scripts = tmp_path / "tomorrow"
    shutil.copytree(upgrade.SCRIPTS, scripts)
    (scripts / "versions" / "9999_tomorrow.py").write_text(
        f"""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = {tables.REVISIONS[-1]!r}

def upgrade() -> None:
    with op.batch_alter_table("collections", recreate="auto") as table:
        table.add_column(sa.Column("colour", sa.Text(), nullable=False, server_default="red"))
        table.alter_column("description", nullable=True)
"""
    )
    monkeypatch.setattr(upgrade, "SCRIPTS", scripts)
    know(monkeypatch, (*tables.REVISIONS, "9999"))
    for module in (creation, upgrade):
        monkeypatch.setattr(module, "OLDEST_WRITER", "0.1.0.post1")


def know(monkeypatch: pytest.MonkeyPatch, revisions: tuple[str, ...]) -> None:
    for module in (tables, opener, identity, creation, upgrade):
        monkeypatch.setattr(module, "REVISIONS", revisions)


def test_sqlite_upgrades_itself_after_a_backup(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    registry = open_registry(url)
    version = log(registry, "a").version
    registry.close()
    request.getfixturevalue("tomorrow")
    upgraded = open_registry(url)
    assert upgraded.info.schema == "9999"
    assert upgraded.get(NAME) == version
    log(upgraded, "b")
    upgraded.close()
    (backup,) = tmp_path.glob("registry.db.before-upgrade-*")
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (TODAY,)
        ]
        assert connection.execute("SELECT count(*) FROM versions").fetchall() == [(1,)]
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("SELECT colour FROM collections")
    open_registry(url).close()
    assert len(list(tmp_path.glob("registry.db.before-upgrade-*"))) == 1


def test_what_was_moved_is_upgraded_and_refuses_writers_all_the_same(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    client = Client(url)
    version = log(client.registry, "a").version
    client.copy_registry(f"sqlite:///{tmp_path}/new.db")
    client.close()
    request.getfixturevalue("tomorrow")
    upgraded = open_registry(url)
    assert (upgraded.info.schema, upgraded.info.moved_to) == (
        "9999",
        f"sqlite:///{tmp_path}/new.db",
    )
    assert upgraded.get(NAME) == version
    with pytest.raises(AccessDenied, match="was moved to"):
        log(upgraded, "b")
    with closing(sqlite3.connect(tmp_path / "registry.db")) as connection:
        guards = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'")
        assert guards.fetchall() == [(3 * (len(tables.metadata.tables) - 1),)]
    upgraded.close()


def test_an_upgrade_that_fails_changes_nothing(
    tmp_path: Path, tomorrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    with pytest.MonkeyPatch.context() as today:
        know(today, tables.REVISIONS[:-1])
        registry = open_registry(url)
        log(registry, "a")
        registry.close()
    (script,) = (upgrade.SCRIPTS / "versions").glob("9999*")
    script.write_text(script.read_text() + "    op.execute('SELECT * FROM nowhere')\n")
    with pytest.raises(Exception, match="nowhere"):
        open_registry(url)
    with closing(sqlite3.connect(tmp_path / "registry.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (TODAY,)
        ]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_postgresql_is_upgraded_only_on_request(
    postgres_url: str, request: pytest.FixtureRequest
) -> None:
    opener.init_registry(postgres_url, "s3://b/")
    registry = open_registry(postgres_url)
    version = log(registry, "a").version
    registry.close()
    request.getfixturevalue("tomorrow")
    with pytest.raises(Conflict, match="Run: landfast registry upgrade postgresql://"):
        open_registry(postgres_url)
    info = upgrade_registry(postgres_url)
    assert (info.schema, info.oldest_writer) == ("9999", "0.1.0.post1")
    upgraded = open_registry(postgres_url)
    assert upgraded.get(NAME) == version
    upgraded.close()
    assert upgrade_registry(postgres_url) == info


def test_an_upgrade_of_nothing_names_init(postgres_url: str, tmp_path: Path) -> None:
    from landfast.errors import NotFound

    for url in (postgres_url, f"sqlite:///{tmp_path}/none.db"):
        with pytest.raises(NotFound, match="landfast registry init"):
            upgrade_registry(url)


@pytest.mark.parametrize(
    ("reader", "writer", "reads", "writes"),
    [
        ("0.1.0", "0.1.0", True, True),
        ("0.1.0", "99.0", True, False),
        ("98.0", "99.0", False, False),
    ],
)
def test_only_clients_that_are_too_old_are_refused(
    empty_database: Database, reader: str, writer: str, reads: bool, writes: bool
) -> None:
    url = empty_database.url.engine_url.render_as_string(hide_password=False)
    url = url.replace("+pysqlite", "").replace("+psycopg", "")
    opener.init_registry(url, "s3://b/")
    first = open_registry(url)
    log(first, "a")
    first.close()

    def pretend(tx: Transaction) -> None:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        tx.connection.execute(text("ALTER TABLE versions ADD COLUMN later TEXT"))
        tx.connection.execute(
            text("UPDATE registry SET oldest_reader = :r, oldest_writer = :w"),
            {"r": reader, "w": writer},
        )

    empty_database.write(pretend)
    if not reads:
        with pytest.raises(Conflict, match=r"too old to read .* pip install --upgrade landfast"):
            open_registry(url)
        return
    registry = open_registry(url)
    assert registry.get(NAME).index == 0
    if writes:
        assert log(registry, "b").version.index == 1
    else:
        with pytest.raises(Conflict, match=r"expected landfast 99\.0 or newer, for schema 9999"):
            log(registry, "b")
    registry.close()
