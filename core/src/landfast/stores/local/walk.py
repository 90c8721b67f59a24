"""Walk a folder in UTF-8 byte order of the paths, one folder of names in memory at a time.

Symlinks to files and to folders are followed and seen at the link's own path.  A link to a folder
that holds the link is a loop: told as skipped, since its content is walked already.  A link to
nothing is an error, as is a name that is not UTF-8: nothing is lost in silence.  What vanishes while
its folder is walked is told as skipped.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound, Unavailable
from landfast.model.marker import MARKER

Symlinks = Literal["follow", "skip"]
_MARKER = MARKER.encode()
GONE = "deleted during the scan"
_SPECIAL = {
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "named pipe",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file with its status behind links, None if it is gone, or what is none, and why; ``""`` if it is one."""

    path: bytes
    name: bytes
    status: os.stat_result | None
    skip: str = ""


@dataclass(slots=True)
class _Folder:
    path: bytes  # with final slash
    name: bytes  # with final slash, or empty
    identity: tuple[int, int]
    children: Iterator[tuple[bytes, os.DirEntry[bytes], str]] = field(
        default_factory=lambda: iter(())
    )


def walk(
    root: bytes, *, after: bytes = b"", before: bytes | None = None, symlinks: Symlinks = "follow"
) -> Generator[Found]:
    """Yield what lies below `root`, between two names; nothing if there is no such folder.

    Raises:
        NotFound: If a symlink leads nowhere.
        InvalidInput: If a name is not UTF-8.
        AccessDenied: If a folder may not be read.
    """
    status = _root_status(root)
    if status is None:
        return
    stack = [_enter(root.rstrip(b"/") + b"/", b"", status, [], symlinks)]
    while stack:
        folder = stack[-1]
        child = next(folder.children, None)
        if child is None:
            stack.pop()
            continue
        order, entry, skip = child
        name = folder.name + order
        if before is not None and name >= before:
            return
        if not order.endswith(b"/"):
            if name > after:
                yield _found(entry, name, skip)
        elif name > after or after.startswith(name):
            below = _entered(entry, name, stack, symlinks)
            if below is None:
                yield Found(path=entry.path, name=name[:-1], status=None, skip=GONE)
            else:
                stack.append(below)


def _root_status(root: bytes) -> os.stat_result | None:
    """Return the status of the folder to walk; None if there is no such folder."""
    try:
        status = Path(os.fsdecode(root)).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise of_os_error(error, root) from None
    return status if stat.S_ISDIR(status.st_mode) else None


def _entered(
    entry: os.DirEntry[bytes], name: bytes, above: list[_Folder], symlinks: Symlinks
) -> _Folder | None:
    status = _status(entry)
    if status is None:
        return None
    try:
        return _enter(entry.path + b"/", name, status, above, symlinks)
    except NotFound:
        if Path(os.fsdecode(entry.path)).exists():  # a link below it leads nowhere
            raise
        return None


def _enter(
    path: bytes, name: bytes, status: os.stat_result, above: list[_Folder], symlinks: Symlinks
) -> _Folder:
    folder = _Folder(path, name, (status.st_dev, status.st_ino))
    identities = {parent.identity for parent in above} | {folder.identity}
    try:
        with os.scandir(path) as entries:
            children = [_sorted_as(entry, identities, symlinks) for entry in entries]
    except OSError as error:
        raise of_os_error(error, path) from None
    children.sort(key=lambda child: child[0])
    folder.children = iter(children)
    return folder


def _sorted_as(
    entry: os.DirEntry[bytes], above: set[tuple[int, int]], symlinks: Symlinks
) -> tuple[bytes, os.DirEntry[bytes], str]:
    """Return the name by which an entry sorts, folders with their slash, and why it is skipped."""
    try:
        entry.name.decode()
    except UnicodeDecodeError:
        raise InvalidInput(
            f"the name of {shown(entry.path)} is not UTF-8",
            subject=shown(entry.path),
            hint="Rename the file; a manifest holds UTF-8 paths only.",
        ) from None
    if entry.name == _MARKER and entry.is_dir(follow_symlinks=False):
        return entry.name, entry, "marker of a download"
    if not entry.is_symlink():
        return (entry.name + b"/" if entry.is_dir() else entry.name), entry, ""
    if symlinks == "skip":
        return entry.name, entry, "symlink"
    status = _status(entry)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return entry.name, entry, ""
    if (status.st_dev, status.st_ino) in above:
        return entry.name, entry, "symlink to a folder that holds it"
    return entry.name + b"/", entry, ""


def _found(entry: os.DirEntry[bytes], name: bytes, skip: str) -> Found:
    status = None if skip else _status(entry)
    if not skip:
        skip = GONE if status is None else special(status.st_mode)
    return Found(path=entry.path, name=name, status=status, skip=skip)


def _status(entry: os.DirEntry[bytes]) -> os.stat_result | None:
    """Return the status behind links, or None if the entry vanished since it was seen."""
    try:
        return entry.stat()
    except FileNotFoundError:
        if Path(os.fsdecode(entry.path)).is_symlink():
            raise broken_symlink(entry.path) from None
        return None
    except OSError as error:
        raise of_os_error(error, entry.path) from None


def special(mode: int) -> str:
    """Return what a file that is not regular is called; "" for a regular one."""
    return "" if stat.S_ISREG(mode) else _SPECIAL.get(stat.S_IFMT(mode), "not a regular file")


def shown(path: bytes) -> str:
    """Return a path as it can be printed."""
    return path.decode(errors="backslashreplace")


def broken_symlink(path: bytes) -> NotFound:
    """Say that a symlink leads nowhere."""
    return NotFound(
        f"{shown(path)} is a symlink to {_link(path)}, which does not exist",
        subject=shown(path),
        hint="Repair or remove the link, or give the option symlinks='skip'.",
    )


def _link(path: bytes) -> str:
    return shown(os.fsencode(Path(os.fsdecode(path)).readlink()))


def of_os_error(error: OSError, path: bytes) -> LandfastError:
    """Return the typed error for what the operating system says about a path."""
    what = shown(path)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound(f"there is no file {what}", subject=what)
    if isinstance(error, PermissionError):
        return AccessDenied(
            f"{what} may not be read by this user",
            subject=what,
            permission="read",
            found=error.strerror,
        )
    if error.errno == errno.ELOOP:
        return NotFound(f"{what} is a symlink that leads to itself", subject=what)
    if error.errno in {errno.ENAMETOOLONG, errno.EINVAL}:
        return InvalidInput(f"{what} cannot be a path here", subject=what, found=error.strerror)
    return Unavailable(f"{what} cannot be read now", subject=what, found=error.strerror)
