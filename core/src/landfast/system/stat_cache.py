"""StatCache: the sha256 of files that have not changed since they were last hashed.

A hit needs the same path, size, mtime, ctime and inode.  A file that was modified a moment ago is
never remembered: a second write within one tick of the filesystem's clock would leave no trace.  Nor is
any where a store through a memory mapping may leave none: in memory, on network and unknown filesystems.
"""

from __future__ import annotations

import os
from pathlib import Path

from landfast.system.mounts import is_network_device, shows_mapped_writes
from landfast.system.state_file import StateFile

SETTLED_S = 2
SETTLED_ON_NETWORK_S = 60
# What a cache of the first form holds was not settled on the disk when it was hashed.
_NAME = "stat-cache-2.sqlite3"


def state_of(status: os.stat_result) -> str:
    """Return the text that tells one state of a file from any other; of ctime nobody can put it back."""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


def is_settled(status: os.stat_result, now_ns: int) -> bool:
    """Tell whether a later write to the file is sure to show in its times."""
    network = is_network_device(status.st_dev) is not False
    wait_s = SETTLED_ON_NETWORK_S if network else SETTLED_S
    return now_ns - max(status.st_mtime_ns, status.st_ctime_ns) > wait_s * 1_000_000_000


class StatCache:
    """Remember hashes by path and state in the cache folder, for many threads and processes at once.

    Failing to read or write it is never an error: then files are hashed again.  With `everywhere` status is
    trusted also where it may not show stores through a mapping.
    """

    def __init__(self, folder: Path, *, everywhere: bool = False) -> None:
        self._file = StateFile(folder / _NAME)
        self._everywhere = everywhere
        self._trusted: dict[int, bool] = {}

    def get(self, path: bytes, status: os.stat_result) -> str | None:
        """Return the remembered sha256 of the file in this state, or None."""
        return self._file.get(path, state_of(status)) if self._trusts(path, status) else None

    def put(self, path: bytes, status: os.stat_result, sha256: str, *, hashed_at_ns: int) -> None:
        """Remember the sha256 of a file with this status before and after, unless it is too recent.

        Hashing began at `hashed_at_ns`, in nanoseconds since the epoch.
        """
        if self._trusts(path, status) and is_settled(status, hashed_at_ns):
            self._file.put(path, state_of(status), sha256)

    def _trusts(self, path: bytes, status: os.stat_result) -> bool:
        device = status.st_dev
        if device not in self._trusted:
            shown = shows_mapped_writes(os.fsdecode(path)) is True
            self._trusted[device] = self._everywhere or shown
        return self._trusted[device]

    def flush(self) -> None:
        """Write what `put` has gathered."""
        self._file.flush()

    def close(self) -> None:
        """Write what is pending and let go of the file."""
        self._file.close()
