"""Durability: what was written stays, also if the machine loses its power now."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from landfast.system.mounts import is_network_device

# Before, `syncfs` did not tell of a write that failed.
_TELLING = (5, 8)


def sync_filesystem(handle: int) -> bool:
    """Write all of the filesystem of an open folder to its disk; False where only one file at a time can be.

    That is: not on Linux, or on an old one; and on network mounts, some of which keep what they were given.

    Raises:
        OSError: If something that was written since the folder was opened could not be.
    """
    syncfs = _syncfs()
    if syncfs is None or is_network_device(os.fstat(handle).st_dev) is not False:
        return False
    if syncfs(handle) == 0:
        return True
    import ctypes

    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


@cache
def _syncfs() -> Callable[[int], int] | None:
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if sys.platform != "linux" or release is None or tuple(map(int, release.groups())) < _TELLING:
        return None
    import ctypes

    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    return found


def sync_folders(folders: Iterable[Path]) -> None:
    """Write the names in folders to their disk, one by one.

    Not every filesystem can sync a folder; a rename in it is atomic all the same.
    """
    for folder in folders:
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
