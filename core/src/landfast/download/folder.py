"""MarkedFolder: a download's target, with the marker that says which version it holds.

.landfast/identity.json    which version; another one's folder is refused, or made this one's if asked
.landfast/state.sqlite3    the files as they were written, so that nothing is fetched twice
.landfast/parts/           what is being fetched; continued after a kill
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Protocol

from landfast.download.partial import PARTS, TWIN, PartFile, is_locked
from landfast.errors import Conflict, InvalidInput
from landfast.model.manifest import ManifestEntry
from landfast.model.marker import MARKER
from landfast.system.disk_errors import disk_errors
from landfast.system.mounts import shows_mapped_writes
from landfast.system.open_folder import OpenFolder
from landfast.system.stat_cache import state_of
from landfast.system.state_file import StateFile

_FORMAT = 1
_IDENTITY = "identity.json"
_STATE = "state.sqlite3"
_SHARED = "shared-"
_FEW = 16  # so many files are forced to disk one by one; more, by one call for the whole filesystem
_TICK_S = 0.02


class State(Protocol):
    """What is known of files, as `StateFile` keeps it."""

    def last(self, path: bytes) -> tuple[str, str] | None:
        """Return the state and the fact that were put for a path last."""
        ...

    def put(self, path: bytes, state: str, fact: str) -> None:
        """Remember a fact."""
        ...

    def put_all(self, facts: Mapping[bytes, tuple[str, str]]) -> None:
        """Remember states and facts by path."""
        ...

    def close(self) -> None:
        """Write what is pending."""
        ...


class MarkedFolder:
    """The target folder of one version, whose identity is its full name and digest; made by `claim`."""

    def __init__(self, root: Path, identity: str, state: State | None = None) -> None:
        self.root = root.absolute()
        self.identity = identity
        self.is_replaced = False
        self.is_fresh = False
        path = self.root / MARKER / _STATE
        self._state = state or StateFile(path, before_write=self._sync)
        self._top: OpenFolder | None = None
        self._marker: OpenFolder | None = None
        self._newest_ns = 0
        self._is_told = True

    @property
    def top(self) -> OpenFolder:
        """The folder, open since `claim`."""
        assert self._top is not None
        return self._top

    @property
    def marker(self) -> OpenFolder:
        """The marker, open since `claim`."""
        assert self._marker is not None
        return self._marker

    def check(self, *, replace: bool = False) -> bool:
        """Tell whether the folder is marked as this version's, or as one to be replaced; nothing is written.

        With `replace` it may hold another version of the same artifact, which is to become this one.

        Raises:
            Conflict: If it holds another version.
            InvalidInput: If it is a file.
        """
        with disk_errors(self.root, "read"):
            if self.root.exists() and not self.root.is_dir():
                raise InvalidInput(f"{self.root} is a file, not a folder", subject=str(self.root))
            found = self._read()
        if found is None or found == self.identity:
            return found is not None
        if replace and _artifact(found) == _artifact(self.identity):
            self.is_replaced = True
            return True
        raise Conflict(
            f"{self.root} holds another version",
            subject=str(self.root),
            expected=self.identity,
            found=found,
            hint="Download into another folder ('{version}' in its name gives each version its own), remove this"
            " one first, or give replace=True (--replace) to turn a version of the same artifact into this one.",
        )

    def claim(self) -> None:
        """Make the folder and its marker; `Conflict` if another version took it in the meantime."""
        with disk_errors(self.root, "write below"):
            self.root.mkdir(parents=True, exist_ok=True)
            self._top = OpenFolder.of(self.root)
            # What another process puts there from now on is at worst fetched twice.
            self.is_fresh = not self.top.names()
            try:
                self._marker = self.top.child(MARKER, create=True)
            except NotADirectoryError:
                raise self._in_the_way(self.root / MARKER) from None
            if self._read() is None:
                self._write()
            elif self.is_replaced:
                self._mark()
            self._is_told = shows_mapped_writes(self.root) is not False
        self.check()

    def look(self) -> None:
        """Open a folder that is marked, without writing to it."""
        self._top = OpenFolder.of(self.root)
        self._marker = self.top.child(MARKER)
        self._is_told = shows_mapped_writes(self.root) is not False

    @contextlib.contextmanager
    def shared(self) -> Iterator[str]:
        """Let others `join`, by a mark that is yielded; it goes at the end, and theirs with it."""
        mark, handle = self._marked()
        try:
            yield mark
        finally:
            os.close(handle)
            with contextlib.suppress(FileNotFoundError):
                self.marker.unlink(mark)

    def _marked(self) -> tuple[str, int]:
        """Make a mark that no download of the same folder removes when it ends earlier, and return it open."""
        while True:
            mark = f"{_SHARED}{uuid.uuid4().hex}"
            handle = self.marker.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            # Another that ends may have taken it for left behind before it was locked.
            if is_locked(handle, is_own=True) and self.is_shared(mark):
                return mark, handle
            os.close(handle)

    def join(self, mark: str, *, is_fresh: bool) -> None:
        """Open a folder that another process, maybe of another machine, has claimed and shares.

        Raises:
            InvalidInput: If this is not that folder: it is not seen from here, or the other has ended.
        """
        try:
            self._top = OpenFolder.of(self.root)
            self._marker = self.top.child(MARKER)
            self.marker.look(mark)
        except (FileNotFoundError, NotADirectoryError):
            raise InvalidInput(
                f"a worker of the executor does not see the download's folder {self.root}",
                subject=str(self.root),
                expected="a folder on a disk that all workers share, under the same path",
                hint="Download to such a disk, or without executor=.",
            ) from None
        self.is_fresh = is_fresh
        self._is_told = shows_mapped_writes(self.root) is not False

    def is_shared(self, mark: str) -> bool:
        """Whether the other has not ended."""
        return self.marker.status(mark) is not None

    def told_of(self, path: str) -> tuple[str, str] | None:
        """Return what was remembered of a path, for who joins."""
        return self._state.last(path.encode()) if self._is_own_state() else None

    def learn(self, known: Mapping[bytes, tuple[str, str]], newest_ns: int) -> None:
        """Remember what others have, whose newest write was at a time."""
        self._newest_ns = max(self._newest_ns, newest_ns)
        self._state.put_all(known)

    @property
    def newest_ns(self) -> int:
        """When the newest file that is remembered was written."""
        return self._newest_ns

    def _read(self) -> str | None:
        try:
            with (
                OpenFolder.of(self.root) as top,
                top.child(MARKER) as marker,
                os.fdopen(marker.open(_IDENTITY)) as file,
            ):
                content = json.load(file)
            # A replacement that was cut short has to go on: files of the version before are still there.
            self.is_replaced = self.is_replaced or bool(content.get("replaces"))
            return str(content["identity"])
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            return f"a file or a symlink named {MARKER}"
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, OSError) and error.errno != errno.ELOOP:
                raise
            return f"a marker that cannot be read: {self.root / MARKER / _IDENTITY}"

    def _write(self) -> None:
        name, folder = self._written(), self.marker.handle
        try:
            # Unlike a rename, it fails if another was quicker.
            os.link(name, _IDENTITY, src_dir_fd=folder, dst_dir_fd=folder)
        except FileExistsError:
            pass
        except OSError:  # no hard links here
            if self.marker.status(_IDENTITY) is None:
                self.marker.move(name, self.marker, _IDENTITY)
        finally:
            with contextlib.suppress(FileNotFoundError):
                self.marker.unlink(name)

    def _mark(self) -> None:
        """Say that the folder is this version's, and whether files of the one before may still be there."""
        self.marker.move(self._written(), self.marker, _IDENTITY)

    def _written(self) -> str:
        name = uuid.uuid4().hex
        said = {"format": _FORMAT, "identity": self.identity}
        handle = self.marker.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(handle, "w") as file:
            json.dump(said | ({"replaces": True} if self.is_replaced else {}), file)
            file.flush()
            os.fsync(handle)
        return name

    @contextlib.contextmanager
    def above(self, path: str) -> Iterator[tuple[OpenFolder, str]]:
        """Open the folder of an entry, made if it is not there; yield it and the entry's name in it."""
        *names, name = path.split("/")
        with disk_errors(self.root, "make the folder", *names):
            try:
                folder = self.top.below(names, create=True)
            except NotADirectoryError:
                raise self._in_the_way(self.root.joinpath(*names)) from None
        with folder:
            yield folder, name

    def _in_the_way(self, folder: Path) -> Conflict:
        while folder.parent != self.root and not folder.is_symlink():
            folder = folder.parent
        if folder.is_symlink():
            return Conflict(
                f"{folder} is a symlink. A download follows no symlinks, because they can lead out of {self.root}",
                subject=str(folder),
                hint="Remove the link, or download into another folder.",
            )
        return Conflict(
            f"{folder} must be a folder, but it is something else",
            subject=str(folder),
            hint="Remove it, or download into another folder.",
        )

    def place(
        self, part: PartFile, path: str, fact: str, sha256: str | None
    ) -> os.stat_result | None:
        """Move a finished part to where its entry lies, never through a link, and remember what it holds.

        Return its status there; None if that does not prove what it holds.  The sha256 is there to know the bytes by
        where the entry's own token does not tell.
        """
        with self.above(path) as (folder, name):
            try:
                with disk_errors(self.root, "write", path):
                    status = part.move(folder, name)
            except InvalidInput:
                if not stat.S_ISDIR(folder.look(name).st_mode):
                    raise
                target = self.root / path
                raise Conflict(
                    f"{target} must be a file, but it is a folder",
                    subject=str(target),
                    hint="Remove it, or download into another folder.",
                ) from None
        if status is not None:
            self.remember(path, status, fact, sha256)
        return status

    def noted(self, path: str, fact: str) -> Noted | None:
        """Return what was remembered of a file, if it was for an entry of these facts."""
        if not self._is_own_state():
            return None
        state, said = self._state.last(path.encode()) or ("", "")
        known, _, sha256 = said.partition(" ")
        return Noted(state=state, sha256=sha256 or None) if known == fact else None

    def is_untouched(self, noted: Noted, status: os.stat_result) -> bool:
        """Tell whether a file's status proves that nobody wrote to it since."""
        return self._is_told and noted.state == state_of(status)

    def remember(self, path: str, status: os.stat_result, fact: str, sha256: str | None) -> None:
        """Remember that a file with this status holds what an entry says."""
        self._newest_ns = max(self._newest_ns, status.st_ctime_ns)
        self._state.put(path.encode(), state_of(status), f"{fact} {sha256 or ''}")

    def remember_all(
        self, files: Sequence[tuple[ManifestEntry, os.stat_result, str, str | None]]
    ) -> None:
        """Remember as `remember` does each: entry, status, the state that this is, sha256."""
        if not files:
            return
        newest_ns = max(status.st_ctime_ns for _, status, _, _ in files)
        self.learn(
            {
                entry.path.encode(): (state, f"{fact_of(entry)} {sha256 or ''}")
                for entry, _, state, sha256 in files
            },
            newest_ns,
        )

    def _is_own_state(self) -> bool:
        """Tell whether the state's path, which SQLite opens by name, leads into the open marker."""
        try:
            is_own = os.path.samestat(os.fstat(self.marker.handle), self.marker.path.lstat())
            return is_own and stat.S_ISREG(self.marker.look(_STATE).st_mode)
        except FileNotFoundError:
            return self.marker.path.is_dir()
        except NotADirectoryError:
            return False

    def _sync(self, paths: Collection[bytes]) -> None:
        """Force files to their disk: of what a crash of the machine may take nothing is remembered."""
        if not self._is_own_state():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), MARKER)
        if len(paths) > _FEW and self.top.sync_all():
            return
        for path in paths:
            *names, name = path.decode().split("/")
            with self.top.below(names) as folder:
                handle = folder.open(name)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)

    def close(self, *, is_complete: bool) -> None:
        """Write what is to be remembered; after a complete download drop what is left of others."""
        self._state.close()
        if is_complete and self.is_replaced:
            self.is_replaced = False
            self._mark()
        if is_complete:
            self._remove_parts()
        # Whoever writes to a file from now on gives it another time: the clock of files ticks every 10 ms.
        time.sleep(max(0.0, min(_TICK_S, self._newest_ns / 1e9 + _TICK_S - time.time())))
        for folder in (self.marker, self.top):
            folder.close()

    def _remove_parts(self) -> None:
        with contextlib.suppress(OSError), self.marker.child(PARTS) as parts:
            for name in {name.removesuffix(TWIN) for name in parts.names()}:
                with contextlib.suppress(OSError):
                    _unlink_unlocked(parts, name, name + TWIN)
        with contextlib.suppress(OSError):
            os.rmdir(PARTS, dir_fd=self.marker.handle)
        for name in self.marker.names():
            if name.startswith(_SHARED):  # of a process that was killed
                with contextlib.suppress(OSError):
                    _unlink_unlocked(self.marker, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What was remembered of a file: its status then, and its sha256 where no token of the entry proves the bytes."""

    state: str
    sha256: str | None


def fact_of(entry: ManifestEntry) -> str:
    """Return what is remembered of an entry with the file that holds its bytes."""
    # As `json.dumps`, which takes its time to find out what it is given.
    parts = [
        encode_basestring_ascii(part)
        if part.__class__ is str
        else "null"
        if part is None
        else str(part)
        for part in entry.identity
    ]
    return hashlib.sha256(f"[{', '.join(parts)}]".encode()).hexdigest()


def _artifact(identity: str) -> str:
    """Return entity, project and collection of an identity; of a marker that cannot be read, its text."""
    return identity.rpartition(" ")[0].rpartition(":")[0].partition("~")[0] or identity


def _unlink_unlocked(folder: OpenFolder, name: str, *twins: str) -> None:
    """Remove a file that no process has locked, and what goes by its lock."""
    # A twin may have been left alone; then there is nothing to lock yet.
    handle = folder.open(name, os.O_CREAT if twins else os.O_RDONLY)
    try:
        found = folder.status(name) if is_locked(handle, is_own=False) else None
        # Before it was locked here, its writer may have moved it, and another one begun a file of this name.  And
        # what has more names than one is an earlier release's, which had no lock for a link of the cache's file.
        is_left = found is not None and os.path.samestat(os.fstat(handle), found)
        if not is_left or os.fstat(handle).st_nlink > 1:
            return
        for twin in twins:
            with contextlib.suppress(FileNotFoundError):
                folder.unlink(twin)
        folder.unlink(name)
    finally:
        os.close(handle)
