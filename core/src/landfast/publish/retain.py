"""Keep the managed files of a manifest from being collected while it is logged.

No row of the registry names a managed file, so its announcement has to be fresh when the log commits, and
what was collected before has to be stored again.  Called before the log it makes the window that garbage
collection could use as short as this call; called after it as well, it closes it: a collection that
began before the commit meets the fresh announcement, one that begins later reads the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

from landfast.blobs.base import BlobInfo, BlobStore
from landfast.blobs.names import damaged_blob
from landfast.errors import NotFound
from landfast.manifests.base import Manifest
from landfast.model.blob_uri import is_managed, sha256_of
from landfast.model.manifest import ManifestEntry
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
        condemned = registry.record_blobs({_sha256(entry): entry.size or 0 for entry in batch})
        there = blobs.stat_all(map(_sha256, batch))
        doubtful = [
            (entry, found)
            for entry in batch
            if _is_doubtful(entry, found := there.get(_sha256(entry)), condemned)
        ]
        stored += sum(in_parallel(partial(_keep, blobs, find), doubtful))
    return stored


def _managed(manifest: Manifest) -> Iterator[ManifestEntry]:
    """Yield the entries that are managed files, one for each blob."""
    done: set[str] = set()
    for entry in manifest.entries():
        if is_managed(entry.uri) and entry.uri not in done:
            done.add(entry.uri)
            yield entry


def _sha256(entry: ManifestEntry) -> str:
    return sha256_of(entry.uri)


def _is_doubtful(entry: ManifestEntry, found: BlobInfo | None, condemned: Collection[str]) -> bool:
    return not _is_whole(entry, found) or _sha256(entry) in condemned


def _is_whole(entry: ManifestEntry, found: BlobInfo | None) -> bool:
    return found is not None and entry.size in {None, found.size}


def _keep(
    blobs: BlobStore, find: FindBytes, doubtful: tuple[ManifestEntry, BlobInfo | None]
) -> bool:
    entry, found = doubtful
    sha256 = _sha256(entry)
    path = find(sha256)
    if path is not None:
        blobs.put(path, sha256)
        return True
    if _is_whole(entry, found):
        # Its collector died: the announcement waited until it could not delete any more.
        return False
    if found is not None:
        raise damaged_blob(sha256, blobs.url, f"{found.size} bytes instead of {entry.size}")
    raise NotFound(
        f"the managed file {entry.path} was garbage-collected before it was logged",
        subject=entry.path,
        found=f"no blob {sha256} in {blobs.url}",
        hint="Add the file again; or give `landfast gc` a grace period longer than a draft lives.",
    )
