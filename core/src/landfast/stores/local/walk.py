"""Walk a folder in UTF-8 byte order of the paths, one folder of names in memory at a time.

Symlinks to files and to folders are followed and seen at the link's own path.  A link to a folder
that holds the link is a loop: told as skipped, since its content is walked already.  A link to
nothing is an error, as is a name that is not UTF-8: nothing is lost in silence.  What vanishes while
its folder is walked is told as skipped.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound, Unavailable
from landfast.model.marker import MARKER

if TYPE_CHECKING:
    import pyarrow as pa

Symlinks = Literal["follow", "skip"]
GONE = "deleted during the scan"
# Looked at in one go: enough that columns cost little, few enough to hold their statuses.
_MANY = 8192
_KIND = 0o170000
_SPECIAL = {
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "named pipe",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
}


@dataclass(frozen=True, slots=True)
class Files:
    """Some of what lies below a folder, in order.

    Args:
        root: The folder, with its final slash.
        names: Their paths below it.
        statuses: What each is behind links; None of those that are no files.
        skips: Why some are no files, by their number.
    """

    root: str
    names: list[str]
    statuses: list[os.stat_result | None]
    skips: dict[int, str]

    def __len__(self) -> int:
        return len(self.names)

    def path(self, number: int) -> bytes:
        """Return where one of them is."""
        return os.fsencode(self.root + self.names[number])

    def paths(self) -> pa.Array:
        """Return where they all are."""
        import pyarrow as pa
        import pyarrow.compute as pc

        root = pa.scalar(os.fsencode(self.root), pa.binary())
        names = pa.array(self.names, pa.string()).view(pa.binary())
        return pc.binary_join_element_wise(root, names, pa.scalar(b"", pa.binary()))

    def slice(self, start: int, stop: int) -> Files:
        """Return some of them."""
        skips = {at - start: why for at, why in self.skips.items() if start <= at < stop}
        return Files(self.root, self.names[start:stop], self.statuses[start:stop], skips)


@dataclass(slots=True)
class _Folder:
    name: str  # with final slash, or empty for the root
    identity: tuple[int, int]
    names: list[str] = field(default_factory=list)
    """What is in it, sorted: folders with their slash."""
    skips: dict[str, str] = field(default_factory=dict)
    has_folders: bool = True
    at: int = 0


def walk(
    root: bytes,
    *,
    after: str = "",
    before: str | None = None,
    symlinks: Symlinks = "follow",
    limit: int | None = None,
) -> Generator[Files]:
    """Yield what lies below `root`, between two names; nothing if there is no such folder.

    A few are looked at first, then twice as many each time; `limit` bounds how many at once.

    Raises:
        NotFound: If a symlink leads nowhere.
        InvalidInput: If a name is not UTF-8.
        AccessDenied: If a folder may not be read.
    """
    walked = _Walk(os.fsdecode(root).rstrip("/") + "/", after, before, symlinks)
    size, most = (1, _MANY) if limit is None else (limit, limit)
    status = _root_status(root)
    if status is not None:
        walked.enter("", status)
    while walked.stack:
        files = walked.files(size)
        if len(files):
            yield files
        size = min(2 * size, most)


class _Walk:
    """The folders that are being walked, from the root to the innermost."""

    def __init__(self, root: str, after: str, before: str | None, symlinks: Symlinks) -> None:
        self._root = root
        self._after = after
        self._before = before
        self._symlinks = symlinks
        self.stack: list[_Folder] = []

    def files(self, size: int) -> Files:
        """Take the next ones, up to so many; fewer only at the end."""
        found = Files(self._root, [], [], {})
        while self.stack and len(found) < size:
            folder = self.stack[-1]
            if folder.at == len(folder.names):
                self.stack.pop()
                continue
            order = folder.names[folder.at]
            if order.endswith("/"):
                folder.at += 1
                self._descend(folder, order, found)
            else:
                self._take(folder, size - len(found), found)
        return found

    def _take(self, folder: _Folder, room: int, found: Files) -> None:
        """Look at the files from here to the next folder, or as many as there is room for."""
        start = stop = folder.at
        end = min(len(folder.names), start + room)
        if not folder.has_folders:
            stop = end
        while stop < end and not folder.names[stop].endswith("/"):
            stop += 1
        folder.at = stop
        orders = folder.names[start:stop]
        if self._after or self._before is not None:
            orders = [order for order in orders if self._is_wanted(folder.name + order)]
            if self._before is not None and folder.name + folder.names[stop - 1] >= self._before:
                self.stack.clear()
        names = [folder.name + order for order in orders]
        skips = [folder.skips.get(order, "") for order in orders] if folder.skips else []
        statuses, told = _statuses(self._root + folder.name, orders, skips)
        found.skips.update({len(found) + at: why for at, why in told.items()})
        found.names.extend(names)
        found.statuses.extend(statuses)

    def _is_wanted(self, name: str) -> bool:
        return name > self._after and (self._before is None or name < self._before)

    def _descend(self, folder: _Folder, order: str, found: Files) -> None:
        name = folder.name + order
        if self._before is not None and name >= self._before:
            self.stack.clear()
        elif name > self._after or self._after.startswith(name):
            status = _status(self._root + name[:-1])
            if status is None or not self.enter(name, status):
                found.skips[len(found)] = GONE
                found.names.append(name[:-1])
                found.statuses.append(None)

    def enter(self, name: str, status: os.stat_result) -> bool:
        """Read the names in a folder; False if it is gone meanwhile."""
        path, folder = self._root + name, _Folder(name, (status.st_dev, status.st_ino))
        above = {parent.identity for parent in self.stack} | {folder.identity}
        try:
            with os.scandir(path) as entries:
                folder.names = [
                    entry.name
                    if entry.is_file(follow_symlinks=False)
                    else _order(entry, folder.skips, above, self._symlinks)
                    for entry in entries
                ]
        except LandfastError as error:  # of a link in it
            if isinstance(error, NotFound) and self.stack and not Path(path).exists():
                return False
            raise
        except OSError as error:
            if isinstance(error, FileNotFoundError) and self.stack and not Path(path).exists():
                return False
            raise of_os_error(error, os.fsencode(path)) from None
        _check_utf8(path, folder.names)
        folder.names.sort()
        folder.has_folders = "/" in "".join(folder.names)
        self.stack.append(folder)
        return True


def _root_status(root: bytes) -> os.stat_result | None:
    """Return the status of the folder to walk; None if there is no such folder."""
    try:
        status = Path(os.fsdecode(root)).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise of_os_error(error, root) from None
    return status if stat.S_ISDIR(status.st_mode) else None


def _order(
    entry: os.DirEntry[str],
    skips: dict[str, str],
    above: set[tuple[int, int]],
    symlinks: Symlinks,
) -> str:
    """Return the name by which what is no plain file sorts; `skips` takes why it is left out."""
    name = entry.name
    if not entry.is_symlink():
        if not entry.is_dir():
            return name
        if name != MARKER:
            return name + "/"
        skips[name] = "marker of a download"
    elif symlinks == "skip":
        skips[name] = "symlink"
    else:
        status = _status(entry.path)
        if status is not None and stat.S_ISDIR(status.st_mode):
            if (status.st_dev, status.st_ino) not in above:
                return name + "/"
            skips[name] = "symlink to a folder that holds it"
    return name


def _check_utf8(path: str, names: list[str]) -> None:
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        name = next(name for name in names if any("\ud800" <= char <= "\udfff" for char in name))
        what = shown(os.fsencode(path + name.rstrip("/")))
        raise InvalidInput(
            f"the name of {what} is not UTF-8",
            subject=what,
            hint="Rename the file; a manifest holds UTF-8 paths only.",
        ) from None


def _statuses(
    folder: str, orders: list[str], skips: list[str]
) -> tuple[list[os.stat_result | None], dict[int, str]]:
    """Return the status of each that is not skipped anyway, and why some are: as nothing, or no file, is there."""
    if not any(skips):
        with contextlib.suppress(OSError):
            statuses = _looked_at(folder, orders)
            if {status.st_mode & _KIND for status in statuses} <= {stat.S_IFREG}:
                return [*statuses], {}
    found: list[os.stat_result | None] = []
    told: dict[int, str] = {}
    for at, order in enumerate(orders):
        why = skips[at] if skips else ""
        status = None if why else _status(folder + order)
        if why := why or (GONE if status is None else special(status.st_mode)):
            told[at] = why
        found.append(None if why else status)
    return found, told


def _looked_at(folder: str, orders: list[str]) -> list[os.stat_result]:
    """Return the status of each, by the folder's descriptor: a path would be followed from the root every time."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return [os.stat(order, dir_fd=handle) for order in orders]
    finally:
        os.close(handle)


def _status(path: str) -> os.stat_result | None:
    """Return the status behind links, or None if the entry vanished since it was seen."""
    try:
        return os.stat(path)  # noqa: PTH116 - a fifth of the time
    except FileNotFoundError:
        if Path(path).is_symlink():
            raise broken_symlink(os.fsencode(path)) from None
        return None
    except OSError as error:
        raise of_os_error(error, os.fsencode(path)) from None


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
