"""Observe: list one shard of a reference into a sorted manifest file.

The middle one of three plain steps: `planning.plan` asks what a reference is and cuts it into shards,
`scan_shard` lists one, `merging.merge` joins them.  The digest is the same for any number of shards.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput
from landfast.manifests.batch import EntryBatch
from landfast.manifests.held import HELD, HeldManifest
from landfast.manifests.masks import null_where
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.schema import entry_schema
from landfast.manifests.table_file import WrittenManifest
from landfast.manifests.writer import ManifestWriter
from landfast.model.globs import PathFilter
from landfast.model.location import Location
from landfast.scan.listing import Previous, list_batches
from landfast.scan.merging import too_many
from landfast.scan.skips import SkipLog
from landfast.scan.values import ScanPlan, Shard, ShardScan
from landfast.stores.base import ChecksumKind, ObjectBatch, ObjectInfo, Store
from landfast.stores.batch import in_batches
from landfast.stores.opener import Stores

if TYPE_CHECKING:
    import pyarrow as pa


def scan_shard(
    shard: Shard, stores: Stores, target: Path, *, previous: Previous = lambda: None
) -> ShardScan:
    """List one shard into a sorted manifest file; an earlier one spares requests for what did not change.

    Raises:
        LimitExceeded: At the first entry beyond the limit; the file is removed.
    """
    scan = shard.plan
    store = stores.at(scan.location, scan.reference.options)
    skips = SkipLog()
    found = (
        in_batches(_object_row(scan, store, skips, previous))
        if scan.is_object
        else list_batches(scan, shard.window, store, skips, previous)
    )
    return record(scan, found, skips, target)


def record(scan: ScanPlan, found: Iterable[ObjectBatch], skips: SkipLog, target: Path) -> ShardScan:
    """Make a manifest of listed rows: of few a held one, of more a file; raises what `scan_shard` does.

    What was skipped is known when the rows are read.
    """
    batches = (_entries(scan, batch) for batch in _limited(scan, found))
    few: list[EntryBatch] = []
    count = 0
    while count <= HELD and (batch := next(batches, None)) is not None:
        few.append(batch)
        count += len(batch)
    manifest: WrittenManifest | HeldManifest
    if count <= HELD:
        manifest = HeldManifest(MemoryManifest.of_batches(few), lambda: target)
    else:
        with ManifestWriter(target) as writer:
            for batch in itertools.chain(few, batches):
                writer.add_batch(batch)
            manifest = writer.finish()
    return ShardScan(
        manifest=manifest,
        sources=(scan.source,),
        skipped=skips.result(),
        matched=skips.matched(),
        notes=skips.notes(),
        max_objects=scan.max_objects,
        allow_empty=scan.reference.allow_empty,
    )


def _limited(scan: ScanPlan, found: Iterable[ObjectBatch]) -> Iterator[ObjectBatch]:
    count = 0
    for batch in found:
        count += len(batch)
        if count > scan.max_objects:
            raise too_many(scan.source.uri, scan.max_objects)
        yield batch


def _object_row(
    scan: ScanPlan, store: Store, skips: SkipLog, previous: Previous
) -> Iterator[ObjectInfo]:
    why = skips.watch(PathFilter(scan.source.include, scan.source.exclude))
    reason = why(scan.location.basename)
    if reason:
        skips.add(reason, scan.location.basename)
        return
    location, version_id = scan.location.unpinned(), scan.location.version_id
    row = store.stat(location, version_id=version_id, checksum=scan.reference.kind)
    kind = _kind_before(scan, store, row, previous)
    yield row if kind is None else store.stat(location, version_id=version_id, checksum=kind)


def _kind_before(scan: ScanPlan, store: Store, row: ObjectInfo, previous: Previous) -> ChecksumKind:
    """Return the kind of checksum by which the same object was recorded; None to keep the row's.

    A store may choose by the age of an object: what did not change shall not be a new version for that.
    """
    kinds = store.capabilities().stat_checksums
    if (
        scan.reference.kind is not None
        or row.checksum is None
        or row.checksum.algorithm not in kinds
    ):
        return None
    manifest = previous() if row.etag is not None else None
    path = scan.source.name or _basename(row.location)
    before = None if manifest is None else next(iter(manifest.entries(path)), None)
    if before is None or before.path != path or before.checksum is None:
        return None
    if (before.uri, before.etag) != (row.location.without_secrets()[0].uri, row.etag):
        return None
    # An equal ETag at another time is not made of the time, and tells the content as before.
    is_told = before.checksum.is_content_token or before.modified_at != row.modified_at
    return before.checksum.algorithm if is_told and before.checksum.algorithm in kinds else None


def _entries(scan: ScanPlan, found: ObjectBatch) -> EntryBatch:
    """Turn listed rows into rows of a manifest; only the path is made anew."""
    import pyarrow as pa
    import pyarrow.compute as pc

    repeats = pc.fill_null(pc.equal(found["etag"], found["checksum"]), False)
    columns = {
        "path": _paths(scan, found),
        "etag": null_where(repeats, found["etag"]),
        "etag_is_checksum": repeats,
    }
    form = entry_schema()
    arrays = [columns[name] if name in columns else found[name] for name in form.names]
    return EntryBatch(pa.RecordBatch.from_arrays(arrays, schema=form))


def _paths(scan: ScanPlan, found: ObjectBatch) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    name = scan.source.name
    if scan.is_object:
        return pa.array(
            [name or _basename(row.location.without_secrets()[0]) for row in found.rows()],
            pa.string(),
        )
    # As bytes: all keys begin with the same text, and to count the letters of each costs ten times as much.
    keys, above = found["key"].view(pa.binary()), len(scan.location.key.encode())
    below = pc.binary_slice(keys, above, 2**31 - 1).view(pa.string())
    return pc.binary_join_element_wise(name, below, "/") if name else below


def _basename(location: Location) -> str:
    if not location.basename:
        raise InvalidInput(
            f"{location} has no file name",
            subject=str(location),
            hint="Give the path under the artifact as name=.",
        )
    return location.basename
