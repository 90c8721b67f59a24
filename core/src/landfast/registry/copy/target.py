"""The database to which a registry is copied: empty before, whole afterwards, nothing between."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from sqlalchemy import func, inspect, select, text

from landfast.errors import Conflict
from landfast.registry.database import sqlite_file
from landfast.registry.database.engine import Database, Transaction
from landfast.registry.database.url import RegistryUrl
from landfast.registry.schema.creation import make_tables
from landfast.registry.schema.identity import info_of, revision_in
from landfast.registry.schema.lock import lock_schema
from landfast.registry.schema.tables import metadata
from landfast.registry.values import RegistryInfo

Body = Callable[[Transaction], None]


class Target:
    """A place for a registry, by its URL.

    Raises:
        InvalidInput: If the URL cannot be one of a registry.
    """

    def __init__(self, url: str) -> None:
        self.url = RegistryUrl.parse(url)

    def __str__(self) -> str:
        return str(self.url)

    def found(self) -> RegistryInfo | None:
        """Return the registry that is there; None if nothing is.

        Raises:
            Conflict: If something else is there.
        """
        if self.url.path is not None and not sqlite_file.is_there(self.url.path):
            return None
        with self._database() as database:
            if database.read(lambda tx: _is_free(tx, str(self.url))):
                return None
            return info_of(database)

    def database_name(self) -> str:
        """Return what tells the registry there from its original: the path, or the name of the database."""
        if self.url.path is not None:
            return str(self.url.path)
        with self._database() as database:
            return database.read(
                lambda tx: str(tx.connection.execute(select(func.current_database())).scalar_one())
            )

    def write(self, fill: Body) -> None:
        """Make the tables and let `fill` write their rows: all of it is there afterwards, or nothing.

        Raises:
            Conflict: If something is there, or another process copies to the same place.
        """
        if self.url.path is None:
            with self._database() as database:
                database.write(partial(self._fill, fill=fill))
            return
        place = self.url.path
        with _alone(place.with_name(f".{place.name}.copy")) as folder:
            if sqlite_file.is_there(place):
                raise _taken(str(self.url))
            sqlite_file.make(place, partial(self._write_file, fill=fill), within=folder)

    def _write_file(self, path: Path, fill: Body) -> None:
        database = Database(RegistryUrl.parse(f"sqlite:///{path}"))
        try:
            sqlite_file.use_write_ahead_log(database.url)
            database.write(partial(self._fill, fill=fill))
        finally:
            database.close()

    def _fill(self, tx: Transaction, fill: Body) -> None:
        lock_schema(tx)
        be_patient(tx)
        if not _is_free(tx, str(self.url)):
            raise _taken(str(self.url))
        make_tables(tx)
        fill(tx)

    @contextmanager
    def _database(self) -> Iterator[Database]:
        database = Database(self.url)
        try:
            yield database
        finally:
            database.close()


def be_patient(tx: Transaction) -> None:
    """Let a transaction wait for the other database: it is no client that hangs."""
    if tx.connection.dialect.name == "postgresql":
        tx.connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def _is_free(tx: Transaction, url: str) -> bool:
    if revision_in(tx, url) is not None:
        return False
    ours = sorted(set(metadata.tables) & set(inspect(tx.connection).get_table_names()))
    if ours:
        raise Conflict(
            f"{url} is a database of something else",
            subject=url,
            expected="a database without tables of a registry",
            found=f"the table {ours[0]!r}",
            hint="Name another database.",
        )
    return True


def _taken(url: str) -> Conflict:
    return Conflict(f"a registry is at {url} already", subject=url, hint="Name another place.")


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Hold a folder for what is not whole yet, and empty it of what somebody who was killed left there."""
    handle = _held(folder)
    try:
        for left in folder.iterdir():
            shutil.rmtree(left)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def _held(folder: Path) -> int:
    """Make a folder if it is not there, lock it, and return it open."""
    while True:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Who ends removes it, before it is opened here or before it is locked: then another one counts.
        with suppress(FileNotFoundError), ExitStack() as opened:
            handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            opened.callback(os.close, handle)
            _lock(handle, folder)
            if os.path.samestat(os.fstat(handle), folder.stat()):
                opened.pop_all()
                return handle


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(
            f"another process copies a registry to {folder.parent}",
            subject=str(folder),
            hint="Wait until it has ended.",
        ) from None
