"""Undelete a version whose blobs garbage collection has not taken yet."""

from __future__ import annotations

from collections.abc import Callable

from landfast.blobs.base import BlobStore
from landfast.errors import NotFound
from landfast.manifests.base import Manifest
from landfast.model.blob_uri import holds_files
from landfast.model.names import ArtifactName
from landfast.model.version import VersionRecord
from landfast.publish.retain import keep_managed
from landfast.registry.registry import Registry


def undelete(
    registry: Registry,
    blobs: BlobStore,
    open_manifest: Callable[[str], Manifest],
    name: ArtifactName,
) -> VersionRecord:
    """Make a deleted version live again.

    Its blobs are announced before and after, as those of a log are: what is there before cannot be collected
    meanwhile.

    Raises:
        NotFound: If there is no such version, or its blobs were collected.
        Conflict: If the same content was logged again as another version.
    """
    record = registry.get(name, deleted=True)
    if record.deleted_at is None:
        return record
    _announce(registry, blobs, open_manifest, record)
    restored = registry.undelete(record.name)
    _announce(registry, blobs, open_manifest, record)
    return restored


def _announce(
    registry: Registry,
    blobs: BlobStore,
    open_manifest: Callable[[str], Manifest],
    record: VersionRecord,
) -> None:
    manifests = {pins.blob for pins in registry.pin_sets(record.id)}
    bases = registry.manifest_bases(manifests)
    manifests |= {base for every in bases.values() for base in every}
    registry.record_blobs(registry.known_blobs(sorted(manifests)))
    if None in map(blobs.stat, [record.blob, *bases.get(record.blob, ())]):
        raise collected(record, "its manifest")
    for pins in registry.pin_sets(record.id):
        if holds_files(pins.sources) and (pins.is_copy or pins.blob == record.blob):
            try:
                keep_managed(registry, blobs, open_manifest(pins.blob))
            except NotFound as error:
                raise collected(record, f"the managed file {error.subject}") from None


def collected(record: VersionRecord, what: str) -> NotFound:
    """Build the error for a version of which garbage collection has taken something."""
    return NotFound(
        f"{record.name} cannot be undeleted: {what} was garbage-collected",
        subject=str(record.name),
        hint="Log its content again; or restore the store from a backup of that time.",
    )
