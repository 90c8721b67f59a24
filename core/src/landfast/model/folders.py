"""Roll-up: count and bytes of every folder of a manifest, in one pass over its sorted paths."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderTotal:
    """The number of entries and bytes below one folder of a manifest.

    Args:
        path: The folder with its final slash; ``""`` is the whole manifest.
        count: Entries below it, at any depth.
        size: Bytes of all entries; an entry of unknown size counts as 0.
    """

    path: str
    count: int
    size: int

    @property
    def depth(self) -> int:
        """How many folders deep it lies: 0 for the whole manifest, 1 for ``a/``."""
        return self.path.count("/")


class FolderCounter:
    """Count sorted paths by folder, holding only the folders that are still open.

    All entries of a folder stand together in a sorted manifest, so a folder is complete at the
    first path outside it.  Folders of equal depth are completed in sorted order.
    """

    def __init__(self) -> None:
        self._open: list[list[int]] = [[0, 0]]
        self._paths = [""]

    def add(self, folder: str, count: int, size: int) -> list[FolderTotal]:
        """Count paths and bytes in `folder`, with its final slash; return the folders completed, innermost first."""
        done = []
        while not folder.startswith(self._paths[-1]):
            done.append(self._close())
        while len(folder) > len(self._paths[-1]):
            end = folder.index("/", len(self._paths[-1])) + 1
            self._paths.append(folder[:end])
            self._open.append([0, 0])
        total = self._open[-1]
        total[0] += count
        total[1] += size
        return done

    def finish(self) -> list[FolderTotal]:
        """Return the folders that are still open, innermost first; the last is the whole."""
        return [self._close() for _ in range(len(self._paths))]

    def _close(self) -> FolderTotal:
        path = self._paths.pop()
        count, size = self._open.pop()
        if self._open:
            self._open[-1][0] += count
            self._open[-1][1] += size
        return FolderTotal(path=path, count=count, size=size)
