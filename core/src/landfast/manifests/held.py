"""HeldManifest: entries in memory, whose file is written only if somebody asks for it.

Most looks at a place find what is recorded already: the summary tells so, and no file is needed then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from landfast.manifests.memory import MemoryManifest
from landfast.manifests.table_file import WrittenManifest
from landfast.manifests.writer import ManifestWriter
from landfast.model.manifest import ManifestSummary

HELD = 100
"""Up to so many entries are kept in memory: there may be many small manifests at once."""

HELD_BYTES = 48 << 20
"""Up to so many bytes of entries are kept in memory of one that is alone."""


class HeldManifest:
    """What a `WrittenManifest` says, of a file that is written to its place when its path, size or sha256 is asked."""

    def __init__(self, manifest: MemoryManifest, place: Callable[[], Path]) -> None:
        self.manifest = manifest
        self._place = place

    @property
    def summary(self) -> ManifestSummary:
        """What is known without the file."""
        return self.manifest.summary

    @cached_property
    def written(self) -> WrittenManifest:
        """The file, written now if it is not there yet."""
        with ManifestWriter(self._place(), summary=self.summary) as writer:
            for batch in self.manifest.batches():
                writer.add_batch(batch)
            return writer.finish()

    @property
    def is_cheap(self) -> bool:
        """Whether its file is written already, or takes next to nothing to write."""
        return self.summary.count <= HELD or "written" in vars(self)

    @property
    def is_here(self) -> bool:
        """Whether the entries are on this machine: always."""
        return True

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.written.path

    @property
    def sha256(self) -> str:
        """Hexadecimal sha256 of the file's bytes."""
        return self.written.sha256

    @property
    def size(self) -> int:
        """The file's bytes."""
        return self.written.size

    def __reduce__(self) -> Any:
        return _same, (self.written,)


def _same(written: WrittenManifest) -> WrittenManifest:
    return written
