"""Open, create and upgrade a registry by its URL."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from datetime import timedelta
from functools import partial
from pathlib import Path

from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.redaction import redact
from landfast.registry.database import sqlite_file
from landfast.registry.database.engine import Database
from landfast.registry.database.lazy import LazyDatabase
from landfast.registry.database.url import RegistryUrl
from landfast.registry.holds.objects import disown
from landfast.registry.registry import COLLECTION_LEASE, Registry
from landfast.registry.schema import creation
from landfast.registry.schema.fence import fence_of, lower_fence
from landfast.registry.schema.identity import (
    become,
    check_client,
    info_of,
    place_store,
    read_revision,
)
from landfast.registry.schema.tables import REVISIONS
from landfast.registry.values import RegistryInfo


def open_registry(
    url: str,
    *,
    create: bool = True,
    late: bool = False,
    blank: bool = False,
    store_url: str | None = None,
    lease: timedelta = COLLECTION_LEASE,
) -> Registry:
    """Open a registry.

    A SQLite file is made where there is none, and upgraded after a backup where it is older than
    this code.  PostgreSQL is neither: `init_registry` and `upgrade_registry` do that, on request.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://...``.
        create: Whether to make a SQLite file.
        late: Whether to make it only when something is to be recorded: until then what reads is `NotFound`.
        blank: Whether what reads finds an empty registry instead: nobody can have mistyped the default one.
        store_url: Where the caller believes that the blobs lie; recorded when a file is made.
        lease: How long a garbage collector may take to delete what it condemned.

    Raises:
        InvalidInput: If the URL cannot be one of a registry.
        NotFound: If no registry is there.
        Conflict: If it is no registry, too new or too old for this code, or has another store.
        AccessDenied: If the database refuses.
        Unavailable: If it does not answer.
        MissingExtra: If the driver is not installed.
    """
    parsed = RegistryUrl.parse(url)
    if store_url is not None:
        _check_store(store_url)
    find = partial(_find, store_url=store_url)
    database = LazyDatabase(Database(parsed), find, _blank if blank else None)
    try:
        database.open(create=create and not late)
    except BaseException as error:
        database.close()
        if not (late and isinstance(error, NotFound) and parsed.is_sqlite):
            raise
    return Registry(database, lease=lease)


def init_registry(url: str, store_url: str | None = None) -> RegistryInfo:
    """Make a registry in an empty database, or find that it is there with the same store.

    Raises:
        Conflict: If the registry has another store.
        InvalidInput: If PostgreSQL gets no store; SQLite alone has a default, beside its file.
    """
    parsed = RegistryUrl.parse(url)
    if not parsed.is_sqlite:
        if store_url is None:
            raise InvalidInput(
                "a registry in PostgreSQL needs a store for its blobs",
                hint=f"Run: landfast registry init {parsed} --store URL",
            )
        _check_store(store_url)
        database = Database(parsed)
        try:
            creation.create_tables(database, store_url)
        finally:
            database.close()
    registry = open_registry(url, store_url=store_url)
    registry.close()
    return registry.info


def fork_registry(url: str, store_url: str) -> RegistryInfo:
    """Give the copy of a registry an id of its own, and the store where copies of its blobs are already."""
    _check_store(store_url)
    open_registry(url, create=False).close()
    database = Database(RegistryUrl.parse(url))
    try:
        # The registry that this is a copy of releases what it held; to this one it is somebody else's.
        database.write(disown)
        become(database, creation.new_uid(), creation.lasting(store_url))
        return info_of(database)
    finally:
        database.close()


def restore_store(url: str, store_url: str) -> None:
    """Say that what was in the registry's store lies elsewhere now; its id stays."""
    _check_store(store_url)
    database = Database(RegistryUrl.parse(url))
    try:
        place_store(database, creation.lasting(store_url))
    finally:
        database.close()


def take_back(url: str) -> None:
    """Let a registry be written to again that was moved, or was being moved, elsewhere."""
    database = Database(RegistryUrl.parse(url))
    try:
        if database.read(fence_of) is not None:
            lower_fence(database)
    finally:
        database.close()


def upgrade_registry(url: str) -> RegistryInfo:
    """Bring a registry to the newest schema; a SQLite file is copied beside itself before.

    Raises:
        NotFound: If no registry is there.
        Conflict: If it is newer than this code.
    """
    parsed = RegistryUrl.parse(url)
    if not parsed.is_sqlite:
        database = Database(parsed)
        try:
            revision = read_revision(database)
            if revision is None:
                raise _no_registry(parsed)
            if revision in REVISIONS[:-1]:
                from landfast.registry.schema.upgrade import upgrade_postgresql

                upgrade_postgresql(database)
        finally:
            database.close()
    registry = open_registry(url, create=False)
    registry.close()
    return registry.info


def _find(database: Database, *, create: bool, store_url: str | None) -> RegistryInfo:
    """Find out what the registry is, made or upgraded where that is allowed."""
    url = database.url
    if url.path is not None and not sqlite_file.is_there(url.path):
        if not create:
            raise _no_registry(url)
        sqlite_file.make(url.path, partial(_fill, store_url=store_url, place=url.path))
    revision = read_revision(database)
    if revision is None:
        if url.path is None or not create:
            raise _no_registry(url)
        _create_in(database, store_url, url.path)
        revision = read_revision(database)
    if revision in REVISIONS[:-1]:
        if not url.is_sqlite:
            raise _too_old(url, revision)
        from landfast.registry.schema.upgrade import upgrade_sqlite

        upgrade_sqlite(database)
    info = info_of(database)
    check_client(database, info)
    if store_url is not None and not _same_place(store_url, info.store_url):
        raise _other_store(info, store_url)
    return info


def _fill(path: Path, *, store_url: str | None, place: Path) -> None:
    database = Database(RegistryUrl.parse(f"sqlite:///{path}"))
    try:
        _create_in(database, store_url, place)
    finally:
        database.close()


def _blank() -> Database:
    """Make an empty registry to ask in the place of one that is not there; it goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="landfast-"))
    path = folder / "registry.db"
    _fill(path, store_url=None, place=path)
    database = Database(RegistryUrl.parse(f"sqlite:///{path}"))
    weakref.finalize(database, shutil.rmtree, folder, ignore_errors=True)
    return database


def _create_in(database: Database, store_url: str | None, place: Path) -> None:
    sqlite_file.use_write_ahead_log(database.url)
    creation.create_tables(database, store_url, place)


def _check_store(store_url: str) -> None:
    if not store_url or redact(store_url) != store_url:
        raise InvalidInput(
            "the store URL cannot be recorded",
            expected="a URL without secrets",
            found=repr(redact(store_url)),
        )


def _same_place(one: str, other: str | None) -> bool:
    from landfast.model.location import Location

    return other is not None and (
        Location.parse(one).as_folder().uri == Location.parse(other).as_folder().uri
    )


def _no_registry(url: RegistryUrl) -> NotFound:
    hint = f"Run: landfast registry init {url} --store URL"
    if url.is_sqlite:
        hint = f"It is made by the first log, or by: landfast registry init {url}"
    return NotFound(f"there is no registry at {url}", subject=str(url), hint=hint)


def _too_old(url: RegistryUrl, revision: str | None) -> Conflict:
    return Conflict(
        f"the registry {url} is older than this landfast",
        subject=str(url),
        expected=f"schema {REVISIONS[-1]}",
        found=f"schema {revision}",
        hint=f"Run: landfast registry upgrade {url}",
    )


def _other_store(info: RegistryInfo, store_url: str) -> Conflict:
    return Conflict(
        f"the registry {info.url} has another store",
        subject=info.url,
        expected=str(info.store_url),
        found=store_url,
        hint="Unset LANDFAST_STORE_URL: the store is a property of the registry.",
    )
