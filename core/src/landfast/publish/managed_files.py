"""Managed files: copied once into the registry's store, recorded as ``blob:sha256:HEX`` entries."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput, ObjectChanged
from landfast.manifests.writer import ManifestWriter
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.reference import Reference
from landfast.model.source import Source
from landfast.publish.upload import upload
from landfast.scan import merging

if TYPE_CHECKING:
    from landfast.client import Client

_SOURCE_URI = "blob:sha256"


def store_files(
    client: Client, reference: Reference, folder: Path, *, originals: dict[str, Path]
) -> merging.ShardScan:
    """Copy a file, or every file below a folder, into the store.

    Args:
        client: Whose store.
        reference: The file, or the folder; with the checksum that names blobs, sha256.
        folder: Where temporary files go.
        originals: Takes the local path of each file by its sha256.

    Raises:
        NotFound: If there is nothing to copy.
        LimitExceeded: If there are more files than allowed; nothing is copied then.
        ObjectChanged: If a file changes while it is copied.
    """
    # A scan already knows order, symlinks and hashes; only the bytes are copied here.
    scans = client.scan_into(folder, reference)
    merging.check_complete(scans)
    with ManifestWriter(folder / f"managed-{uuid.uuid4().hex}.parquet") as writer:
        entries = client.open_scan(scans[0]).entries()
        writer.extend(_stored(client, entry, originals) for entry in entries)
        written = writer.finish()
    source = Source(
        uri=_SOURCE_URI, include=tuple(reference.include), exclude=tuple(reference.exclude)
    )
    return merging.ShardScan(
        manifest=written,
        sources=(source,),
        skipped=scans[0].skipped,
        matched=scans[0].matched,
        allow_empty=reference.allow_empty,
    )


def _stored(client: Client, entry: ManifestEntry, originals: dict[str, Path]) -> ManifestEntry:
    assert entry.checksum is not None
    assert entry.size is not None
    path = Path(Location.parse(entry.uri, pins=False).key)
    try:
        upload(client.registry, client.owned_blobs, path, entry.checksum.value, entry.size)
    except InvalidInput as error:
        raise ObjectChanged(
            f"{path} changed while it was being copied",
            subject=str(path),
            hint="Log it when nobody writes to it.",
        ) from error
    originals[entry.checksum.value] = path
    return replace(
        entry,
        uri=f"{_SOURCE_URI}:{entry.checksum.value}",
        etag=None,
        version_id=None,
        modified_at=None,
    )
