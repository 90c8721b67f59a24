"""FileReader: an open file whose size and times must stay the same until its last byte is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from landfast.errors import ObjectChanged
from landfast.stores.base import ObjectInfo
from landfast.stores.local.content_hash import CHUNK
from landfast.stores.local.walk import broken_symlink, of_os_error, shown


def open_file(path: bytes) -> int:
    """Open a file for reading, never waiting for the writer of a named pipe."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and Path(os.fsdecode(path)).is_symlink():
            raise broken_symlink(path) from None
        raise of_os_error(error, path) from None


@dataclass(slots=True, kw_only=True)
class FileReader:
    """An open file; see `landfast.stores.base.Reader`."""

    handle: int
    info: ObjectInfo
    start: int
    status: os.stat_result

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks; `ObjectChanged` if the file is written to meanwhile."""
        count = self.start
        path = shown(os.fsencode(self.info.location.key))
        try:
            while chunk := os.read(self.handle, CHUNK):
                count += len(chunk)
                yield chunk
            after = os.fstat(self.handle)
        except OSError as error:
            raise of_os_error(error, os.fsencode(self.info.location.key)) from None
        is_same = (after.st_size, after.st_mtime_ns) == (
            self.status.st_size,
            self.status.st_mtime_ns,
        )
        if not is_same or count != max(after.st_size, self.start):
            raise ObjectChanged(f"{path} changed while it was read", subject=path)
