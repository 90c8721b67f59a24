"""Managed files: copied once into the registry's store, recorded as ``blob:sha256:HEX`` entries."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from landfast.blobs.base import LocalFile
from landfast.context import Context
from landfast.errors import InvalidInput, ObjectChanged
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.blob_uri import SOURCE, blob_uri
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.reference import Reference
from landfast.model.source import Source
from landfast.publish.upload import in_batches, upload_all
from landfast.scan import merging
from landfast.scan.values import ShardScan
from landfast.scans import scan_into


def store_files(
    context: Context, reference: Reference, folder: Path, *, originals: dict[str, Path | str]
) -> ShardScan:
    """Copy a file, or every file below a folder, into the store; `originals` takes their paths by sha256.

    Raises:
        NotFound: If there is nothing to copy.
        LimitExceeded: If there are more files than allowed; nothing is copied then.
        ObjectChanged: If a file changes while it is copied.
    """
    # A scan already knows order, symlinks and hashes; only the bytes are copied here.
    scans = scan_into(context, folder, reference)
    merging.check_complete(scans)
    with ManifestWriter(folder / f"managed-{uuid.uuid4().hex}.parquet") as writer:
        for found in in_batches(ManifestFile(scans[0].manifest.path).entries()):
            writer.extend(_stored(context, found, originals))
        written = writer.finish()
    source = Source(uri=SOURCE, include=tuple(reference.include), exclude=tuple(reference.exclude))
    return ShardScan(
        manifest=written,
        sources=(source,),
        skipped=scans[0].skipped,
        matched=scans[0].matched,
        allow_empty=reference.allow_empty,
    )


def _stored(
    context: Context, found: Sequence[ManifestEntry], originals: dict[str, Path | str]
) -> Iterator[ManifestEntry]:
    files = [_local_file(entry) for entry in found]
    try:
        upload_all(context.registry, context.owned_blobs, files)
    except InvalidInput as error:
        raise ObjectChanged(
            f"{error.subject} changed while it was being copied",
            subject=error.subject,
            hint="Log it when nobody writes to it.",
        ) from error
    originals |= {file.sha256: file.place for file in files}
    for entry, file in zip(found, files, strict=True):
        uri = blob_uri(file.sha256)
        yield replace(entry, uri=uri, etag=None, version_id=None, modified_at=None)


def _local_file(entry: ManifestEntry) -> LocalFile:
    assert entry.checksum is not None
    assert entry.size is not None
    return LocalFile(Location.parse(entry.uri, pins=False).key, entry.checksum.value, entry.size)
