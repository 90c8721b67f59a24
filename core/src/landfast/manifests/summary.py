"""SummaryBuilder: everything a manifest says of itself, computed in one pass over its rows."""

from __future__ import annotations

from itertools import accumulate

from landfast.errors import InvalidInput
from landfast.manifests.batch import EntryBatch
from landfast.manifests.digest import DigestBuilder
from landfast.model.manifest import ManifestSummary

# What a signed integer of 64 bits holds, in files and databases alike.
_MAX_BYTES = 2**63 - 1


class SummaryBuilder:
    """Collect digests, count and bytes from sorted rows."""

    def __init__(self) -> None:
        self._digests = DigestBuilder()
        self._size = self._unverified = self._unpinned = 0

    def update(self, batch: EntryBatch) -> None:
        """Take the next rows.

        Raises:
            InvalidInput: As `DigestBuilder.update`, or if the sizes together pass 2**63 - 1 bytes.
        """
        self._digests.update(batch)
        total = self._size + batch.size
        if total > _MAX_BYTES:
            sizes = (size or 0 for size in batch.columns["size"].to_pylist())
            sums = accumulate(sizes, initial=self._size)
            row = next(row for row, far in enumerate(sums, start=-1) if far > _MAX_BYTES)
            path = batch.paths[row].as_py()
            raise InvalidInput(
                f"the sizes of the entries up to {path!r} are impossible",
                subject=path,
                expected="at most 2**63 - 1 bytes together",
            )
        self._size = total
        self._unverified += batch.columns["checksum_algorithm"].null_count
        self._unpinned += len(batch) - batch.is_pinned.true_count

    def build(self) -> ManifestSummary:
        """Return the summary of the rows so far."""
        return ManifestSummary(
            digest=self._digests.content_digest(),
            pin_digest=self._digests.pin_digest(),
            count=self._digests.count,
            size=self._size,
            unverified=self._unverified,
            unpinned=self._unpinned,
        )
