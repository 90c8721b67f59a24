"""Upgrade a registry; the only module that imports Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from landfast.errors import Conflict
from landfast.registry.database import sqlite_file
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.schema.fence import drop_fence, fence_of, put_fence
from landfast.registry.schema.identity import revision_in
from landfast.registry.schema.lock import lock_schema
from landfast.registry.schema.roles import become_owner
from landfast.registry.schema.tables import OLDEST_READER, OLDEST_WRITER, REVISIONS, registry

SCRIPTS = Path(__file__).with_name("migrations")


def upgrade_sqlite(database: Database) -> None:
    """Copy the file beside itself, then upgrade it; done once, however many try."""
    path = database.url.path
    assert path is not None

    def upgrade(tx: Transaction) -> None:
        revision = revision_in(tx, str(database.url))
        if revision in REVISIONS[:-1]:
            # The copy is made while the writers wait: it has all that was ever logged.
            sqlite_file.back_up(path, revision or "")
            _migrate(tx)
            _check_foreign_keys(tx.connection, str(database.url))

    database.write_schema(upgrade)


def upgrade_postgresql(database: Database) -> None:
    """Upgrade in one transaction; done once, however many try."""

    def upgrade(tx: Transaction) -> None:
        lock_schema(tx)
        if revision_in(tx, str(database.url)) in REVISIONS[:-1]:
            become_owner(tx, str(database.url))
            _migrate(tx)

    database.write_schema(upgrade)


def _migrate(tx: Transaction) -> None:
    """Upgrade also what was moved elsewhere: it can be read all the same."""
    fence = fence_of(tx)
    drop_fence(tx)
    run_migrations(tx.connection)
    if fence is not None:
        put_fence(tx, fence)


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for the scripts in this package, on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def run_migrations(connection: Connection, revision: str = "head") -> None:
    """Run the scripts up to `revision` inside the connection's transaction."""
    command.upgrade(configuration(connection), revision)
    if revision == "head":
        row = {"oldest_reader": OLDEST_READER, "oldest_writer": OLDEST_WRITER}
        connection.execute(registry.update().values(**row))


def _check_foreign_keys(connection: Connection, url: str) -> None:
    broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    if broken:
        raise Conflict(
            f"upgrading {url} would break references between its tables; nothing was changed",
            subject=url,
            found=f"{len(broken)} rows, the first in table {broken[0][0]!r}",
        )
