"""PartFile: a temporary file that one process writes, and a later one continues."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from landfast.disk_errors import disk_errors
from landfast.errors import AccessDenied, NotFound, ObjectChanged
from landfast.model.manifest import ManifestEntry
from landfast.services.proof import is_computable

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def part_name(entry: ManifestEntry) -> str:
    """Return the name of an entry's part: the same for the same bytes, whoever fetches them.

    What can be checked in the end goes by its checksum.  An opaque token cannot show what a crash of
    the machine left of a file, so such a part counts only until the next boot; and without any pin
    nothing says that the rest would belong to the beginning, so such a part is never continued.
    """
    parts: tuple[str, ...]
    if is_computable(entry):
        parts = ("checked", str(entry.checksum))
    elif entry.is_pinned or (entry.etag and not entry.etag.startswith("W/")):
        pin = f"{entry.version_id} {entry.etag} {entry.checksum}"
        parts = ("pinned", entry.uri, pin, _boot_id())
    else:
        parts = ("once", uuid.uuid4().hex)
    text = "\0".join((entry.path, str(entry.size), *parts))
    return hashlib.sha256(text.encode()).hexdigest()[:40]


@cache
def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return _BOOT.read_text().strip()
    return uuid.uuid4().hex


class PartFile:
    """Opened for this process alone; what another process is writing is left to it.

    Args:
        folder: Of all parts; made if it is not there.
        name: From `part_name`.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name
        self._handle = -1
        self.is_finished = False
        with disk_errors(folder, "write below"):
            while not self._try():
                self.path = folder / f"{name}-{uuid.uuid4().hex[:8]}"

    def _try(self) -> bool:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(self.path, flags, 0o666)
        except FileNotFoundError:  # the folder was just removed as empty
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            here = os.fstat(handle)
            named = self.path.lstat()
            # Between opening and locking, another process may have finished and moved it.
            is_ours = (here.st_dev, here.st_ino) == (named.st_dev, named.st_ino)
        except OSError:
            is_ours = False
        if not is_ours:
            os.close(handle)
            return False
        self._handle = handle
        return True

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return os.fstat(self._handle).st_size

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes; the next are written after them."""
        with disk_errors(self.path, "write"):
            os.truncate(self._handle, size)
            os.lseek(self._handle, size, os.SEEK_SET)

    def write(self, chunk: bytes) -> None:
        """Append; nothing is held back, so that a kill loses nothing."""
        rest = memoryview(chunk)
        with disk_errors(self.path, "write"):
            while rest:
                rest = rest[os.write(self._handle, rest) :]

    def close(self) -> None:
        """Let go of the file; what is there stays for the next one."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    @contextlib.contextmanager
    def unless_finished(self) -> Iterator[None]:
        """Close the file at the end of the block if it is not finished.

        What can never become the recorded bytes is removed; what a lost connection left is kept.
        """
        try:
            yield
        except (NotFound, ObjectChanged, AccessDenied):
            self._discard()
            raise
        except BaseException:
            self.close()
            raise
        if not self.is_finished:
            self._discard()

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.close()
