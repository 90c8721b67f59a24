"""Copy a file's bytes in the cheapest way that keeps the copies apart: a reflink, else a copy."""

from __future__ import annotations

import contextlib
import os
import sys
from io import BufferedReader
from pathlib import Path

_FICLONE = 0x40049409
_CHUNK = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def copy_bytes(
    source: Path | str,
    target: Path | str,
    *,
    source_fd: int | None = None,
    target_fd: int | None = None,
    mode: int = 0o666,
) -> None:
    """Write the bytes of `source` to `target`, which is made with a mode or emptied, and is no symlink.

    A descriptor is that of the folder in which the path beside it is a name.  Errors are the system's.
    """
    written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    read = os.open(source, _READ, dir_fd=source_fd)
    try:
        handle = os.open(target, written, mode, dir_fd=target_fd)
        try:
            if not _reflink(read, handle):
                _pour(read, handle)
        finally:
            os.close(handle)
    finally:
        os.close(read)


def _pour(source: int, target: int) -> None:
    while chunk := os.read(source, min(_CHUNK, os.fstat(source).st_size + 1)):
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(target, rest) :]


def _reflink(source: int, target: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:  # another filesystem, or one without reflinks
        return False
    return True


def open_file(path: Path | str, *, dir_fd: int | None = None) -> BufferedReader:
    """Open a file for reading, by its path or by its name in a folder; no symlink is followed."""
    return os.fdopen(os.open(path, _READ, dir_fd=dir_fd), "rb")


def hard_link(source: Path | str, target: Path | str, *, dir_fd: int | None = None) -> bool:
    """Make `target`, in the folder `dir_fd`, another name of `source`; False if it has to be copied."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target, dir_fd=dir_fd)
    try:
        os.link(source, target, dst_dir_fd=dir_fd)
    except OSError:
        return False
    return True
