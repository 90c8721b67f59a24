"""The file of a SQLite registry: its place, its permissions, and its backup."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from landfast.errors import AccessDenied, Conflict, LandfastError, Unavailable
from landfast.registry.database.faults import from_sqlite, is_busy
from landfast.registry.database.filesystem import network_type
from landfast.registry.database.url import RegistryUrl

ALLOW_NETWORK = "LANDFAST_ALLOW_NETWORK_SQLITE"

Identity = tuple[int, int]

_WAL_PATIENCE_S = 60.0
_MAGIC = b"SQLite format 3\0"


def is_there(path: Path) -> bool:
    """Tell whether there is a file that may be a registry.

    Raises:
        Conflict: If its folder lies on a network filesystem, or if it can be no registry.
        AccessDenied: If this user may not look.
    """
    _refuse_network(path)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _cannot_look(path, error) from None
    _check(path, found)
    return True


def make(path: Path, fill: Callable[[Path], None], *, within: Path | None = None) -> None:
    """Make a database whole, and only then put it in its place: nobody ever meets an empty one there.

    `fill` makes the tables in the file that it is given; a database that is there already stays. It is made in a
    folder beside its place, or `within` one of the same filesystem.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{path.name}.", dir=within or path.parent
        ) as folder:
            new = Path(folder) / path.name
            # SQLite gives its write-ahead log the permissions of the file.
            os.close(os.open(new, os.O_CREAT | os.O_RDWR, 0o600))
            fill(new)
            _put(new, path)
    except LandfastError:
        raise
    except OSError as error:
        raise _cannot_make(path, error) from None


def _put(new: Path, path: Path) -> None:
    try:
        os.link(new, path)
    except FileExistsError:
        return
    except OSError:
        # A filesystem without links: here two that make it at the same moment could meet.
        if not path.exists():
            new.rename(path)


def may_only_read(path: Path) -> bool:
    """Tell whether this user can use the database for reading alone.

    A writer makes the write-ahead log and its index beside the file, unless both are there.
    """
    if not path.exists():
        return False
    logs = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]
    may_log = os.access(path.parent, os.W_OK) or all(os.access(log, os.W_OK) for log in logs)
    return not (os.access(path, os.W_OK) and may_log)


def connect_for_reading(path: Path, timeout: float) -> sqlite3.Connection:
    """Open a database that this user may only read, and leave no file behind.

    While a writer has it open, its log is read too.  Without a log all is in the file, and SQLite is
    told not to make one: it would belong to this user, and stop the writers.
    """
    mode = "mode=ro" if has_log(path) else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True, timeout=timeout)


def has_log(path: Path) -> bool:
    """Tell whether a writer has the database open, or was killed while it had."""
    return path.with_name(path.name + "-wal").exists()


def look(path: Path) -> tuple[int, int, int, bool]:
    """Return what changes when a writer comes: who reads without a log has to read again then."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size, has_log(path)


def identity(path: Path) -> Identity | None:
    """Return what tells the file from another one that is put in its place; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time, before each transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino


def removed(path: Path) -> Unavailable:
    """Return the error for a registry whose file is not there any more, while a client has it open."""
    return Unavailable(
        f"the file of the registry {path} was removed or renamed while this process used it",
        subject=str(path),
        expected="the file that was there before",
        hint="Put it back, or restore a backup in its place: docs/operate/backup.md. Nothing was recorded.",
    )


def refuse_other(path: Path) -> Callable[[], None]:
    """Return what raises `Unavailable` for a registry in whose place another file was put."""

    def refuse() -> None:
        raise Unavailable(
            f"the file of the registry {path} was replaced while this process used it",
            subject=str(path),
            hint="Try again, with the registry that is there now.",
        )

    return refuse


def use_write_ahead_log(url: RegistryUrl) -> None:
    """Let readers and a writer work at once; the file remembers it."""
    assert url.path is not None
    deadline = time.monotonic() + _WAL_PATIENCE_S
    while True:
        try:
            with closing(sqlite3.connect(url.path, timeout=1)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise from_sqlite(error, url) from None
            time.sleep(0.05)
        else:
            return


def back_up(path: Path, revision: str) -> Path:
    """Copy the database beside itself, whole, whoever uses it; return the copy."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = path.with_name(f"{path.name}.before-upgrade-{revision}-{stamp}")
    os.close(os.open(target, os.O_CREAT | os.O_RDWR, 0o600))
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    return target


def others_beside(path: Path, uid: str) -> list[Path]:
    """Return the other registries of a folder whose store is the folder `blobs` beside them, as all had it once.

    Copies of the registry with this id, such as backups, do not count.
    """
    others = []
    for file in sorted(path.parent.iterdir()):
        with contextlib.suppress(sqlite3.Error, OSError):
            if not file.is_file() or not _is_database(file):
                continue
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
                found = connection.execute("SELECT uid FROM registry WHERE store_url IS NULL")
                if any(row[0] != uid for row in found):
                    others.append(file)
    return others


def _is_database(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_MAGIC)) == _MAGIC


def _refuse_network(path: Path) -> None:
    kind = network_type(path.parent)
    if kind is None or os.environ.get(ALLOW_NETWORK) == "1":
        return
    raise Conflict(
        f"the registry {path} lies on a network filesystem ({kind})",
        subject=str(path),
        expected="a local disk: several machines would corrupt a SQLite file",
        hint=f"Use postgresql://..., or set {ALLOW_NETWORK}=1 if only one machine ever uses it.",
    )


def _check(path: Path, found: os.stat_result) -> None:
    """Refuse what is there and can be no registry."""
    if not stat.S_ISREG(found.st_mode):
        raise Conflict(f"{path} is not a file", subject=str(path), expected="a SQLite database")
    if found.st_size:
        return
    copies = sorted(path.parent.glob(f"{path.name}.before-upgrade-*"))
    copy = f"a backup, such as {copies[-1]}" if copies else "a backup"
    raise Conflict(
        f"the registry {path} is empty, a file of 0 bytes",
        subject=str(path),
        expected="a SQLite database: somebody emptied the file, or the disk lost its content",
        hint=f"Put {copy} in its place. To begin anew without what was recorded, delete the file.",
    )


def _cannot_look(path: Path, error: OSError) -> AccessDenied | Unavailable:
    if isinstance(error, PermissionError):
        return AccessDenied(
            f"the registry {path} cannot be reached",
            subject=str(path),
            expected=f"permission to enter {path.parent}",
            found=error.strerror,
        )
    return Unavailable(
        f"the registry {path} cannot be reached", subject=str(path), found=error.strerror
    )


def _cannot_make(path: Path, error: OSError) -> AccessDenied | Unavailable:
    if isinstance(error, PermissionError) or error.errno == 30:  # EROFS
        return AccessDenied(
            f"the registry {path} cannot be made",
            subject=str(path),
            expected=f"permission to write in {path.parent}",
            found=error.strerror,
            hint="Name another place in LANDFAST_REGISTRY_URL.",
        )
    return Unavailable(
        f"the registry {path} cannot be made", subject=str(path), found=error.strerror
    )
