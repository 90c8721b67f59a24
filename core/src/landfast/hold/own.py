"""The registry's own store as a place whose objects can be held: managed files, copies, and manifests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from landfast.blobs.names import blob_key
from landfast.errors import NotFound
from landfast.hold.needs import PORTION, Need, need_of, needs
from landfast.hold.places import Asking
from landfast.model.blob_uri import blob_uri, sha256_of
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.storage.holds import HoldKind
from landfast.pins.sets import PinSets
from landfast.stores.base import Store
from landfast.system.parallel import in_parallel
from landfast.system.portions import portions

_MOVE = "Put the registry's store into a bucket with Object Lock: landfast registry copy --store s3://..."


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnStore:
    """Where the registry's blobs lie, seen as objects of other people's stores are.

    Args:
        root: The folder, or the bucket and prefix.
        store: That looks there.
        manifests: The sha256 of the files that the version's manifests stand in.
    """

    root: Location
    store: Store
    manifests: Sequence[str]

    def needs(self, pins: PinSets, kind: HoldKind | None, asking: Asking) -> Iterator[list[Need]]:
        """Yield what `needs` yields, with the blobs that lie here, the version's manifests last.

        Which version of an object a blob is now takes a request each.
        """
        files = (
            Need(entry=entry, uri=entry.uri, store=self.store)
            for sha256 in self.manifests
            for entry in [_manifest(sha256)]
        )
        for portion in itertools.chain(needs(pins, kind), portions(files, PORTION)):
            yield in_parallel(lambda need: self._held(need, kind, asking), portion)

    def _held(self, need: Need, kind: HoldKind | None, asking: Asking) -> Need:
        if not need.is_ours:
            return need
        sha256 = sha256_of(need.uri)
        location = self.root.child(blob_key(sha256))
        version_id = None
        if self.store.capabilities().holds:
            try:
                version_id = asking.version_of(self.store, location)
            except NotFound:
                why = "the registry's store does not have it any more"
                hint = "landfast registry check lists what else is missing."
                return replace(need, why_not=why, hint=hint)
        there = replace(need.entry, uri=location.uri, version_id=version_id)
        found = need_of(need.entry, there, self.store, kind)
        return replace(found, hint=_MOVE) if found.why_not else found


def _manifest(sha256: str) -> ManifestEntry:
    return ManifestEntry(
        path=f"(manifest {sha256[:12]})", size=None, checksum=None, uri=blob_uri(sha256)
    )
