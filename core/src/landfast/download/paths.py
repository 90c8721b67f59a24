"""Targets: which entries can be files side by side in a folder, told before a byte is written."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from landfast.errors import InvalidInput
from landfast.model.globs import file_glob
from landfast.model.marker import MARKER
from landfast.system.disk_errors import disk_errors

_MAX_NAME_BYTES = 255
_MAX_PATH_BYTES = 4096
_SHOWN = 10
_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What a filesystem takes for the same name, and how long names and paths may be, in bytes.

    Args:
        folds_case: Whether ``a`` and ``A`` are one file.
        normalises: Whether composed and combining accents are one file.
        max_name: Longest name of one file or folder.
        max_path: Longest path.
    """

    folds_case: bool = False
    normalises: bool = False
    max_name: int = _MAX_NAME_BYTES
    max_path: int = _MAX_PATH_BYTES

    def same(self, path: str) -> str:
        """Return what two paths have in common exactly if they are one file here."""
        if self.normalises:
            path = unicodedata.normalize("NFC", path)
        return path.casefold() if self.folds_case else path


def probe(folder: Path) -> Disk:
    """Find out by trying, in the folder or the nearest one above it that exists; that has to be writable."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    with disk_errors(folder, "write below"):
        trial = Path(tempfile.mkdtemp(prefix=".landfast-probe-", dir=folder))
        try:
            (trial / "a").touch()
            (trial / "\u00e9").touch()  # composed; looked for as e and a combining accent
            return Disk(
                folds_case=(trial / "A").exists(),
                normalises=(trial / "e\u0301").exists(),
                max_name=_limit(trial, "PC_NAME_MAX", _MAX_NAME_BYTES),
                max_path=_limit(trial, "PC_PATH_MAX", _MAX_PATH_BYTES),
            )
        finally:
            shutil.rmtree(trial, ignore_errors=True)


def _limit(folder: Path, name: str, default: int) -> int:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        limit = os.pathconf(folder, name)
        return limit if limit > 0 else default
    return default


@dataclass(slots=True)
class _Problems:
    told: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, path: str, why: str) -> None:
        self.count += 1
        if self.count <= _SHOWN:
            self.told.append(f"{path!r} {why}")
        if self.count <= _KEPT:
            self.paths.append(path)

    def raise_if_any(self, root: Path) -> None:
        if not self.count:
            return
        globs = [file_glob(path) for path in self.paths]
        more = f", and {self.count - _SHOWN} more" if self.count > _SHOWN else ""
        raise InvalidInput(
            f"{self.count} {'path' if self.count == 1 else 'paths'} cannot be written below {root}: "
            + "; ".join(self.told)
            + more,
            subject=str(root),
            hint=f"Leave them out with exclude={globs[:_SHOWN]}, or read them one by one with version.open(path).",
            paths=tuple(self.paths),
            exclude=tuple(globs),
        )


def check_targets(
    paths: Iterable[str],
    root: Path,
    disk: Disk,
    *,
    is_empty: Callable[[str], bool] = lambda _: False,
) -> int:
    """Check that all paths, which are sorted, can be files below `root`, and return how many there are.

    What is empty, and has other paths below it, stands for a folder, as some tools write them; it is
    named instead of these, once.

    Raises:
        InvalidInput: If any cannot; all of them are named, in `details["paths"]` up to a thousand.
    """
    problems = _Problems()
    room = disk.max_path - len(os.fsencode(root)) - 2
    above: list[str] = []  # files that later paths may turn out to lie below
    coincidence = _Coincidence(disk) if disk.folds_case or disk.normalises else None
    count = 0
    for path in paths:
        count += 1
        why = _why_not(path, disk, room)
        while above and not path.startswith(above[-1]):
            above.pop()
        parent = _above(path, above) if above else None
        if not why and parent is not None:
            if is_empty(parent):
                above.remove(parent)
                problems.add(parent, f"is an empty object in the place of the folder of {path!r}")
            else:
                why = f"needs a folder where {parent!r} is a file"
        if not why and coincidence is not None:
            why = coincidence.find(path)
        if why:
            problems.add(path, why)
        above.append(path)
    problems.raise_if_any(root)
    return count


def _above(path: str, files: Iterable[str]) -> str | None:
    return next((file for file in files if path.startswith(file + "/")), None)


# Names of at most so many characters, of which each has at most four bytes; none begins with a dot.
_SHORT = re.compile(r"[^/.\0][^/\0]{0,61}(?:/[^/.\0][^/\0]{0,61})*+\Z")
_SHORT_NAME_BYTES = 4 * 62


def _why_not(path: str, disk: Disk, room: int) -> str:
    is_short = 4 * len(path) <= room and disk.max_name >= _SHORT_NAME_BYTES
    if is_short and _SHORT.match(path):
        return ""  # as of most, and cheaper to tell
    parts = path.split("/")
    reasons = {
        "is absolute": path.startswith("/"),
        "leaves the folder by '..'": ".." in parts,
        "ends in a slash": path.endswith("/"),
        "has an empty name": "" in parts,
        "has a name '.'": "." in parts,
        "has a NUL": "\0" in path,
        f"is the place of the download's own marker {MARKER}": parts[0] == MARKER,
        f"is too long: at most {room} bytes fit here": len(path.encode()) > room,
        f"has a name of more than {disk.max_name} bytes": any(
            len(part.encode()) > disk.max_name for part in parts
        ),
    }
    return next((why for why, is_so in reasons.items() if is_so), "")


class _Coincidence:
    """Finds paths that this disk cannot tell apart; needs memory for all of them."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def find(self, path: str) -> str:
        same = self._disk.same(path)
        parents = [same[:at] for at, letter in enumerate(same) if letter == "/"]
        other = self._files.get(same) or self._folders.get(same)
        other = other or next((self._files[p] for p in parents if p in self._files), None)
        self._files.setdefault(same, path)
        for parent in parents:
            self._folders.setdefault(parent, path)
        return "" if other is None else f"is the same file here as {other!r}, or its folder"
