"""Turn what the database drivers raise into Landfast's errors, without SQL, values or passwords."""

from __future__ import annotations

import os
import re
import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from landfast.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    LandfastError,
    NotFound,
    Unavailable,
)
from landfast.registry.database.url import RegistryUrl

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_NOT_WRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_BROKEN = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}

_COLLIDED = {"40001", "40P01"}  # serialization failure, deadlock
_DENIED = {"28000", "28P01", "42501", "25006"}
_NO_TABLE = {"42P01", "42703", "3F000"}
FENCE_STATE = {True: "was moved to", False: "is being moved to"}
"""What is said of a registry that is elsewhere now, and of one that will be soon."""
_FENCED = re.compile(r"this registry (was|is being) moved to (.+)")
_NO_LOGIN = re.compile(
    r"authentication failed|no password supplied|role \".*\" does not exist|not permitted to log in"
    r"|permission denied for database|pg_hba\.conf|requires a valid client certificate"
)
_NO_DATABASE = re.compile(r"database \".*\" does not exist")
_BAD_OPTION = re.compile(
    r"invalid connection option|invalid \w+ value|bad value for|invalid integer|invalid port"
    r"|does not support SSL|SSL was required|root certificate file"
)
# What a standby says: it has no SQLSTATE of its own for it.
_STANDBY = re.compile(r"during recovery|in a read-only transaction")
# What landfast's grants leave to admins.
_ADMINS = re.compile(r"UPDATE (versions|pin_sets) |DELETE FROM (blobs|pin_sets|manifest_bases) ")
_DENIED_OBJECT = re.compile(
    r"permission denied for (table|sequence|schema|database|relation) (\S+)"
)


def fence_text(target: str, *, done: bool) -> str:
    """Return what the database answers to who writes to a registry that was moved, or is being moved."""
    return f"this registry {FENCE_STATE[done]} {target}"


def is_fenced(error: DBAPIError) -> bool:
    """Tell whether the registry refuses writes because it is, or soon will be, at another place."""
    return _FENCED.search(str(error.orig)) is not None


def is_busy(error: DBAPIError | sqlite3.Error) -> bool:
    """Tell whether another transaction was in the way: asking again is all that it takes."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _sqlite_code(original) in _BUSY
    return _sqlstate(original) in _COLLIDED


def is_lost(error: DBAPIError) -> bool:
    """Tell whether the connection broke."""
    return error.connection_invalidated


def translate(error: SQLAlchemyError, url: RegistryUrl) -> LandfastError:
    """Return the error that a caller can act on."""
    if isinstance(error, PoolTimeout):
        return Unavailable(f"all connections to {url} are in use", subject=str(url))
    if not isinstance(error, DBAPIError) or error.orig is None:
        return Unavailable(f"the registry {url} failed", found=type(error).__name__)
    if fence := _FENCED.search(str(error.orig)):
        return _fenced(url, target=fence[2], done=fence[1] == "was")
    if isinstance(error.orig, sqlite3.Error):
        return from_sqlite(error.orig, url)
    return _from_postgresql(error, url)


def _fenced(url: RegistryUrl, *, target: str, done: bool) -> LandfastError:
    """Treat what was moved as what may only be read; what is being moved is there soon."""
    what = f"the registry {url} {FENCE_STATE[done]} {target}"
    if done:
        hint = "Set LANDFAST_REGISTRY_URL to the new place: the old one records nothing more."
        return AccessDenied(what, subject=str(url), hint=hint)
    hint = "Try again when it is there. If the copy was killed, run it again, or: "
    return Unavailable(what, subject=str(url), hint=f"{hint}landfast registry adopt {url}")


def _sqlite_code(error: BaseException) -> int:
    # The low byte is the primary code, the rest says more: SQLITE_BUSY_SNAPSHOT is a SQLITE_BUSY.
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def from_sqlite(error: sqlite3.Error, url: RegistryUrl) -> LandfastError:
    """Return the error for a code of SQLite."""
    code, subject = _sqlite_code(error), str(url)
    if code in _BUSY:
        return Unavailable(
            f"the registry {url} is busy: other processes wrote to it all the time",
            subject=subject,
            hint="Try again; many writers are better served by PostgreSQL.",
        )
    if code == sqlite3.SQLITE_FULL:
        return Unavailable(
            f"the disk of the registry {url} is full", subject=subject, hint="Free space on it."
        )
    if code in _NOT_WRITABLE or code == sqlite3.SQLITE_CANTOPEN:
        return _sqlite_denied(url, str(error))
    if code in _BROKEN:
        return Conflict(
            f"{url.path} is not a usable SQLite database",
            subject=subject,
            expected="a Landfast registry",
            found=str(error),
            hint="Restore it from a backup, or name another path in LANDFAST_REGISTRY_URL.",
        )
    return Unavailable(f"the registry {url} failed", subject=subject, found=str(error))


def _sqlite_denied(url: RegistryUrl, found: str) -> LandfastError:
    path = url.path
    assert path is not None
    # The write-ahead log and its index take the permissions of the file when they are made, and keep them.
    files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
    ways = {"read": os.R_OK, "write": os.W_OK}
    denied = (
        f"permission to {verb} {file}"
        for file in files
        for verb, way in ways.items()
        if file.exists() and not os.access(file, way)
    )
    missing = next(denied, f"permission to write in {path.parent}")
    return AccessDenied(
        f"the registry {url} cannot be used", subject=str(url), expected=missing, found=found
    )


def _sqlstate(error: BaseException | None) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _from_postgresql(error: DBAPIError, url: RegistryUrl) -> LandfastError:
    state, found = _sqlstate(error.orig), _told(error, url)
    subject = str(url)
    # What stops a login has no SQLSTATE in libpq, only its text.
    if state in _DENIED or _NO_LOGIN.search(found) or _STANDBY.search(found):
        return AccessDenied(
            f"the registry {url} refuses access",
            subject=subject,
            found=found,
            hint=_permission(error, url, found),
        )
    if state == "3D000" or _NO_DATABASE.search(found):
        return NotFound(
            f"the registry {url} does not exist",
            subject=subject,
            found=found,
            hint="Create the database, then run: landfast registry init URL --store URL",
        )
    if state in _NO_TABLE:
        return Conflict(
            f"the registry {url} does not have the expected tables",
            subject=subject,
            found=found,
            hint="Run: landfast registry upgrade URL",
        )
    if _BAD_OPTION.search(found):
        return InvalidInput(
            f"the registry {url} cannot be reached with the options of its URL",
            subject=subject,
            expected="parameters of libpq, such as ?sslmode=require",
            found=found,
        )
    if isinstance(error, DataError):
        return InvalidInput("a value cannot be recorded", found=found)
    return Unavailable(f"the registry {url} is not available", subject=subject, found=found)


def _permission(error: DBAPIError, url: RegistryUrl, found: str) -> str | None:
    """Name the grant that is missing."""
    role = url.engine_url.username or "the role"
    if _STANDBY.search(found):
        return "This server can only be read. If it is a standby, name the primary in LANDFAST_REGISTRY_URL."
    denied = _DENIED_OBJECT.search(found)
    if denied is None:
        return None if _sqlstate(error.orig) else "Name another role in LANDFAST_REGISTRY_URL."
    kind, name = denied.groups()
    if kind in {"database", "schema"}:
        verb = "CONNECT" if kind == "database" else "USAGE"
        return f"The owner runs: GRANT {verb} ON {kind.upper()} {name} TO {role};"
    statement = error.statement or ""
    if _ADMINS.match(statement):
        return (
            "Deleting, undeleting, collecting and mending are for admins; the owner runs: "
            f"landfast registry grants --admin {role} --apply"
        )
    reads = statement.startswith("SELECT") and " FOR " not in statement
    verbs = "SELECT" if reads else "SELECT, INSERT, UPDATE, DELETE"
    hint = f"The owner runs: GRANT {verbs} ON ALL TABLES IN SCHEMA public TO {role};"
    return hint if reads else f"{hint} GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};"


def _told(error: DBAPIError, url: RegistryUrl) -> str:
    """Return the line that says why; of several addresses that were tried, that of a server which answered."""
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    answered = [line for line in lines if "FATAL:" in line]
    text = next(iter([*answered, *lines]), type(error.orig).__name__)
    password = url.engine_url.password
    return text.replace(str(password), "***") if password else text
