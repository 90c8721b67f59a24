"""BlobCache: downloaded bytes under the sha256 of their content, bounded, shared by all processes.

    objects/ab/<sha256>    the bytes, read-only; the access time is that of the last use
    names/cd/<sha256>      for an MD5 or a pin (see `keys`): the sha256 of the bytes
    tmp/                   what is being written

A blob is hashed again at every hit, so a damaged one is removed and never given out.  The cache is a
help: where it cannot be written, downloads work without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from landfast.cache.copying import copy_bytes, hard_link, open_file
from landfast.system.cache_folder import cache_folder

DEFAULT_MAX_BYTES = 50 * 1024**3
Link = Literal["copy", "hard"]

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
# A temporary file this old was left behind by a process that was killed.
_STALE_S = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUsage:
    """What a cache holds: where it lies, the number of blobs, their bytes, and the most it keeps; None is no bound."""

    folder: Path
    count: int
    size: int
    max_bytes: int | None


class BlobCache:
    """Keep downloaded bytes in a folder, None is the default one, and find them again.

    What is used least recently goes when more than `max_bytes` are kept; None is no bound.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        max_bytes: int | None = DEFAULT_MAX_BYTES,
    ) -> None:
        self.folder = cache_folder(folder)
        self.max_bytes = max_bytes
        self._kept_bytes: int | None = None

    def find(self, sha256: str | None, keys: Iterable[str] = ()) -> str | None:
        """Return the sha256 of a kept blob, by its own sha256 or by one of its keys; not yet verified."""
        if sha256 is not None and self._object(sha256).exists():
            return sha256
        for key in keys:
            name = self._name(key)
            try:
                found = name.read_text(errors="replace")
            except OSError:
                continue
            if _SHA256.match(found) and self._object(found).exists():
                return found
            with contextlib.suppress(OSError):  # what it named was evicted
                name.unlink()
        return None

    def fetch(
        self, sha256: str, target: Path, *, link: Link = "copy", dir_fd: int | None = None
    ) -> bool:
        """Write a kept blob to `target`, a temporary file of the caller's, verified; False if there is no whole one.

        `link` may be ``copy`` (a reflink where the filesystem can), or ``hard``: another name of the cache's own
        read-only file, where that is possible.  `dir_fd` is the folder in which `target` is a name.

        Raises:
            OSError: If `target` cannot be written.
        """
        source = self._object(sha256)
        try:
            # Not the modification time: a hard link elsewhere shows it too.
            os.utime(source, ns=(time.time_ns(), source.stat().st_mtime_ns))
        except OSError:
            return False
        if not (link == "hard" and hard_link(source, target, dir_fd=dir_fd)):
            try:
                copy_bytes(source, target, target_fd=dir_fd)
            except FileNotFoundError:  # evicted a moment ago
                if source.exists():
                    raise
                return False
        return self._verify(sha256, target, dir_fd)

    def link(self, sha256: str, target: Path, *, dir_fd: int | None = None) -> bool:
        """Make `target` another name of a kept blob, verified; False where it would have to be copied."""
        is_linked = hard_link(self._object(sha256), target, dir_fd=dir_fd)
        return is_linked and self._verify(sha256, target, dir_fd)

    def _verify(self, sha256: str, copy: Path, dir_fd: int | None) -> bool:
        """Tell whether the copy of a kept blob holds its bytes; else both are removed."""
        if sha256_of(copy, dir_fd=dir_fd) == sha256:
            return True
        with contextlib.suppress(OSError):
            self._object(sha256).unlink()
        os.unlink(copy, dir_fd=dir_fd)
        return False

    def add(
        self, source: Path, sha256: str, keys: Iterable[str] = (), *, dir_fd: int | None = None
    ) -> bool:
        """Keep a copy of verified bytes, to be found by their sha256 and `keys`; tell whether it is kept now.

        A full or read-only disk is no error.  `dir_fd` is the folder in which `source` is a name.
        """
        try:
            size = os.stat(source, dir_fd=dir_fd).st_size
            if self.max_bytes is not None and size > self.max_bytes:
                return False
            place = self._object(sha256)
            if not place.exists():
                with self._writing(place) as part:
                    copy_bytes(source, part, source_fd=dir_fd)
                    part.chmod(0o444)
                self._grown(size)
            self.name(sha256, keys)
        except OSError:
            return False
        return True

    def name(self, sha256: str, keys: Iterable[str]) -> None:
        """Let a kept blob be found by further keys."""
        for key in keys:
            place = self._name(key)
            with contextlib.suppress(OSError):
                if not place.exists():
                    with self._writing(place) as part:
                        part.write_text(sha256)

    def usage(self) -> CacheUsage:
        """Count what is kept."""
        sizes = [size for _, size, _ in self._objects()]
        return CacheUsage(
            folder=self.folder, count=len(sizes), size=sum(sizes), max_bytes=self.max_bytes
        )

    def trim(self, max_bytes: int) -> int:
        """Remove what was used least recently until at most so many bytes are kept; return the bytes removed."""
        with self._alone() as is_alone:
            if not is_alone:
                return 0  # another process is at it
            self._sweep()
            kept = sorted(self._objects())
            total = sum(size for _, size, _ in kept)
            removed = 0
            for _, size, path in kept:
                if total - removed <= max_bytes:
                    break
                with contextlib.suppress(OSError):
                    path.unlink()
                    removed += size
            self._kept_bytes = total - removed
            return removed

    def clear(self) -> None:
        """Remove everything that is kept."""
        for part in ("objects", "names", "tmp"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        self._kept_bytes = None

    def scratch(self) -> Path | None:
        """Return a folder for files that are gone soon, on the cache's disk; None if it cannot be made."""
        try:
            (self.folder / "tmp").mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            return None
        return self.folder / "tmp"

    def _grown(self, size: int) -> None:
        if self.max_bytes is None:
            return
        if self._kept_bytes is None:
            self._kept_bytes = sum(kept for _, kept, _ in self._objects())
        else:
            self._kept_bytes += size
        if self._kept_bytes > self.max_bytes:
            # A little below the bound, or every further blob would look through all of them.
            self.trim(self.max_bytes - self.max_bytes // 10)

    def _objects(self) -> Iterator[tuple[int, int, Path]]:
        """Yield time of last use, size and place of every blob."""
        for path in (self.folder / "objects").glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                yield status.st_atime_ns, status.st_size, path

    def _sweep(self) -> None:
        for path in (self.folder / "tmp").glob("*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - _STALE_S:
                    path.unlink()
        for path in (self.folder / "names").glob("??/*"):
            with contextlib.suppress(OSError):
                if not self._object(path.read_text(errors="replace")).exists():
                    path.unlink()

    @contextlib.contextmanager
    def _writing(self, place: Path) -> Iterator[Path]:
        """Give a temporary file that appears at `place` whole, or not at all."""
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True, mode=0o700)
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder / "tmp")
        os.close(handle)
        try:
            yield Path(name)
            Path(name).replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Hold the lock of those who remove; False if another process holds it."""
        import fcntl

        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True

    def _object(self, sha256: str) -> Path:
        return self.folder / "objects" / sha256[:2] / sha256

    def _name(self, key: str) -> Path:
        return self.folder / "names" / key[:2] / key

    def __repr__(self) -> str:
        return f"BlobCache({str(self.folder)!r})"


def sha256_of(path: Path, *, dir_fd: int | None = None) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with open_file(path, dir_fd=dir_fd) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
