"""MarkedFolder: a download's target, with the marker that says which version it holds.

.landfast/identity.json    which version; another one's folder is refused, or made this one's if asked
.landfast/state.sqlite3    the files as they were written, so that nothing is fetched twice
.landfast/parts/           what is being fetched; continued after a kill
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import tempfile
from pathlib import Path

from landfast.disk_errors import disk_errors
from landfast.errors import Conflict, InvalidInput
from landfast.model.marker import MARKER
from landfast.state_file import StateFile

_FORMAT = 1


class MarkedFolder:
    """The target folder of one version.

    Args:
        root: The folder; made by `claim`.
        identity: Full version name and digest.
    """

    def __init__(self, root: Path, identity: str) -> None:
        self.root = root.absolute()
        self.identity = identity
        self.parts = self.root / MARKER / "parts"
        self._state = StateFile(self.root / MARKER / "state.sqlite3", is_shared=False)
        self.is_replaced = False
        self._real_root = ""
        self._safe: set[Path] = set()

    def check(self, *, replace: bool = False) -> bool:
        """Look whether the folder may be used; nothing is written.

        Args:
            replace: Whether it may hold another version of the same artifact, which is to become this one.

        Returns:
            Whether it is marked as this version's already, or as one that is to be replaced.

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
        """Make the folder and its marker.

        Raises:
            Conflict: If another version took it in the meantime.
        """
        with disk_errors(self.root, "write below"):
            if self._read() is None:
                self.parts.mkdir(parents=True, exist_ok=True)
                self._write()
            elif self.is_replaced:
                self.parts.mkdir(exist_ok=True)
                self._mark()
            self._real_root = os.path.realpath(self.root)
        self.check()

    def _read(self) -> str | None:
        marker = self.root / MARKER
        try:
            content = json.loads((marker / "identity.json").read_text())
            # A replacement that was cut short has to go on: files of the version before are still there.
            self.is_replaced = self.is_replaced or bool(content.get("replaces"))
            return str(content["identity"])
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            return f"a file named {MARKER}" if marker.exists() else None
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"a marker that cannot be read: {marker / 'identity.json'}"

    def _write(self) -> None:
        place, name = self._place, self._written()
        try:
            os.link(name, place)  # unlike a rename, it fails if another was quicker
        except FileExistsError:
            pass
        except OSError:  # no hard links here
            if not place.exists():
                Path(name).replace(place)
        finally:
            Path(name).unlink(missing_ok=True)

    def _mark(self) -> None:
        """Say that the folder is this version's, and whether files of the one before may still be there."""
        Path(self._written()).replace(self._place)

    @property
    def _place(self) -> Path:
        return self.root / MARKER / "identity.json"

    def _written(self) -> str:
        handle, name = tempfile.mkstemp(dir=self._place.parent)
        said = {"format": _FORMAT, "identity": self.identity}
        with os.fdopen(handle, "w") as file:
            json.dump(said | ({"replaces": True} if self.is_replaced else {}), file)
        return name

    def target(self, path: str) -> Path:
        """Return where an entry lies; the folders above it are made.

        Raises:
            Conflict: If a symlink leads out of the folder, or a file is where a folder must be.
        """
        target = self.root / path
        if target.parent not in self._safe:
            with disk_errors(target.parent, "make the folder"):
                self._stay_inside(target.parent)
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                except (FileExistsError, NotADirectoryError):
                    raise self._in_the_way(target.parent) from None
            self._safe.add(target.parent)
        return target

    def _stay_inside(self, folder: Path) -> None:
        real = os.path.realpath(folder)
        if real != self._real_root and not real.startswith(self._real_root.rstrip("/") + "/"):
            raise Conflict(
                f"{folder} leads out of {self.root} by a symlink",
                subject=str(folder),
                found=real,
                hint="Remove the link; downloads follow none out of their folder.",
            )

    def _in_the_way(self, folder: Path) -> Conflict:
        return Conflict(
            f"{folder} must be a folder, and something else is there",
            subject=str(folder),
            hint="Remove it, or download into another folder.",
        )

    def place(self, part: Path, target: Path) -> None:
        """Move a finished file to its target, and never through a link."""
        try:
            with disk_errors(target, "write"):
                part.replace(target)
                _remove_second_name(part, target)
        except InvalidInput:
            if not target.is_dir():
                raise
            raise Conflict(
                f"{target} must be a file, and is a folder",
                subject=str(target),
                hint="Remove it, or download into another folder.",
            ) from None

    def is_unchanged(self, path: str, fact: str) -> bool:
        """Tell whether the file is still as this download wrote it, for an entry of these facts."""
        status = file_status(self.root / path)
        return status is not None and self._state.get(path.encode(), _state(status)) == fact

    def remember(self, path: str, fact: str) -> None:
        """Remember that the file holds what an entry says."""
        status = file_status(self.root / path)
        if status is not None:
            self._state.put(path.encode(), _state(status), fact)

    def close(self, *, is_complete: bool) -> None:
        """Write what is to be remembered; after a complete download drop what is left of others."""
        self._state.close()
        if is_complete and self.is_replaced:
            self.is_replaced = False
            self._mark()
        if is_complete:
            for part in self.parts.glob("*"):
                with contextlib.suppress(OSError):
                    _unlink_unlocked(part)
            with contextlib.suppress(OSError):
                self.parts.rmdir()


def _artifact(identity: str) -> str:
    """Return entity, project and collection of an identity; of a marker that cannot be read, its text."""
    return identity.rpartition(" ")[0].rpartition(":")[0].partition("~")[0] or identity


def file_status(path: Path) -> os.stat_result | None:
    """Return the status of a regular file that is no symlink; else None."""
    try:
        status = path.lstat()
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP}:
            return None
        raise
    return status if stat.S_ISREG(status.st_mode) else None


def _state(status: os.stat_result) -> str:
    # Without ctime, which a further hard link changes.
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"


def _remove_second_name(part: Path, target: Path) -> None:
    """Remove what a rename left: it leaves two names of one file as they are.

    After any other rename, what has the part's name is another process's, which fetches the same bytes.
    """
    with contextlib.suppress(FileNotFoundError):
        placed = target.lstat()
        if os.path.samestat(placed, part.lstat()):
            part.unlink()


def _unlink_unlocked(part: Path) -> None:
    import fcntl

    with part.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(file.fileno())
        # A hard link into the cache cannot be locked by its writer, who is about to move it.  And before it was
        # locked here, its writer may have moved it, and another one begun a file of this name.
        if status.st_nlink == 1 and os.path.samestat(status, part.lstat()):
            part.unlink()
