"""OpenFolder: a folder held by its descriptor, so that a link put into its place leads nowhere else."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from landfast.system.disk_errors import disk_errors
from landfast.system.durability import sync_filesystem

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TRIES = 100
_NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP}


class OpenFolder:
    """A descriptor, closed with this object; every name in it is looked up in it alone, and no symlink is followed."""

    def __init__(self, handle: int, path: Path, *names: str) -> None:
        self.handle = handle
        self._path = path
        self._names = names

    @property
    def path(self) -> Path:
        """Where it was found; joined when it is asked for, which is mostly never."""
        return self._path.joinpath(*self._names)

    @classmethod
    def of(cls, path: Path) -> OpenFolder:
        """Open a folder by its path, which is the user's own: links in it are followed."""
        return cls(os.open(path, _FOLDER), path)

    def errors(self, purpose: str, *names: str) -> AbstractContextManager[None]:
        """Translate the `OSError` of a block that is about something in the folder; see `disk_errors`."""
        return disk_errors(self._path, purpose, *self._names, *names)

    def child(self, name: str, *, create: bool = False) -> OpenFolder:
        """Open a folder in this one; `NotADirectoryError` if it is a file, or a symlink to whatever."""
        try:
            handle = self._made(name) if create else self._opened(name)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from None
            raise
        return OpenFolder(handle, self._path, *self._names, name)

    def _opened(self, name: str) -> int:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self.handle)

    def _made(self, name: str) -> int:
        with contextlib.suppress(FileNotFoundError):  # it is there mostly
            return self._opened(name)
        # Each further try is for somebody who took it away in between, as empty.
        for _ in range(_TRIES):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=self.handle)
            with contextlib.suppress(FileNotFoundError):
                return self._opened(name)
        return self._opened(name)

    def below(self, names: Iterable[str], *, create: bool = False) -> OpenFolder:
        """Open a folder further below, name by name; a duplicate of this one for no name."""
        folder = OpenFolder(os.dup(self.handle), self._path, *self._names)
        for name in names:
            with folder:
                folder = folder.child(name, create=create)
        return folder

    def open(self, name: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        """Open a file in the folder and return its descriptor; neither a link nor a pipe is waited for."""
        return os.open(name, flags | _FILE, mode, dir_fd=self.handle)

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of a regular file in the folder; None for anything else."""
        try:
            status = self.look(name)
        except OSError as error:
            if error.errno in _NO_FILE:
                return None
            raise
        return status if stat.S_ISREG(status.st_mode) else None

    def look(self, name: str) -> os.stat_result:
        """Return the status of whatever has this name, a link's own."""
        return os.stat(name, dir_fd=self.handle, follow_symlinks=False)

    def names(self) -> list[str]:
        """Return the names of what is in the folder."""
        with os.scandir(self.handle) as found:
            return [entry.name for entry in found]

    def move(self, name: str, folder: OpenFolder, new_name: str) -> None:
        """Move a file into a folder, over what has the new name there."""
        os.rename(name, new_name, src_dir_fd=self.handle, dst_dir_fd=folder.handle)

    def unlink(self, name: str) -> None:
        """Remove a file or a link."""
        os.unlink(name, dir_fd=self.handle)

    def sync_all(self) -> bool:
        """Write all of the filesystem to its disk; False where only one file at a time can be."""
        return sync_filesystem(self.handle)

    def close(self) -> None:
        """Let go of the folder."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
