"""Shrink: store a manifest of which little is new as a delta on the one before.

What a delta stands on is announced as the delta itself is, so that it stays until the log commits; a log that
finds any of it collected asks again, and then gets the full file.  Nothing that is stored is ever written again: a
chain that gets long is made short by a delta that stands further down, or by a full file.
"""

from __future__ import annotations

from collections.abc import Callable

from landfast.blobs.base import BlobStore
from landfast.errors import Conflict, NotFound
from landfast.manifests.chains.delta import write_delta
from landfast.manifests.held import HeldManifest
from landfast.manifests.reader import ManifestFile
from landfast.manifests.table_file import WrittenManifest
from landfast.registry.registry import Registry

# Returns the newest manifest of what is logged, None if there is none.
Previous = Callable[[], ManifestFile | None]

SMALL_BYTES = 1024 * 1024
"""A manifest that is smaller is stored in full: a delta would save little, and cost every reader a file."""

MOST_DELTAS = 8
"""So many deltas may stand on each other."""

# As a part of a full file's bytes, and of its rows: those of all deltas of a chain together.
_MOST_BYTES = 1 / 4
_MOST_ROWS = 1 / 8


def shrunk(
    registry: Registry,
    blobs: BlobStore,
    manifest: WrittenManifest | HeldManifest,
    previous: Previous,
) -> tuple[WrittenManifest, tuple[str, ...]]:
    """Return what to store of a manifest, beside it in its folder, and the blobs that it stands on.

    That is the manifest itself unless a delta on the one before is much smaller.

    Args:
        registry: Where what a delta stands on is announced.
        blobs: Its store.
        manifest: The full file.
        previous: Tells what a delta could stand on.
    """
    written = manifest.written
    if written.size < SMALL_BYTES:
        return written, ()
    try:
        old = previous()
        if old is None:
            return written, ()
        with old, ManifestFile(written.path) as new:
            below = old.below(_stands_on([len(layer) for layer in old.layers[1:]]))
            room = int(len(new) * _MOST_ROWS) - sum(map(len, below.layers[1:]))
            if room > 0 and _kept(registry, blobs, below):
                path = written.path.with_name(f"{written.path.name}.delta")
                delta = write_delta(below, new, path, most=room)
                if delta is not None and delta.size <= written.size * _MOST_BYTES:
                    return delta, below.chain
    except (NotFound, Conflict):
        pass  # what is lost or damaged is nothing to stand on
    return written, ()


def _stands_on(counts: list[int]) -> int:
    """Return on how many of some deltas, oldest first, another is to stand.

    On all while they are few; else on the ones below which each has as many rows as all above it together.
    """
    if len(counts) < MOST_DELTAS:
        return len(counts)
    fits = (
        keep for keep in range(MOST_DELTAS // 2, 0, -1) if counts[keep - 1] >= sum(counts[keep:])
    )
    return next(fits, 0)


def _kept(registry: Registry, blobs: BlobStore, manifest: ManifestFile) -> bool:
    """Announce the files of a manifest; tell whether all are in the store, and no collection may be taking one."""
    sizes = {layer.name: layer.path.stat().st_size for layer in manifest.layers}
    if registry.known_blobs(list(sizes)) != sizes or registry.record_blobs(sizes):
        return False
    found = [blobs.stat(sha256) for sha256 in sizes]
    return [info and info.size for info in found] == list(sizes.values())
