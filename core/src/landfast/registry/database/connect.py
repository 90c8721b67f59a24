"""Make the SQLAlchemy engine of a registry URL."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.pool import NullPool

from landfast.errors import MissingExtra
from landfast.registry.database import sqlite_file
from landfast.registry.database.compiled import STATEMENTS
from landfast.registry.database.url import RegistryUrl

BEGIN_OPTION = "landfast_begin"
"""Execution option of a SQLite connection: the statements that begin its transaction."""

_OPTIONS = {"compiled_cache": STATEMENTS}
# SQLite waits this long by itself, polling at fixed steps; longer waits are ours, with jitter.
_SQLITE_WAIT_S = 0.2
_CONNECT_TIMEOUT_S = 15
# A client that hangs in a transaction must not stop the others for ever.
_POSTGRES_LIMITS = "SET lock_timeout = '60s'; SET idle_in_transaction_session_timeout = '120s'"


def connect(url: RegistryUrl, *, only_read: bool = False) -> Engine:
    """Return an engine; nothing is opened yet.  `MissingExtra` if its driver is not installed.

    With `only_read` this user cannot write a SQLite file; PostgreSQL tells it itself.
    """
    return _postgresql(url) if url.path is None else _sqlite(url, url.path, only_read)


def _sqlite(url: RegistryUrl, path: Path, only_read: bool) -> Engine:
    if only_read:
        # Opened anew for each transaction: writers come and go, and how to read depends on them.
        engine = create_engine(
            url.engine_url,
            creator=lambda: sqlite_file.connect_for_reading(path, _SQLITE_WAIT_S),
            hide_parameters=True,
            poolclass=NullPool,
            execution_options=_OPTIONS,
        )
    else:
        engine = create_engine(
            url.engine_url,
            connect_args={"timeout": _SQLITE_WAIT_S},
            hide_parameters=True,
            max_overflow=-1,
            execution_options=_OPTIONS,
        )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # Transactions are begun below; the driver's own would begin too late, and not for SELECT.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        for statement in connection.get_execution_options().get(BEGIN_OPTION, ("BEGIN",)):
            connection.exec_driver_sql(statement)

    return engine


def _postgresql(url: RegistryUrl) -> Engine:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise MissingExtra.of("postgres", "a registry in PostgreSQL") from None
    arguments: dict[str, Any] = {"application_name": "landfast"}
    if "connect_timeout" not in url.engine_url.query:
        arguments["connect_timeout"] = _CONNECT_TIMEOUT_S
    if "application_name" in url.engine_url.query:
        del arguments["application_name"]
    try:
        engine = create_engine(
            url.engine_url,
            connect_args=arguments,
            hide_parameters=True,
            pool_pre_ping=True,
            execution_options=_OPTIONS,
        )
    except NoSuchModuleError:
        raise MissingExtra.of("postgres", "a registry in PostgreSQL") from None

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(_POSTGRES_LIMITS)
        connection.autocommit = False

    return engine
