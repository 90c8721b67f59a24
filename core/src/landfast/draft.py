"""DraftEntries: what a draft holds so far, checked path by path, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from landfast.manifests.memory import MemoryManifest
from landfast.manifests.merge import merge_entries
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter, WrittenManifest
from landfast.model.manifest import Manifest, ManifestEntry

# Up to so many entries of one reference are kept in memory: a draft may be filled by many small references.
_SMALL = 100


class DraftEntries:
    """The entries of a draft: few in memory, many in files.

    Args:
        folder: Where files may be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._small: dict[str, ManifestEntry] = {}
        self._large: list[ManifestFile] = []

    def add(self, written: WrittenManifest) -> Manifest:
        """Take the entries of a manifest file, and return them as a manifest.

        Raises:
            Conflict: If a path is taken by another object, naming both and ``name=``; nothing is taken then.
        """
        added = ManifestFile(written.path)
        if len(added) > _SMALL:
            for _ in merge_entries([*self._streams(), added.entries()]):
                pass
            self._large.append(added)
            return added
        entries = list(added.entries())
        for entry in entries:
            for _ in merge_entries([*self._at(entry.path), [entry]]):
                pass
        self._small |= {entry.path: entry for entry in entries}
        return MemoryManifest(entries)

    def merged(self) -> WrittenManifest:
        """Write all entries, sorted by path, into one manifest file."""
        with ManifestWriter(self._folder / "merged.parquet") as writer:
            for entry in merge_entries(self._streams()):
                writer.add(entry)
            return writer.finish()

    def _streams(self) -> list[Iterator[ManifestEntry]]:
        small = sorted(self._small.values(), key=lambda entry: entry.sort_key)
        return [iter(small), *(large.entries() for large in self._large)]

    def _at(self, path: str) -> Iterator[list[ManifestEntry]]:
        """Yield the entries that are at a path already, each as a stream of one."""
        if path in self._small:
            yield [self._small[path]]
        for large in self._large:
            yield [entry for entry in large.entries(path) if entry.path == path]
