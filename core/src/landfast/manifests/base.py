"""Manifest: the entries of a version, as a stream of columns, wherever they lie."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from landfast.errors import NotFound
from landfast.html.notebook import fragment
from landfast.manifests.batch import EntryBatch, joined
from landfast.manifests.digest import DigestBuilder
from landfast.manifests.frames import Rows, batch_reader
from landfast.model.diff import entry_to_dict
from landfast.model.folders import FolderTotal
from landfast.model.manifest import ManifestEntry, ManifestSummary

if TYPE_CHECKING:
    import pyarrow as pa

# Entries that a notebook shows.
_SHOWN = 50


class Manifest(Rows):
    """The entries of one version, sorted by path. They are read as a stream.

    An implementation reads from memory or from a Parquet blob, so a large manifest does not have to fit in memory.
    """

    @property
    @abstractmethod
    def summary(self) -> ManifestSummary:
        """Digests, number of entries and bytes."""

    @property
    @abstractmethod
    def bounds(self) -> tuple[bytes, bytes] | None:
        """The least and the greatest path, or bounds around them, as UTF-8 bytes; None without entries."""

    @abstractmethod
    def batches(self, prefix: str = "") -> Iterator[EntryBatch]:
        """Yield the entries whose path starts with `prefix` as columns, sorted by path."""

    def entries(self, prefix: str = "") -> Iterator[ManifestEntry]:
        """Yield the entries whose path starts with `prefix`, sorted by path."""
        for batch in self.batches(prefix):
            yield from batch.rows()

    def to_arrow_batch_reader(
        self, prefix: str = "", *, columns: Sequence[str] | None = None
    ) -> pa.RecordBatchReader:
        """Return the rows as a stream of Arrow batches; `Rows.to_arrow_batch_reader` describes the arguments."""
        return batch_reader(self.batches(prefix), columns)

    @abstractmethod
    def folders(self, prefix: str = "", *, depth: int | None = None) -> Iterator[FolderTotal]:
        """Yield the roll-up of the folders whose path starts with `prefix`, sorted by path.

        Args:
            prefix: ``""`` yields every folder, the whole manifest (path ``""``) first.
            depth: Only folders of this depth; ``prefix.count("/") + 1`` selects the direct children of the folder
                `prefix`.
        """

    @abstractmethod
    def get(self, path: str) -> ManifestEntry:
        """Return the entry at exactly `path`.

        Raises:
            NotFound: If it does not exist.
        """

    def take(self, numbers: Sequence[int]) -> EntryBatch:
        """Return the entries with these numbers. Numbers start at 0 and must be in ascending order."""
        import pyarrow as pa

        wanted, found, start = list(numbers), [], 0
        for batch in self.batches():
            stop = start + len(batch)
            cut = bisect_left(wanted, stop)
            if cut:
                found.append(
                    batch.take(pa.array([each - start for each in wanted[:cut]], pa.int64()))
                )
                wanted = wanted[cut:]
            if not wanted:
                break
            start = stop
        return joined(found)

    def neighbours(self, path: str) -> tuple[str | None, str | None]:
        """Return the paths just before and just after a path, even if the path does not exist; None at the ends."""
        before = None
        for entry in self.entries():
            if entry.path > path:
                return before, entry.path
            if entry.path < path:
                before = entry.path
        return before, None

    def check(self) -> None:
        """Recompute digests, counts and folders from all entries, if they were only read from the manifest.

        Raises:
            Conflict: If digests, counts or folders do not match the entries.
        """

    @property
    def digest(self) -> str:
        """The content digest."""
        return self.summary.digest

    @property
    def pin_digest(self) -> str:
        """The digest of the pins."""
        return self.summary.pin_digest

    @property
    def size(self) -> int:
        """Total bytes of all entries."""
        return self.summary.size

    def subtree_digest(self, prefix: str) -> str:
        """Return the content digest that the folder `prefix` would have if you logged it alone.

        Args:
            prefix: A folder such as ``"dt=2026-05-01/"``; a missing final slash is added, and ``""``
                is the whole manifest.

        Raises:
            NotFound: If the folder has no entries.
        """
        folder = prefix if prefix.endswith("/") or not prefix else prefix + "/"
        digests = DigestBuilder()
        for batch in self.batches(folder):
            digests.update(batch.below(folder))
        if folder and not digests.count:
            raise NotFound(
                f"no entry of the manifest lies below {folder!r}",
                subject=folder,
                hint="List what there is with `landfast ls`.",
            )
        return digests.content_digest()

    def _repr_html_(self) -> str | None:
        shown = [entry_to_dict(entry) for entry in islice(self.entries(), _SHOWN)]
        return fragment(
            "manifest", digest=self.digest, count=len(self), bytes=self.size, entries=shown
        )

    def __len__(self) -> int:
        return self.summary.count

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[ManifestEntry]:
        return self.entries()
