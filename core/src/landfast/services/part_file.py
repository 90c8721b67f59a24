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
        self.is_continued = False
        self.written = 0
        with disk_errors(folder, "write below"):
            while not self._try(is_own=self.path.name != name):
                self.path = folder / f"{name}-{uuid.uuid4().hex[:8]}"

    def _try(self, *, is_own: bool) -> bool:
        """Open the file and lock it; with a name of its own it needs no lock."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            handle = os.open(self.path, flags, 0o666)
        except FileNotFoundError:  # the folder was just removed as empty
            return False
        if _is_locked(handle) or is_own:
            # Between opening and locking, another process may have finished and moved it.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), self.path.lstat()):
                    self._handle = handle
                    return True
        os.close(handle)
        return False

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
        self.written += len(chunk)

    def close(self) -> None:
        """Let go of the file; what is there stays for the next one."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def become(self, other: Path) -> None:
        """Give the name up for another file of the same bytes, which nobody else knows of."""
        self.path.unlink(missing_ok=True)
        self.path = other

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


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has it, or this filesystem has no locks
        return False
    return True
