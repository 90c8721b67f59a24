"""One at a time: who creates, upgrades or moves a registry."""

from __future__ import annotations

from sqlalchemy import text

from landfast.registry.database.engine import Transaction

# Any number that nobody else in the database uses for an advisory lock: "landfast" in bytes.
_ADVISORY_LOCK = int.from_bytes(b"landfast") >> 1


def lock_schema(tx: Transaction) -> None:
    """Wait until nobody else creates, upgrades or moves; SQLite's writers are alone anyway."""
    if tx.connection.dialect.name == "postgresql":
        tx.connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _ADVISORY_LOCK})
