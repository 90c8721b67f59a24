"""PartFile: a temporary file that one process writes, and a later one continues."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path

from landfast.errors import AccessDenied, NotFound, ObjectChanged
from landfast.model.manifest import ManifestEntry
from landfast.pins.checksums import is_computable
from landfast.system.open_folder import OpenFolder

PARTS = "parts"
TWIN = ".twin"
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
    """Opened for this process alone, in a folder of all parts; what another process is writing is left to it.

    Its lock says so, from the first look at the file until it has left the folder.  A file that cannot be locked, as
    the cache's own under one more name, is the part's `twin`: it goes by the lock of the file beside it.
    """

    def __init__(self, home: OpenFolder, name: str) -> None:
        self.name = name
        self.handle = -1
        self._locked: tuple[str, int] | None = None
        self.is_finished = False
        self.is_continued = False
        self.written = 0
        with home.errors("write below", PARTS):
            while not self._try(home, is_own=self.name != name):
                self.name = f"{name}-{uuid.uuid4().hex[:8]}"

    def _try(self, home: OpenFolder, *, is_own: bool) -> bool:
        """Open the file and lock it; under a name of its own, as far as the filesystem has locks."""
        self.folder = home.child(PARTS, create=True)
        try:
            handle = self.folder.open(self.name, os.O_RDWR | os.O_CREAT)
        except BaseException as error:
            self.folder.close()
            if isinstance(error, FileNotFoundError):  # the folder was just removed as empty
                return False
            raise
        # Between opening and locking, another process may have finished and moved it.
        if is_locked(handle, is_own=is_own) and self._is(handle):
            self.handle = handle
            return True
        os.close(handle)
        self.folder.close()
        return False

    def _is(self, handle: int) -> bool:
        """Tell whether an open file is the one that has the name."""
        found = self.folder.status(self.name)
        return found is not None and os.path.samestat(os.fstat(handle), found)

    @property
    def path(self) -> Path:
        """What messages call it."""
        return self.folder.path / self.name

    def errors(self, purpose: str) -> AbstractContextManager[None]:
        """Translate the `OSError` of a block that is about the file."""
        return self.folder.errors(purpose, self.name)

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return os.fstat(self.handle).st_size

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes; the next are written after them."""
        with self.errors("write"):
            os.truncate(self.handle, size)
            os.lseek(self.handle, size, os.SEEK_SET)

    def write(self, chunk: bytes) -> None:
        """Append; nothing is held back, so that a kill loses nothing."""
        rest = memoryview(chunk)
        with self.errors("write"):
            while rest:
                rest = rest[os.write(self.handle, rest) :]
        self.written += len(chunk)

    def write_at(self, at: int, data: bytes) -> None:
        """Write at an offset, as far behind the end as it may be; threads may, at different places."""
        rest = memoryview(data)
        with self.errors("write"):
            while rest:
                count = os.pwrite(self.handle, rest, at)
                rest, at = rest[count:], at + count

    def close(self) -> None:
        """Let go of the file; what is there stays for the next one."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1
        if self._locked is not None:
            os.close(self._locked[1])
            self._locked = None
        self.folder.close()

    @property
    def twin(self) -> str:
        """Name of a file that stands for this one, once it is there: see `become_twin`."""
        return self.name.removesuffix(TWIN) + TWIN

    def become_twin(self) -> None:
        """Let the twin be what is read and moved; the file itself stays beside it, with the lock, until then."""
        handle = self.folder.open(self.twin)
        self._locked = self.name, self.handle
        self.handle, self.name = handle, self.twin

    def move(self, folder: OpenFolder, name: str) -> os.stat_result | None:
        """Move the finished file to where it shall be, and return its status there.

        A rename leaves two names of one file as they are: then the part's own is removed.  After any other rename,
        what has the part's name is another process's, which fetches the same bytes.  None tells that something
        else came to its place, or it was written to on the way.
        """
        before = os.fstat(self.handle)
        self.folder.move(self.name, folder, name)
        if self._is(self.handle):
            self.folder.unlink(self.name)
        self._unlink_locked()
        after = folder.status(name)
        if after is None or not os.path.samestat(before, after):
            return None
        return after if before.st_mtime_ns == after.st_mtime_ns else None

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
            self.folder.unlink(self.name)
        with contextlib.suppress(OSError):
            self._unlink_locked()
        self.close()

    def _unlink_locked(self) -> None:
        """Remove what the twin went by; nobody else does while it is locked."""
        if self._locked is not None:
            with contextlib.suppress(FileNotFoundError):
                self.folder.unlink(self._locked[0])


def is_locked(handle: int, *, is_own: bool) -> bool:
    """Lock a file against those who would write it, or remove it as left behind; tell whether that was done.

    One of a name that only this process has (`is_own`) needs it only where there are locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # another process writes it, or is about to remove it as left behind
        return False
    except OSError:  # this filesystem has no locks: a name of its own has to do
        return is_own
    return True
