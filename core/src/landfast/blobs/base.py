"""The blob seam: immutable bytes by the sha256 of their content.

The contract that `landfast.testing.BlobSuite` checks over every implementation:

- A blob appears whole or not at all, also when the writer is killed; writing it again is harmless.
- `put` verifies that the bytes have the name they are given.
- A store carries a label outside of its blobs, which says whose it is; of several that write the first
  one at once, one wins.
- A blob store is safe to use from many threads and processes at once, and pickles.
- Errors: `NotFound`, `AccessDenied`, `Unavailable` (worth a retry; a full disk too, saying so),
  `InvalidInput`, and `Conflict` for stored bytes that have not their name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from landfast.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo:
    """One stored blob: its hexadecimal name, its bytes, and when it was written last, in UTC."""

    sha256: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file, and the name and number of its bytes."""

    place: Path | str  # text is cheaper to make, and there are many
    sha256: str
    size: int

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self.place)


@runtime_checkable
class BlobStore(Protocol):
    """A folder, a bucket prefix, ... of blobs."""

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        ...

    def put(self, source: Path, sha256: str) -> None:
        """Store the file's bytes under their name; a blob that holds them is only refreshed in age.

        Raises:
            InvalidInput: If the bytes have another name, or `sha256` is not a name; nothing is stored.
        """
        ...

    def put_all(self, files: Sequence[LocalFile], *, again: Collection[str] = ()) -> None:
        """Store files with different names, durable together when this returns.

        What `holds` tells to be there is left as it is, but for the names of which some are to be stored `again`.

        Raises:
            InvalidInput: As `put`; others may be stored.
        """
        ...

    def holds(self, sha256: str, source: Path) -> bool:
        """Tell whether the blob is there with the bytes of the file, whose name it has.

        A folder reads it; a bucket compares what its description says: size, and MD5 where it has one.
        """
        ...

    def fetch(self, sha256: str, target: Path) -> None:
        """Write the blob to `target`, verified; the file appears whole, and replaces another.

        Raises:
            NotFound: Naming the blob and the store.
            Conflict: If the stored bytes are not the blob's.
        """
        ...

    def open(self, sha256: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the blob's bytes from offset `start` in chunks of at most 1 MiB, unverified.

        Raises:
            NotFound: Naming the blob and the store; perhaps only at the first chunk.
        """
        ...

    def stat(self, sha256: str) -> BlobInfo | None:
        """Describe a blob; None if it is not there."""
        ...

    def stat_all(self, sha256s: Iterable[str]) -> dict[str, BlobInfo]:
        """Describe those that are there of some blobs."""
        ...

    def list(self) -> Iterator[BlobInfo]:
        """Yield every blob."""
        ...

    def delete(self, sha256: str) -> None:
        """Remove a blob; a missing one is not an error."""
        ...

    def path(self, sha256: str) -> Path | None:
        """Return the local path of a blob, where there is one."""
        ...

    def label(self) -> bytes | None:
        """Return what the store says of itself; None if nobody has labelled it."""
        ...

    def set_label(self, data: bytes, *, new: bool) -> None:
        """Label the store with at most a few kilobytes; with `new` a label that is there stays: read back whose it is.

        A server that ignores conditions on writes may replace it all the same.
        """
        ...


@runtime_checkable
class HoldingStore(Protocol):
    """A blob store where a hold, or a retention, may keep a blob."""

    def delete_unheld(self, sha256: str) -> str:
        """Remove a blob that nothing holds; return what keeps it, empty if it is removed or missing."""
        ...


def damage_of(blobs: BlobStore, sha256: str) -> str:
    """Read a blob; return what is wrong with it, empty if it is whole."""
    digest = hashlib.sha256()
    try:
        for chunk in blobs.open(sha256):
            digest.update(chunk)
    except (NotFound, Conflict) as error:
        return str(error)
    return "" if digest.hexdigest() == sha256 else f"bytes of sha256 {digest.hexdigest()}"
