"""Database: connections, transactions that are retried where that is safe, and registry time."""

from __future__ import annotations

import os
import random
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from landfast.errors import Conflict, InvalidInput, LandfastError, Unavailable
from landfast.registry.database import sqlite_file
from landfast.registry.database.connect import BEGIN_OPTION, connect
from landfast.registry.database.faults import is_busy, is_fenced, is_lost, translate
from landfast.registry.database.fork_gate import close_before_fork, not_while_forking
from landfast.registry.database.single import Row, Single, as_sqlalchemy
from landfast.registry.database.url import RegistryUrl

if TYPE_CHECKING:
    import psycopg

    Insert = sqlite.Insert | postgresql.Insert

T = TypeVar("T")

BUSY_LIMIT_S = 60.0
"""How long a transaction is tried again while others are in the way."""

_LOST_ATTEMPTS = 3
_PAGE = 200

# Engines that a fork left behind.  Closing the parent's connections here would break them there.
_left_behind: list[Engine] = []


@dataclass(frozen=True, slots=True)
class Transaction:
    """A connection inside a transaction, with what differs between the databases."""

    connection: Connection
    registry_uid: str

    def now(self) -> datetime:
        """Return registry time: the server's clock; for SQLite the clock of the machine."""
        if self.connection.dialect.name == "sqlite":
            return datetime.now(UTC)
        moment: datetime = self.connection.execute(select(func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def insert(self, table: Table) -> Insert:
        """Begin an INSERT that can say what happens on conflict."""
        if self.connection.dialect.name == "sqlite":
            return sqlite.insert(table)
        return postgresql.insert(table)

    def put(self, table: Table, *rows: Mapping[str, Any]) -> None:
        """Insert rows, and ask for nothing."""
        self.connection.execute(table.insert().inline(), rows)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Send what is written inside without waiting for each answer; nothing may be asked there."""
        if self.connection.dialect.name == "sqlite":
            yield
            return
        import psycopg

        try:
            with self._pipeline():
                yield
        except psycopg.Error as error:
            raise self._as_sqlalchemy(error) from None

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows into a table of PostgreSQL, in the way that it takes them fastest."""
        import psycopg

        quote = self.connection.dialect.identifier_preparer.quote
        named = ", ".join(map(quote, columns))
        driver: Any = self.connection.connection.driver_connection
        try:
            with (
                driver.cursor() as cursor,
                cursor.copy(f"COPY {quote(table)} ({named}) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            raise self._as_sqlalchemy(error) from None

    def _as_sqlalchemy(self, error: psycopg.Error) -> DBAPIError:
        """Return what SQLAlchemy would have raised: what passed it by, as at the end of a pipeline."""
        raised = as_sqlalchemy(self.connection.engine, error, self.connection.connection)
        if raised.connection_invalidated:
            self.connection.invalidate(error)
        return raised

    def _pipeline(self) -> AbstractContextManager[Any]:
        import psycopg

        driver: Any = self.connection.connection.driver_connection
        return driver.pipeline() if psycopg.Pipeline.is_supported() else nullcontext()


class Database:
    """One database, for any number of threads, and for children made by fork."""

    def __init__(self, url: RegistryUrl) -> None:
        self.url = url
        self.registry_uid = ""
        self.refusal: Conflict | None = None
        """Why this client may not write, if it may not."""
        self.on_replaced: Callable[[], None] | None = None
        """Looks whether another file in the place of a SQLite registry is the same registry; raises if it is not."""
        self._file: sqlite_file.Identity | None = None
        self._gate: Callable[[], AbstractContextManager[None]] = (
            not_while_forking if url.is_sqlite else nullcontext
        )
        self._engine, self._pid = self._connect()

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        if self._pid != os.getpid():
            _left_behind.append(self._engine)
            self._engine, self._pid = self._connect()
        return self._engine

    def _connect(self) -> tuple[Engine, int]:
        path, pid = self.url.path, os.getpid()
        self._only_read = path is not None and sqlite_file.may_only_read(path)
        engine = connect(self.url, only_read=self._only_read)
        if self.url.is_sqlite:
            close_before_fork(engine)
        weakref.finalize(self, _let_go, engine, pid)
        return engine, pid

    def close(self) -> None:
        """Close connections that are not in use."""
        self.engine.dispose()

    def _check_file(self) -> None:
        """Look whether the file is the one that connections have open: SQLite writes into a removed one in silence."""
        path = self.url.path
        if path is None:
            return
        before, found = self._file, sqlite_file.identity(path)
        if found == before:
            return
        if before is not None and found is None:
            raise sqlite_file.removed(path)
        self._file = found
        if before is None:
            return
        self.engine.dispose()
        self._engine, self._pid = self._connect()
        try:
            (self.on_replaced or sqlite_file.refuse_other(path))()
        except BaseException:
            self._file = before  # the next transaction looks again
            raise

    def read(self, body: Callable[[Transaction], T]) -> T:
        """Run `body` on one consistent view of the database."""
        return self._read_beside_writers(body) if self._only_read else self._run_in(_READ, body)

    def _read_beside_writers(self, body: Callable[[Transaction], T]) -> T:
        """Read a file without its log; again, if a writer came meanwhile: that was no consistent view."""
        path = self.url.path
        assert path is not None
        deadline = time.monotonic() + BUSY_LIMIT_S
        while True:
            self._check_file()
            before = sqlite_file.look(path)
            failure: LandfastError | None = None
            try:
                result = self._run_in(_READ, body)
            except LandfastError as error:
                failure = error
            if sqlite_file.look(path) == before and failure is None:
                return result
            if sqlite_file.look(path) == before or time.monotonic() > deadline:
                raise failure or Unavailable(f"the registry {self.url} is written to all the time")

    def write(self, body: Callable[[Transaction], T]) -> T:
        """Run `body` in a transaction that is committed, or not applied at all.

        `body` may run more than once; only the last run has an effect.
        """
        self._check_writable()
        return self._run_in(_WRITE, body)

    def send(self, statement: Single, given: Mapping[str, Any]) -> Row | None:
        """Run one statement that is a transaction by itself, of PostgreSQL; return its row, or None."""
        self._check_writable()

        def once(commits: _Commit) -> Row | None:
            try:
                return statement.send(self.engine, given)
            except DBAPIError as error:
                # An answer says that nothing was applied; none says nothing.
                commits.asked = error.connection_invalidated
                raise

        return self._run(once)

    def _check_writable(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    def write_schema(self, body: Callable[[Transaction], T]) -> T:
        """Run `body` in a transaction that may rebuild tables that others refer to."""
        return self._run_in(_SCHEMA, body)

    def stream(
        self,
        fetch: Callable[[Transaction, Any, int], list[T]],
        cursor: Callable[[T], Any],
        *,
        start: Any = None,
        limit: int | None = None,
    ) -> Iterator[T]:
        """Yield the rows of `fetch(transaction, cursor, size)` page by page, no transaction open meanwhile."""
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            after = start
            page = self.read(lambda tx: fetch(tx, after, size))  # noqa: B023 - run at once
            yield from page
            if len(page) < size:
                return
            start = cursor(page[-1])
            left = None if left is None else left - len(page)

    def _run_in(self, mode: _Mode, body: Callable[[Transaction], T]) -> T:
        return self._run(lambda commits: self._once(body, mode, commits))

    def _run(self, once: Callable[[_Commit], T]) -> T:
        deadline = time.monotonic() + BUSY_LIMIT_S
        attempt = 0
        while True:
            attempt += 1
            commits = _Commit()
            try:
                return once(commits)
            except UnicodeEncodeError:
                raise InvalidInput(
                    "a text cannot be recorded", expected="UTF-8", found="a lone surrogate"
                ) from None
            except SQLAlchemyError as error:
                original = getattr(error, "orig", None)
                if isinstance(error, StatementError) and isinstance(original, LandfastError):
                    raise original from None
                # A commit whose answer was lost may have happened: only reading is asked again.
                if commits.asked or not _is_worth_another(error, attempt, deadline):
                    failure = translate(error, self.url)
                    break
            # Jitter, so that no writer starves among many.
            time.sleep(random.uniform(0.001, min(0.05, 0.005 * attempt)))  # noqa: S311
        raise failure  # outside the handler: psycopg's errors hold the password, and none may be a context

    def _once(self, body: Callable[[Transaction], T], mode: _Mode, commits: _Commit) -> T:
        self._check_file()
        with self._gate(), self.engine.connect() as plain:
            connection = plain.execution_options(**getattr(mode, plain.dialect.name))
            transaction = connection.begin()
            try:
                result = body(Transaction(connection, self.registry_uid))
                commits.asked = mode.writes
                transaction.commit()
            finally:
                if transaction.is_active:
                    transaction.rollback()
                if mode is _SCHEMA:
                    plain.invalidate()  # it must not serve others without checking references
            return result


def _let_go(engine: Engine, pid: int) -> None:
    """Close what nobody closed, in the process that opened it."""
    if pid == os.getpid():
        engine.dispose()
    else:
        _left_behind.append(engine)


@dataclass(slots=True)
class _Commit:
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mode:
    """Options of a connection, by database."""

    writes: bool
    sqlite: dict[str, Any]
    postgresql: dict[str, Any]


_READ = _Mode(
    writes=False,
    sqlite={BEGIN_OPTION: ("BEGIN",)},
    postgresql={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
)
# READ COMMITTED: after waiting for a lock, the next statement sees what the other one wrote.
_WRITE = _Mode(
    writes=True,
    sqlite={BEGIN_OPTION: ("BEGIN IMMEDIATE",)},
    postgresql={"isolation_level": "READ COMMITTED"},
)
_SCHEMA = replace(_WRITE, sqlite={BEGIN_OPTION: ("PRAGMA foreign_keys = OFF", "BEGIN IMMEDIATE")})


def _is_worth_another(error: SQLAlchemyError, attempt: int, deadline: float) -> bool:
    if not isinstance(error, DBAPIError) or is_fenced(error):
        return False
    if is_busy(error):
        return time.monotonic() < deadline
    # Two transactions made the same row at once: the second look finds it.
    return attempt < _LOST_ATTEMPTS and (is_lost(error) or isinstance(error, IntegrityError))
