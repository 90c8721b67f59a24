"""Copy a file's bytes in the cheapest way that keeps the copies apart: a reflink, else a copy."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from io import BufferedReader
from pathlib import Path

_FICLONE = 0x40049409


def copy_bytes(
    source: Path, target: Path, *, source_fd: int | None = None, target_fd: int | None = None
) -> None:
    """Write the bytes of `source` to `target`, which is made or emptied, and is no symlink.

    A descriptor is that of the folder in which the path beside it is a name.  Errors are the system's.
    """
    written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with (
        open_file(source, dir_fd=source_fd) as reader,
        os.fdopen(os.open(target, written, 0o666, dir_fd=target_fd), "wb") as writer,
    ):
        if not _reflink(reader.fileno(), writer.fileno()):
            shutil.copyfileobj(reader, writer, 1 << 20)


def _reflink(source: int, target: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:  # another filesystem, or one without reflinks
        return False
    return True


def open_file(path: Path, *, dir_fd: int | None = None) -> BufferedReader:
    """Open a file for reading, by its path or by its name in a folder; no symlink is followed."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd), "rb")


def hard_link(source: Path, target: Path, *, dir_fd: int | None = None) -> bool:
    """Make `target`, in the folder `dir_fd`, another name of `source`; False if it has to be copied."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target, dir_fd=dir_fd)
    try:
        os.link(source, target, dst_dir_fd=dir_fd)
    except OSError:
        return False
    return True
