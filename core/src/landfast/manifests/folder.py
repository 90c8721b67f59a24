"""Folder: one level of a manifest, as a file browser shows it: subfolders with their totals, and files, by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import Any

from landfast.errors import NotFound
from landfast.manifests.base import Manifest
from landfast.model.folders import FolderTotal
from landfast.model.globs import PathFilter
from landfast.model.manifest import ManifestEntry


class FileOrder(StrEnum):
    """What the files of a folder are sorted by; those that are equal, by their path."""

    PATH = "path"
    SIZE = "size"
    MODIFIED = "modified"


class Folder:
    """One folder of a manifest.

    Args:
        manifest: What it is a folder of.
        path: With its final slash, which is added where it is missing; ``""`` is the whole manifest.

    Raises:
        NotFound: If no entry lies below it.
    """

    def __init__(self, manifest: Manifest, path: str = "") -> None:
        self._manifest = manifest
        self.path = path if path.endswith("/") or not path else path + "/"
        found = manifest.folders(self.path, depth=self.path.count("/"))
        total = next((total for total in found if total.path == self.path), None)
        if total is None:
            raise NotFound(
                f"no entry of the manifest lies below {self.path!r}",
                subject=self.path,
                hint="List what there is with `landfast ls`.",
            )
        self.total = total

    @property
    def subfolder_count(self) -> int:
        """How many folders lie directly in it."""
        return len(self._subfolders)

    @property
    def file_count(self) -> int:
        """How many entries lie directly in it."""
        return self.total.count - sum(folder.count for folder in self._subfolders)

    def subfolders(
        self, start: int, stop: int, *, by_size: bool = False, descending: bool = False
    ) -> list[FolderTotal]:
        """Return the totals of some of the folders directly in it, sorted by path or by size."""
        key: Callable[[FolderTotal], Any] = lambda folder: folder.size if by_size else folder.path  # noqa: E731
        return sorted(self._subfolders, key=key, reverse=descending)[start:stop]

    def files(
        self,
        start: int,
        stop: int,
        *,
        order: FileOrder = FileOrder.PATH,
        descending: bool = False,
    ) -> list[ManifestEntry]:
        """Return some of the entries directly in it; what is not known counts as the least."""
        key: Callable[[ManifestEntry], Any] = {
            FileOrder.PATH: lambda entry: entry.sort_key,
            FileOrder.SIZE: lambda entry: -1 if entry.size is None else entry.size,
            FileOrder.MODIFIED: lambda entry: (
                entry.modified_at.timestamp() if entry.modified_at else float("-inf")
            ),
        }[order]
        return sorted(self._files(), key=key, reverse=descending)[start:stop]

    def matching(self, glob: str, start: int, stop: int) -> list[ManifestEntry]:
        """Return some of the entries below it whose path within it matches a glob, sorted by path.

        Raises:
            InvalidInput: If the glob is none.
        """
        why = PathFilter(include=[glob])
        found = (
            entry
            for entry in self._manifest.entries(self.path)
            if not why(entry.path.removeprefix(self.path))
        )
        return list(islice(found, start, stop))

    def _files(self) -> Iterator[ManifestEntry]:
        for entry in self._manifest.entries(self.path):
            if "/" not in entry.path.removeprefix(self.path):
                yield entry

    @cached_property
    def _subfolders(self) -> list[FolderTotal]:
        return list(self._manifest.folders(self.path, depth=self.path.count("/") + 1))
