"""Make the SQLAlchemy engine of a registry URL."""

from __future__ import annotations

import select
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from landfast.errors import InvalidInput, MissingExtra
from landfast.registry.database import sqlite_file
from landfast.registry.database.compiled import STATEMENTS
from landfast.registry.database.url import RegistryUrl

BEGIN_OPTION = "landfast_begin"
"""Execution option of a SQLite connection: the statements that begin its transaction."""

_OPTIONS = {"compiled_cache": STATEMENTS}
# SQLite waits this long by itself, polling at fixed steps; longer waits are ours, with jitter.
_SQLITE_WAIT_S = 0.2
_CONNECT_TIMEOUT_S = 15
# A parameter of psycopg's own, which it takes from a call and not from a URL.
_PREPARE = "prepare_threshold"
# A client that hangs in a transaction must not stop the others for ever.
_POSTGRES_SETTINGS = (
    "SET lock_timeout = '60s'; SET idle_in_transaction_session_timeout = '120s'; "
    # After waiting for a lock, the next statement sees what the other one wrote.
    "SET default_transaction_isolation = 'read committed'"
)
# A connection that nobody used for longer is asked whether it is still there: what lies between may have dropped it.
_IDLE_S = 30.0


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
    if (threshold := url.engine_url.query.get(_PREPARE)) is not None:
        arguments[_PREPARE] = _prepare_threshold(url, threshold)
    try:
        engine = create_engine(
            url.engine_url.difference_update_query([_PREPARE]),
            connect_args=arguments,
            hide_parameters=True,
            execution_options=_OPTIONS,
        )
    except NoSuchModuleError:
        raise MissingExtra.of("postgres", "a registry in PostgreSQL") from None

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(_POSTGRES_SETTINGS, prepare=False)
        connection.autocommit = False

    _replace_what_is_gone(engine)

    return engine


def _prepare_threshold(url: RegistryUrl, given: str | tuple[str, ...]) -> int | None:
    """Read after how many uses psycopg is to prepare a statement; None: never."""
    if given == "none":
        return None
    if isinstance(given, str) and given.isdecimal():
        return int(given)
    raise InvalidInput(
        f"{_PREPARE} in {url} is not a number of times",
        subject=str(url),
        expected="a number, or 'none' where a pooler gives each transaction another connection",
        found=repr(given),
    )


def _replace_what_is_gone(engine: Engine) -> None:
    """Ask a server that said something by itself, or that was left alone for long, whether it is there.

    To ask before each transaction costs as much as a statement; a server that goes says so on the socket.
    """
    import psycopg

    @event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        since = record.info.pop("rests_since", None)
        if since is None:
            return
        try:
            if time.monotonic() - since > _IDLE_S or _says_something(connection.pgconn.socket):
                engine.dialect.do_ping(connection)
        except psycopg.Error:
            raise InvalidatePoolError from None


def _says_something(socket: int) -> bool:
    """Tell whether a server sent what nobody waits for, or hung up."""
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))
