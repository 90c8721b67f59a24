"""Managed files: copied once into the registry's store, recorded as ``blob:sha256:HEX`` entries."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from landfast.blobs.base import LocalFile
from landfast.blobs.staging import StagingStore
from landfast.context import Context
from landfast.errors import InvalidInput, ObjectChanged
from landfast.manifests.batch import EntryBatch
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.blob_uri import SOURCE, blob_uri
from landfast.model.location import Location
from landfast.model.reference import Reference
from landfast.model.source import Source
from landfast.publish.upload import upload_all
from landfast.scan import merging
from landfast.scan.values import ShardScan
from landfast.scans import scan_into
from landfast.system.staging import Staging

# Stored at once: of so many files the bytes are made durable together, and then the names.
_AT_ONCE = 4096
_PLAIN = "file:///"
_CODED = re.compile("[%?#]")


def store_files(
    context: Context, reference: Reference, folder: Path, *, originals: dict[str, Path | str]
) -> ShardScan:
    """Copy a file, or every file below a folder, into the store; `originals` takes their paths by sha256.

    A file that has to be hashed is copied in the same reading, where the store is a folder.

    Raises:
        NotFound: If there is nothing to copy.
        LimitExceeded: If there are more files than allowed; nothing is stored then.
        ObjectChanged: If a file changes while it is copied.
    """
    blobs = context.owned_blobs
    # A scan already knows order, symlinks and hashes; only the bytes are kept here.
    with blobs.staging() if isinstance(blobs, StagingStore) else nullcontext() as staging:
        stores = None if staging is None else context.stores.staging(staging)
        scans = scan_into(context, folder, reference, stores=stores)
        merging.check_complete(scans)
        with ManifestWriter(folder / f"managed-{uuid.uuid4().hex}.parquet") as writer:
            for found in _parts(ManifestFile(scans[0].manifest.path)):
                files = _local_files(found)
                _store(context, files, staging)
                originals |= {file.sha256: file.place for file in files}
                writer.add_batch(_managed(found))
            written = writer.finish()
    source = Source(uri=SOURCE, include=tuple(reference.include), exclude=tuple(reference.exclude))
    return ShardScan(
        manifest=written,
        sources=(source,),
        skipped=scans[0].skipped,
        matched=scans[0].matched,
        allow_empty=reference.allow_empty,
    )


def _parts(manifest: ManifestFile) -> Iterator[EntryBatch]:
    for batch in manifest.batches():
        for start in range(0, len(batch), _AT_ONCE):
            yield batch.slice(start, start + _AT_ONCE)


def _local_files(found: EntryBatch) -> list[LocalFile]:
    columns = (found.columns[name].to_pylist() for name in ("uri", "checksum", "size"))
    return [LocalFile(_path(uri), sha256, size) for uri, sha256, size in zip(*columns, strict=True)]


def _path(uri: str) -> str:
    """Return the path of a file's URI; most have nothing in them that is to be decoded."""
    if uri.startswith(_PLAIN) and uri.isascii() and not _CODED.search(uri):
        return uri[len(_PLAIN) - 1 :]
    return Location.parse(uri, pins=False).key


def _store(context: Context, files: Sequence[LocalFile], staging: Staging | None) -> None:
    try:
        upload_all(context.registry, context.owned_blobs, files, staging)
    except InvalidInput as error:
        raise ObjectChanged(
            f"{error.subject} changed while it was being copied",
            subject=error.subject,
            hint="Log it when nobody writes to it.",
        ) from error


def _managed(found: EntryBatch) -> EntryBatch:
    """Return the rows with their bytes in the store: pinned by their own name, and by nothing else."""
    import pyarrow as pa
    import pyarrow.compute as pc

    form, count = found.columns.schema, len(found)
    new = {
        "uri": pc.binary_join_element_wise(blob_uri(""), found.columns["checksum"], ""),
        "etag_is_checksum": pa.repeat(False, count),
    }
    new |= {
        name: pa.nulls(count, form.field(name).type)
        for name in ("etag", "version_id", "modified_at")
    }
    columns = [new.get(name, found.columns[name]) for name in form.names]
    return EntryBatch(pa.RecordBatch.from_arrays(columns, schema=form))
