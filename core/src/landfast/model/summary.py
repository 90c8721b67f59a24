"""SummaryBuilder: everything a manifest says of itself, computed in one pass over its entries."""

from __future__ import annotations

from collections.abc import Iterable

from landfast.errors import InvalidInput
from landfast.model.digest import MAX_BYTES, DigestBuilder
from landfast.model.manifest import ManifestEntry, ManifestSummary


class SummaryBuilder:
    """Collect digests, count and bytes from sorted entries."""

    def __init__(self) -> None:
        self._digests = DigestBuilder()
        self._count = self._size = self._unverified = self._unpinned = 0

    def add(self, entry: ManifestEntry) -> None:
        """Take the next entry.

        Raises:
            InvalidInput: As `DigestBuilder.add`, or if the sizes together pass 2**63 - 1 bytes.
        """
        if entry.size and self._size + entry.size > MAX_BYTES:
            raise InvalidInput(
                f"the sizes of the entries up to {entry.path!r} are impossible",
                subject=entry.path,
                expected="at most 2**63 - 1 bytes together",
            )
        self._digests.add(entry)
        self._count += 1
        self._size += entry.size or 0
        self._unverified += entry.checksum is None
        self._unpinned += not entry.is_pinned

    def build(self) -> ManifestSummary:
        """Return the summary of the entries so far."""
        return ManifestSummary(
            digest=self._digests.content_digest(),
            pin_digest=self._digests.pin_digest(),
            count=self._count,
            size=self._size,
            unverified=self._unverified,
            unpinned=self._unpinned,
        )


def summarize(entries: Iterable[ManifestEntry]) -> ManifestSummary:
    """Return the summary of sorted entries.

    Raises:
        InvalidInput: If they are not sorted by the UTF-8 bytes of their path, or repeat one.
    """
    builder = SummaryBuilder()
    for entry in entries:
        builder.add(entry)
    return builder.build()
