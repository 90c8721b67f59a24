"""Find what the registry's own store holds: managed files, and the manifests themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from landfast.blobs.names import blob_key
from landfast.model.blob_uri import blob_uri, sha256_of
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.retention.buckets import tells_rules
from landfast.stores.base import Store

if TYPE_CHECKING:
    from landfast.stores.opener import Stores


def own_place(url: str, stores: Stores) -> Callable[[str], tuple[Store, Location] | None]:
    """Return what finds the place of a managed file by its URI, in the store of a URL; None where that has no rules."""
    root = Location.parse(url, pins=False)
    store = stores.at(root)
    if not tells_rules(store):
        return lambda _: None
    below = root.as_folder() if root.key else root

    def find(uri: str) -> tuple[Store, Location]:
        return store, below.child(blob_key(sha256_of(uri)))

    return find


def manifest_entries(blobs: Iterable[str]) -> list[ManifestEntry]:
    """Return manifest files as entries, to be looked at like managed files."""
    return [
        ManifestEntry(path=f"(manifest {blob[:12]})", size=None, checksum=None, uri=blob_uri(blob))
        for blob in blobs
    ]
