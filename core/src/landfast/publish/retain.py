"""Keep the managed files of a manifest from being collected while it is logged.

No row of the registry names a managed file, so its announcement has to be fresh when the log commits, and
what was collected before has to be stored again.  Called before the log it makes the window that garbage
collection could use as short as this call; called after it as well, it closes it: a collection that
began before the commit meets the fresh announcement, one that begins later reads the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from landfast.blobs.base import BlobInfo, BlobStore
from landfast.blobs.names import damaged_blob
from landfast.errors import NotFound
from landfast.manifests.base import Manifest
from landfast.model.blob_uri import is_managed, sha256_of
from landfast.publish.upload import in_batches
from landfast.registry.registry import Registry
from landfast.system.parallel import in_parallel

# Returns a local file with the bytes of that sha256, or None.
FindBytes = Callable[[str], Path | None]


def keep_managed(
    registry: Registry,
    blobs: BlobStore,
    manifest: Manifest,
    find: FindBytes = lambda _: None,
) -> int:
    """Announce every managed file that a manifest names, store again what was collected; return how many that were.

    `NotFound` if a file was collected and its bytes are not to be had.
    """
    stored = 0
    for batch in in_batches(_managed(manifest)):
        condemned = registry.record_blobs({file.sha256: file.size or 0 for file in batch})
        there = blobs.stat_all(file.sha256 for file in batch)
        doubtful = [
            (file, found)
            for file in batch
            if not _is_whole(file, found := there.get(file.sha256)) or file.sha256 in condemned
        ]
        stored += sum(in_parallel(partial(_keep, blobs, find), doubtful))
    return stored


class _File(NamedTuple):
    path: str
    size: int | None
    sha256: str


def _managed(manifest: Manifest) -> Iterator[_File]:
    """Yield the entries that are managed files, one for each blob."""
    done: set[str] = set()
    for batch in manifest.batches():
        columns = (batch.columns[name].to_pylist() for name in ("path", "size", "uri"))
        for path, size, uri in zip(*columns, strict=True):
            if is_managed(uri) and uri not in done:
                done.add(uri)
                yield _File(path, size, sha256_of(uri))


def _is_whole(file: _File, found: BlobInfo | None) -> bool:
    return found is not None and (file.size is None or file.size == found.size)


def _keep(blobs: BlobStore, find: FindBytes, doubtful: tuple[_File, BlobInfo | None]) -> bool:
    file, found = doubtful
    sha256 = file.sha256
    path = find(sha256)
    if path is not None:
        blobs.put(path, sha256)
        return True
    if _is_whole(file, found):
        # Its collector died: the announcement waited until it could not delete any more.
        return False
    if found is not None:
        raise damaged_blob(sha256, blobs.url, f"{found.size} bytes instead of {file.size}")
    raise NotFound(
        f"the managed file {file.path} was garbage-collected before it was logged",
        subject=file.path,
        found=f"no blob {sha256} in {blobs.url}",
        hint="Add the file again; or give `landfast gc` a grace period that is longer than the life of a draft.",
    )
