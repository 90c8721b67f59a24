"""DraftEntries: what a draft holds so far, checked path by path, in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from landfast.errors import NotFound
from landfast.manifests.base import Manifest
from landfast.manifests.held import HELD, HeldManifest
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.merge import merge_manifests, overlap
from landfast.manifests.reader import ManifestFile
from landfast.manifests.table_file import WrittenManifest
from landfast.manifests.writer import ManifestWriter
from landfast.model.manifest import ManifestEntry


class DraftEntries:
    """The entries of a draft: few in memory, many in files of a folder."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._small: dict[str, ManifestEntry] = {}
        self._large: list[ManifestFile] = []
        # Many that are held: written when they are no longer all there is.
        self._waiting: HeldManifest | None = None
        # What is all there is, and needs to be neither written nor hashed again.
        self._only: WrittenManifest | HeldManifest | None = None

    def add(self, found: WrittenManifest | HeldManifest) -> Manifest:
        """Take the entries of a manifest, and return it opened.

        Raises:
            Conflict: If a path is taken by another object, naming both and ``name=``; nothing is taken then.
        """
        if self._waiting is not None:
            self._large.append(ManifestFile(self._waiting.path))
            self._waiting = None
        is_first = not self._small and not self._large
        is_large = found.summary.count > HELD
        added: Manifest
        if isinstance(found, HeldManifest) and is_large and is_first:
            added, self._waiting = found.manifest, found
        elif is_large:
            added = ManifestFile(found.path)
            self._check(added)
            self._large.append(added)
        else:
            added = found.manifest if isinstance(found, HeldManifest) else ManifestFile(found.path)
            entries = list(added.entries())
            if not isinstance(added, MemoryManifest):
                added = MemoryManifest.of_sorted(entries)
            if not is_first:
                self._check(added)
            self._small |= {entry.path: entry for entry in entries}
        self._only = found if is_first and self._is_own(found) else None
        return added

    def merged(self) -> WrittenManifest | HeldManifest:
        """Return all entries, sorted by path: as a file, or few enough to be held."""
        self._only = self._only or self._joined()
        return self._only

    def _joined(self) -> WrittenManifest | HeldManifest:
        if not self._large and len(self._small) <= HELD:
            return HeldManifest(MemoryManifest(self._small.values()), self._target)
        with ManifestWriter(self._target()) as writer:
            for batch in merge_manifests([MemoryManifest(self._small.values()), *self._large]):
                writer.add_batch(batch)
            return writer.finish()

    def _target(self) -> Path:
        return self._folder() / "merged.parquet"

    def _is_own(self, found: WrittenManifest | HeldManifest) -> bool:
        # A file of a worker lies in the registry's store, where garbage collection may take it.
        return isinstance(found, HeldManifest) or found.path.parent == self._folder()

    def _check(self, added: Manifest) -> None:
        beside = [manifest for manifest in self._beside(added) if overlap(manifest, added)]
        for _ in merge_manifests([*beside, added]) if beside else ():
            pass

    def _beside(self, added: Manifest) -> list[Manifest]:
        """Return what may have a path of `added` already; of few paths, only what is at them."""
        if len(added) > HELD:
            return [MemoryManifest(self._small.values()), *self._large]
        there = [self._small[entry.path] for entry in added.entries() if entry.path in self._small]
        for large in (large for large in self._large if overlap(large, added)):
            for entry in added.entries():
                with contextlib.suppress(NotFound):
                    there.append(large.get(entry.path))
        return [MemoryManifest(there)]
