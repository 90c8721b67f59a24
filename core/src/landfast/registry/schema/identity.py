"""Who a registry is, which schema it has, and whether this client may use it."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from sqlalchemy import func, inspect, select, text, update

from landfast.errors import AccessDenied, Conflict
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.schema.fence import drop_fence, fence_of
from landfast.registry.schema.tables import REVISIONS, alembic_version, registry
from landfast.registry.values import RegistryInfo

BESIDE = "beside:"
"""What the recorded URL of a store begins with that moves together with the SQLite file."""


def read_revision(database: Database) -> str | None:
    """Return the revision of the schema; None if the database is empty, `Conflict` if it holds something else."""
    return database.read(lambda tx: revision_in(tx, str(database.url)))


def revision_in(tx: Transaction, url: str) -> str | None:
    """Return the same inside a transaction."""
    tables = set(inspect(tx.connection).get_table_names())
    if {registry.name, alembic_version.name} <= tables:
        return str(tx.connection.execute(select(alembic_version.c.version_num)).scalar_one())
    if tables and tx.connection.dialect.name == "sqlite":
        raise Conflict(
            f"{url} is a database of something else",
            subject=url,
            expected="a Landfast registry, or an empty file",
            found=f"the table {min(tables)!r}",
            hint="Name another path in LANDFAST_REGISTRY_URL.",
        )
    if not tables and tx.connection.dialect.name == "postgresql":
        _check_schema(tx, url)
    return None


def _check_schema(tx: Transaction, url: str) -> None:
    """Refuse to take for empty what this role may not look into."""
    found = "SELECT current_user, has_schema_privilege('public', 'USAGE')"
    role, may_use = tx.connection.execute(text(found)).one()
    if not may_use:
        raise AccessDenied(
            f"the registry {url} refuses access",
            subject=url,
            found="permission denied for schema public",
            hint=f"The owner runs: GRANT USAGE ON SCHEMA public TO {role};",
        )


def info_of(database: Database) -> RegistryInfo:
    """Read what the registry says of itself."""

    def read(tx: Transaction) -> RegistryInfo:
        row = tx.connection.execute(select(registry)).one()
        path = database.url.path
        revision = tx.connection.execute(select(alembic_version.c.version_num)).scalar_one()
        fence = fence_of(tx)
        return RegistryInfo(
            id=row.uid,
            url=str(database.url),
            database=str(
                path or tx.connection.execute(select(func.current_database())).scalar_one()
            ),
            store_url=_store_of(row.store_url, path),
            schema=revision,
            oldest_reader=row.oldest_reader,
            oldest_writer=row.oldest_writer,
            moved_to=fence.target if fence and fence.done else None,
            moved_at=fence.at if fence and fence.done else None,
        )

    info = database.read(read)
    database.registry_uid = info.id
    return info


def check_client(database: Database, info: RegistryInfo) -> None:
    """Refuse a schema that this client may not even read; one that it may not write is refused when it writes."""
    if info.schema in REVISIONS:
        return
    client = importlib.metadata.version("landfast")
    if _release(client) < _release(info.oldest_reader):
        raise _too_new(info, client, info.oldest_reader, "read")
    if _release(client) < _release(info.oldest_writer):
        database.refusal = _too_new(info, client, info.oldest_writer, "write to")


def become(database: Database, uid: str, store_url: str) -> None:
    """Give a registry another id and another store; what was said of its original, that it was moved, is not of it."""

    def change(tx: Transaction) -> None:
        drop_fence(tx)
        tx.connection.execute(update(registry).values(uid=uid, store_url=store_url))

    database.write(change)


def place_store(database: Database, store_url: str) -> None:
    """Name another place as the registry's store."""
    database.write(lambda tx: tx.connection.execute(update(registry).values(store_url=store_url)))


def _store_of(recorded: str | None, path: Path | None) -> str | None:
    if path is None or (recorded is not None and not recorded.startswith(BESIDE)):
        return recorded
    name = "blobs/" if recorded is None else recorded[len(BESIDE) :]
    return (path.parent / name).as_uri() + "/"


def _release(version: str) -> tuple[int, ...]:
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else ()


def _too_new(info: RegistryInfo, client: str, needed: str, verb: str) -> Conflict:
    return Conflict(
        f"this landfast is too old to {verb} the registry {info.url}",
        subject=info.url,
        expected=f"landfast {needed} or newer, for schema {info.schema}",
        found=f"landfast {client}",
        hint="Run: pip install --upgrade landfast",
    )
