"""Make the tables of a registry in an empty database."""

from __future__ import annotations

import uuid
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_mock_engine, inspect
from sqlalchemy.engine.mock import MockConnection

from landfast.model.location import Location
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.schema.identity import BESIDE, revision_in
from landfast.registry.schema.lock import lock_schema
from landfast.registry.schema.tables import (
    OLDEST_READER,
    OLDEST_WRITER,
    REVISIONS,
    alembic_version,
    counters,
    metadata,
    registry,
)


def create_tables(database: Database, store_url: str | None, place: Path | None = None) -> None:
    """Make the tables, unless somebody else did meanwhile.

    Without a store URL blobs lie beside `place`, where the SQLite file will lie.
    """
    uid = new_uid()
    store = _beside(place, uid) if store_url is None else lasting(store_url)
    database.write(lambda tx: _create(tx, str(database.url), uid, store))


def new_uid() -> str:
    """Return an id that no other registry has."""
    return uuid.uuid4().hex[:16]


def lasting(store_url: str) -> str:
    """Return a URL that means the same in every working folder."""
    location = Location.parse(store_url, pins=False)
    return location.uri if location.scheme == "file" else store_url


def _beside(path: Path | None, uid: str) -> str | None:
    """Name a folder that nobody uses yet after the SQLite file: ``a.blobs`` for ``a.db``."""
    if path is None:
        return None
    name = f"{path.stem}.blobs"
    if (path.parent / name).exists():
        name = f"{path.stem}-{uid}.blobs"
    return f"{BESIDE}{name}/"


def _create(tx: Transaction, url: str, uid: str, store_url: str | None) -> None:
    lock_schema(tx)
    if revision_in(tx, url) is not None:
        return
    make_tables(tx)
    now = tx.now()
    tx.connection.execute(
        registry.insert().values(
            id=1,
            uid=uid,
            store_url=store_url,
            oldest_reader=OLDEST_READER,
            oldest_writer=OLDEST_WRITER,
            created_at=now,
        )
    )
    rows = [{"name": name, "value": 0, "at": now} for name in ("change", "run_event", "ticket")]
    tx.connection.execute(counters.insert(), rows)


def make_tables(tx: Transaction) -> None:
    """Make the tables of the newest revision, without a row."""
    _make_tables(tx.connection)
    tx.connection.execute(alembic_version.insert().values(version_num=REVISIONS[-1]))


def _make_tables(connection: Connection) -> None:
    if inspect(connection).get_table_names():
        metadata.create_all(connection)  # the database is not ours alone: look before each
        alembic_version.create(connection)
        return
    dialect = connection.dialect
    for statement in _statements(f"{dialect.name}+{dialect.driver}://"):
        connection.exec_driver_sql(statement)


@cache
def _statements(driver: str) -> tuple[str, ...]:
    """Return the statements that make the tables; to compose them takes longer than to run them."""
    found: list[str] = []

    def keep(element: Any, *_: object) -> None:
        found.append(str(element.compile(dialect=recorder.dialect)))

    recorder: MockConnection = create_mock_engine(driver, keep)
    metadata.create_all(recorder, checkfirst=False)
    alembic_version.create(recorder, checkfirst=False)
    return tuple(found)
