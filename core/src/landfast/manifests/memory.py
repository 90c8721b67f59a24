"""MemoryManifest: a manifest in memory, for tests and for artifacts of a few files."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Self

from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch, joined
from landfast.manifests.merge import distinct
from landfast.manifests.parquet import prefix_range
from landfast.manifests.reader import no_entry
from landfast.manifests.rollup import folder_runs
from landfast.manifests.summary import SummaryBuilder
from landfast.model.folders import FolderCounter, FolderTotal
from landfast.model.manifest import ManifestEntry, ManifestSummary


class MemoryManifest(Manifest):
    """A manifest that holds its entries.

    Args:
        entries: In any order; the same path twice with an equal row is one row.

    Raises:
        Conflict: If two different entries have one path.
        InvalidInput: If an entry cannot be recorded.

    Example:
        >>> entry = ManifestEntry(path="d/a", size=3, checksum=None, uri="file:///d/a")
        >>> [total.path for total in MemoryManifest([entry]).folders()]
        ['', 'd/']
    """

    def __init__(self, entries: Iterable[ManifestEntry] = ()) -> None:
        rows = sorted(entries, key=attrgetter("path"))
        self._hold(distinct(EntryBatch.from_rows(rows)))

    @classmethod
    def of_sorted(cls, entries: Iterable[ManifestEntry]) -> Self:
        """Return a manifest of entries that are in order, else raise `InvalidInput`."""
        return cls.of_batches([EntryBatch.from_rows(entries)])

    @classmethod
    def of_batches(cls, batches: Sequence[EntryBatch]) -> Self:
        """Return a manifest of rows that are in order; raises what `of_sorted` does."""
        made = cls.__new__(cls)
        made._hold(joined(batches))
        return made

    def _hold(self, batch: EntryBatch) -> None:
        summary = SummaryBuilder()
        summary.update(batch)
        self._batch = batch
        self._summary = summary.build()

    @cached_property
    def _entries(self) -> list[ManifestEntry]:
        # Of most small manifests nobody asks for a row: the digest says that nothing is new.
        return list(self._batch.rows())

    @cached_property
    def _paths(self) -> list[str]:
        paths: list[str] = self._batch.paths.to_pylist()
        return paths

    @property
    def summary(self) -> ManifestSummary:
        """Digests, number of entries and bytes."""
        return self._summary

    @property
    def bounds(self) -> tuple[bytes, bytes] | None:
        """The first and the last path; None without entries."""
        paths = self._batch.paths
        return (paths[0].as_py().encode(), paths[-1].as_py().encode()) if len(paths) else None

    def batches(self, prefix: str = "") -> Iterator[EntryBatch]:
        """Yield the entries whose path starts with `prefix` as columns, sorted by path."""
        start, end = prefix_range(self._paths, prefix) if prefix else (0, len(self._batch))
        if end > start:
            yield self._batch.slice(start, end)

    def entries(self, prefix: str = "") -> Iterator[ManifestEntry]:
        """Yield the entries whose path starts with `prefix`, sorted by path."""
        start, end = prefix_range(self._paths, prefix)
        yield from self._entries[start:end]

    def get(self, path: str) -> ManifestEntry:
        """Return the entry at exactly `path`."""
        row = bisect_left(self._paths, path)
        if row == len(self._paths) or self._paths[row] != path:
            raise no_entry(path)
        return self._entries[row]

    def folders(self, prefix: str = "", *, depth: int | None = None) -> Iterator[FolderTotal]:
        """Yield the roll-up of the folders whose path starts with `prefix`, sorted by path."""
        counter = FolderCounter()
        runs = (run for batch in self.batches() for run in folder_runs(batch))
        totals = [total for run in runs for total in counter.add(*run)] + counter.finish()
        for total in sorted(totals, key=attrgetter("path")):
            if total.path.startswith(prefix) and depth in {None, total.depth}:
                yield total
