"""Make the tables of a registry in an empty database."""

from __future__ import annotations

import uuid

from sqlalchemy import text

from landfast.registry.engine import Database, Transaction
from landfast.registry.identity import revision_in
from landfast.registry.schema import (
    OLDEST_READER,
    OLDEST_WRITER,
    REVISIONS,
    alembic_version,
    counters,
    metadata,
    registry,
)

# Any number that nobody else in the database uses for an advisory lock: "landfast" in bytes.
_ADVISORY_LOCK = int.from_bytes(b"landfast") >> 1


def create(database: Database, store_url: str | None) -> None:
    """Make the tables, unless somebody else did meanwhile."""
    database.write(lambda tx: _create(tx, str(database.url), store_url))


def lock_schema(tx: Transaction) -> None:
    """Wait until nobody else creates or upgrades; SQLite's writers are alone anyway."""
    if tx.connection.dialect.name == "postgresql":
        tx.connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _ADVISORY_LOCK})


def _create(tx: Transaction, url: str, store_url: str | None) -> None:
    lock_schema(tx)
    if revision_in(tx, url) is not None:
        return
    metadata.create_all(tx.connection)
    alembic_version.create(tx.connection)
    tx.connection.execute(alembic_version.insert().values(version_num=REVISIONS[-1]))
    now = tx.now()
    tx.connection.execute(
        registry.insert().values(
            id=1,
            uid=uuid.uuid4().hex[:16],
            store_url=store_url,
            oldest_reader=OLDEST_READER,
            oldest_writer=OLDEST_WRITER,
            created_at=now,
        )
    )
    rows = [{"name": name, "value": 0, "at": now} for name in ("change", "ticket")]
    tx.connection.execute(counters.insert(), rows)
