"""Others: what lies in a target and is not of the version."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from landfast.model.marker import MARKER
from landfast.system.open_folder import OpenFolder


def remove_others(top: OpenFolder, kept: Iterator[str]) -> int:
    """Remove what is not at these paths, which are sorted; links are removed, not followed.

    Folders are walked in the order of the paths, so that neither all of these nor all files are in memory.

    Returns:
        How many files and links were removed.
    """
    return _below(top, "", _Kept(kept))


class _Kept:
    """Sorted paths, asked for in their order."""

    def __init__(self, paths: Iterator[str]) -> None:
        self._paths = paths
        self._next = next(paths, None)

    def __contains__(self, path: str) -> bool:
        while self._next is not None and self._next < path:
            self._next = next(self._paths, None)
        return self._next == path


def _below(folder: OpenFolder, above: str, kept: _Kept) -> int:
    removed = 0
    with os.scandir(folder.handle) as found:
        # A folder sorts as what lies in it does.
        names = [f.name + "/" if f.is_dir(follow_symlinks=False) else f.name for f in found]
    for name in sorted(names):
        if not above and name.rstrip("/") == MARKER:
            continue
        if name.endswith("/"):
            removed += _in_child(folder, name[:-1], above + name, kept)
            with contextlib.suppress(OSError):  # there is something left in it
                os.rmdir(name[:-1], dir_fd=folder.handle)
        elif above + name not in kept:
            folder.unlink(name)
            removed += 1
    return removed


def _in_child(folder: OpenFolder, name: str, above: str, kept: _Kept) -> int:
    try:
        child = folder.child(name)
    except OSError:  # it may not be read
        return 0
    with child:
        return _below(child, above, kept)
