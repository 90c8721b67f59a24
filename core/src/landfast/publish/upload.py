"""Uploading: store files in the registry's store, announced to garbage collection first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from landfast.blobs.base import BlobStore, LocalFile
from landfast.blobs.staging import StagingStore
from landfast.registry.registry import Registry
from landfast.system.portions import portions
from landfast.system.staging import Staging

T = TypeVar("T")

# So many blobs are announced in one transaction: nobody else writes to SQLite meanwhile.
_AT_ONCE = 2000


def upload(registry: Registry, blobs: BlobStore, path: Path, sha256: str, size: int) -> None:
    """Store a file under its sha256, announced to garbage collection first.

    A blob that is there already is only announced, unless it was condemned meanwhile, or its bytes are not
    the file's.
    """
    upload_all(registry, blobs, [LocalFile(path, sha256, size)])


def upload_all(
    registry: Registry,
    blobs: BlobStore,
    files: Sequence[LocalFile],
    staging: Staging | None = None,
) -> None:
    """Store files as `upload` does each, announced before the first is stored; equal ones once.

    With `staging` their bytes may be there already, beside their places in the store.
    """
    named = {file.sha256: file for file in files}
    condemned = set[str]()
    for batch in in_batches(named.values()):
        condemned |= registry.record_blobs({file.sha256: file.size for file in batch})
    if staging is not None and isinstance(blobs, StagingStore):
        blobs.put_staged(list(named.values()), staging, again=condemned)
    else:
        blobs.put_all(list(named.values()), again=condemned)


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut what needs blobs into parts, each announced in one transaction."""
    return portions(items, _AT_ONCE)
