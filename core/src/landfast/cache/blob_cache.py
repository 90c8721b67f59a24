"""BlobCache: downloaded bytes under the sha256 of their content, bounded, shared by all processes.

    objects/ab/<sha256>    the bytes, read-only; the access time is that of the last use, or `notes` have it
    names/cd/<sha256>      for an MD5 or a pin (see `keys`): a symlink whose text is the sha256 of the bytes
    tmp/                   what is being written
    notes.sqlite3          the state of blobs after the cache's own last link (see `notes`)

A blob is hashed again at every hit, unless its status proves that nobody has written to it since; so a damaged
one is removed and never given out.  The cache is a help: where it cannot be written, downloads work without it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Literal

from landfast.cache.copying import copy_bytes, hard_link, open_file
from landfast.cache.notes import Answer, Known, Notes
from landfast.system.cache_folder import cache_folder
from landfast.system.mounts import settle
from landfast.system.stat_cache import state_of

DEFAULT_MAX_BYTES = 50 * 1024**3
Link = Literal["copy", "hard"]

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
# A temporary file this old was left behind by a process that was killed.
_STALE_S = 24 * 3600
# Larger ones are read by many threads at once.
_SMALL = 1 << 16


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
        self.notes = Notes(self.folder)
        self._kept_bytes: int | None = None

    def find(self, sha256: str | None, keys: Iterable[str] = ()) -> str | None:
        """Return the sha256 of a kept blob, by its own sha256 or by one of its keys; not yet verified."""
        if sha256 is not None and os.path.exists(self._object(sha256)):  # noqa: PTH110
            return sha256
        for key in keys:
            name = self._name(key)
            found = _named_by(name)
            if found is None:
                continue
            if _SHA256.match(found) and os.path.exists(self._object(found)):  # noqa: PTH110
                return found
            with contextlib.suppress(OSError):  # what it named was evicted
                os.unlink(name)  # noqa: PTH108
        return None

    def fetch(
        self, sha256: str, target: Path, *, link: Link = "copy", dir_fd: int | None = None
    ) -> bool:
        """Write a kept blob to `target`, as `place` does, verified; False if there is no whole one.

        Raises:
            OSError: If `target` cannot be written.
        """
        is_there = self.place(sha256, target, link=link, dir_fd=dir_fd)
        return is_there and self._verify(sha256, target, dir_fd)

    def place(
        self, sha256: str, target: Path, *, link: Link = "copy", dir_fd: int | None = None
    ) -> bool:
        """Write a kept blob to `target`, a temporary file of the caller's, who verifies it; False if there is none.

        `link` may be ``copy`` (a reflink where the filesystem can), or ``hard``: another name of the cache's own
        read-only file, where that is possible.  `dir_fd` is the folder in which `target` is a name.

        Raises:
            OSError: If `target` cannot be written.
        """
        source = self._object(sha256)
        try:
            # Not the modification time: a hard link elsewhere shows it too.
            os.utime(source, ns=(time.time_ns(), os.stat(source).st_mtime_ns))  # noqa: PTH116
        except OSError:
            return False
        if not (link == "hard" and hard_link(source, target, dir_fd=dir_fd)):
            try:
                copy_bytes(source, target, target_fd=dir_fd)
            except FileNotFoundError as error:
                # Evicted a moment ago; another process may have brought it back already.
                if error.filename != source:
                    raise
                return False
        return True

    def discard(self, sha256: str) -> None:
        """Remove a kept blob, whose bytes were found to be other ones."""
        with contextlib.suppress(OSError):
            os.unlink(self._object(sha256))  # noqa: PTH108

    def link(self, sha256: str, target: Path, *, dir_fd: int | None = None) -> bool:
        """Make `target` another name of a kept blob, verified; False where it would have to be copied."""
        is_linked = hard_link(self._object(sha256), target, dir_fd=dir_fd)
        return is_linked and self._verify(sha256, target, dir_fd)

    def link_known(
        self, known: Known, name: str, states: dict[str, tuple[str, int]], *, dir_fd: int
    ) -> os.stat_result | None:
        """Make a new name in a folder one of a kept blob, unread, and return its status then.

        None, and no such name, unless status proves that nobody has written to the blob, or it is small and reading
        it does.  `states`, which the caller hands to `notes.linked`, go before what is known.
        """
        sha256 = known.answer.sha256
        source = self._object(sha256)
        state = states[sha256][0] if sha256 in states else known.state
        try:
            seen = os.lstat(source)
            before = seen if state_of(seen) == state else _status_if(source, sha256)
            if before is None:
                return None
            os.link(source, name, dst_dir_fd=dir_fd, follow_symlinks=False)
        except OSError:
            return None
        try:
            after = os.lstat(name, dir_fd=dir_fd)
        except OSError:  # somebody removed it; the other way finds out
            return None
        # The times are not touched in between, so what is written meanwhile shows.
        if _unlinked(before) == _unlinked(after):
            states[sha256] = (state_of(after), time.time_ns())
            return after
        # Another file of this name is another process's, which has just moved it there.
        if os.path.samestat(before, after):
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=dir_fd)
        return None

    def note(
        self, request: str, answer: Answer, before: os.stat_result | None, after: os.stat_result
    ) -> None:
        """Remember that a blob, whose bytes were read, answers a request, and its state after the last link or move.

        Its state says nothing if the status before it was read is not known, or was another one.
        """
        is_same = before is not None and _unlinked(before) == _unlinked(after)
        state = state_of(after) if is_same else ""
        self.notes.answered(request, answer, state, time.time_ns())

    def _verify(self, sha256: str, copy: Path, dir_fd: int | None) -> bool:
        """Tell whether the copy of a kept blob holds its bytes; else both are removed."""
        if sha256_of(copy, dir_fd=dir_fd) == sha256:
            return True
        self.discard(sha256)
        os.unlink(copy, dir_fd=dir_fd)
        return False

    def add(
        self, source: Path, sha256: str, keys: Iterable[str] = (), *, dir_fd: int | None = None
    ) -> bool:
        """Keep a copy of verified bytes, to be found by their sha256 and `keys`; tell whether it is kept now.

        A full or read-only disk is not an error.  `dir_fd` is the folder in which `source` is a name.
        """
        try:
            size = os.stat(source, dir_fd=dir_fd).st_size
            if self.max_bytes is not None and size > self.max_bytes:
                return False
            place = self._object(sha256)
            if not os.path.exists(place):  # noqa: PTH110
                part = os.path.join(self.folder, "tmp", uuid.uuid4().hex)  # noqa: PTH118
                try:
                    _with_folder(
                        part, lambda: copy_bytes(source, part, source_fd=dir_fd, mode=0o444)
                    )
                    _with_folder(place, lambda: os.replace(part, place))  # noqa: PTH105
                except BaseException:
                    with contextlib.suppress(OSError):
                        os.unlink(part)  # noqa: PTH108
                    raise
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
                _with_folder(place, partial(os.symlink, sha256, place))

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
            used = self.notes.used()
            kept = sorted(
                (max(used_ns, used.get(path.name, 0)), size, path)
                for used_ns, size, path in self._objects()
            )
            total = sum(size for _, size, _ in kept)
            removed, gone = 0, []
            for _, size, path in kept:
                if total - removed <= max_bytes:
                    break
                with contextlib.suppress(OSError):
                    path.unlink()
                    removed += size
                    gone.append(path.name)
            if gone:
                self.notes.forget(gone)
            self._kept_bytes = total - removed
            return removed

    def clear(self) -> None:
        """Remove everything that is kept."""
        for part in ("objects", "names", "tmp"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        self.notes.clear()
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
                if not os.path.exists(self._object(_named_by(str(path)) or "")):  # noqa: PTH110
                    path.unlink()

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

    def _object(self, sha256: str) -> str:
        return f"{self.folder}/objects/{sha256[:2]}/{sha256}"

    def _name(self, key: str) -> str:
        return f"{self.folder}/names/{key[:2]}/{key}"

    def __repr__(self) -> str:
        return f"BlobCache({str(self.folder)!r})"


def _status_if(source: str, sha256: str) -> os.stat_result | None:
    """Return the status of a small file that holds the bytes of a sha256, by reading it; else None."""
    with open_file(source) as file:
        settle(file.fileno())
        before = os.fstat(file.fileno())
        if before.st_size > _SMALL or hashlib.sha256(file.read(_SMALL + 1)).hexdigest() != sha256:
            return None
        return before if state_of(os.fstat(file.fileno())) == state_of(before) else None


# What a link leaves of a status as it is.
_unlinked = attrgetter("st_ino", "st_dev", "st_mode", "st_size", "st_mtime_ns")


def _named_by(name: str) -> str | None:
    """Return what a name is of, or None; earlier ones are files with that text."""
    try:
        return os.readlink(name)  # noqa: PTH115
    except OSError as error:
        if error.errno != errno.EINVAL:
            return None
    try:
        return Path(name).read_text(errors="replace")
    except OSError:
        return None


def _with_folder(place: str, make: Callable[[], None]) -> None:
    """Make something in a folder of the cache, which may have to be made first."""
    try:
        make()
    except FileNotFoundError:
        Path(place).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        make()


def sha256_of(path: Path, *, dir_fd: int | None = None) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with open_file(path, dir_fd=dir_fd) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
