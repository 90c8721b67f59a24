"""Tags stick to a version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select

from landfast.model.names import check_name
from landfast.registry.database.engine import Transaction
from landfast.registry.rows import chunks
from landfast.registry.schema.tables import tags


def of_versions(tx: Transaction, version_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the tags of each version, sorted."""
    found: dict[int, tuple[str, ...]] = {}
    for part in chunks(version_ids):
        statement = select(tags).where(tags.c.version_id.in_(part)).order_by(tags.c.name)
        for version_id, name in tx.connection.execute(statement):
            found[version_id] = (*found.get(version_id, ()), name)
    return found


def add(tx: Transaction, version_id: int, names: Iterable[str]) -> None:
    """Put tags on a version; those that it has stay."""
    rows = [
        {"version_id": version_id, "name": check_name(name, "tag")} for name in dict.fromkeys(names)
    ]
    if rows:
        tx.connection.execute(tx.insert(tags).on_conflict_do_nothing().inline(), rows)


def remove(tx: Transaction, version_id: int, names: Iterable[str]) -> None:
    """Take tags off; those that it has not are no error."""
    statement = delete(tags).where(tags.c.version_id == version_id, tags.c.name.in_(list(names)))
    tx.connection.execute(statement)
