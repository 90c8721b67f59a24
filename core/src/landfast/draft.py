"""DraftEntries: what a draft holds so far, checked path by path, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from landfast.manifests.base import Manifest
from landfast.manifests.held import HELD, HeldManifest
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.merge import merge_entries
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter, WrittenManifest
from landfast.model.manifest import ManifestEntry


class DraftEntries:
    """The entries of a draft: few in memory, many in files.

    Args:
        folder: Makes the folder where files may be written.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._small: dict[str, ManifestEntry] = {}
        self._large: list[ManifestFile] = []
        # What is all there is, so that its digests are not computed again.
        self._only: MemoryManifest | None = None

    def add(self, found: WrittenManifest | HeldManifest) -> Manifest:
        """Take the entries of a manifest, and return it opened.

        Raises:
            Conflict: If a path is taken by another object, naming both and ``name=``; nothing is taken then.
        """
        added = found.manifest if isinstance(found, HeldManifest) else ManifestFile(found.path)
        if len(added) > HELD:
            assert isinstance(added, ManifestFile)
            for _ in merge_entries([*self._streams(), added.entries()]):
                pass
            self._large.append(added)
            self._only = None
            return added
        is_first = not self._small and not self._large
        self._only = found.manifest if is_first and isinstance(found, HeldManifest) else None
        entries = list(added.entries())
        for entry in () if is_first else entries:
            for _ in merge_entries([*self._at(entry.path), [entry]]):
                pass
        self._small |= {entry.path: entry for entry in entries}
        return added if isinstance(added, MemoryManifest) else MemoryManifest.of_sorted(entries)

    def merged(self) -> WrittenManifest | HeldManifest:
        """Return all entries, sorted by path: as a file, or few enough to be held."""
        if self._only is not None:
            return HeldManifest(self._only, self._target)
        if not self._large and len(self._small) <= HELD:
            return HeldManifest(MemoryManifest(self._small.values()), self._target)
        with ManifestWriter(self._target()) as writer:
            writer.extend(merge_entries(self._streams()))
            return writer.finish()

    def _target(self) -> Path:
        return self._folder() / "merged.parquet"

    def _streams(self) -> list[Iterator[ManifestEntry]]:
        small = sorted(self._small.values(), key=lambda entry: entry.sort_key)
        return [iter(small), *(large.entries() for large in self._large)]

    def _at(self, path: str) -> Iterator[list[ManifestEntry]]:
        """Yield the entries that are at a path already, each as a stream of one."""
        if path in self._small:
            yield [self._small[path]]
        for large in self._large:
            yield [entry for entry in large.entries(path) if entry.path == path]
