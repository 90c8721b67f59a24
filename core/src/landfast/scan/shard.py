"""Observe: list one shard of a reference into a sorted manifest file.

The middle one of three plain steps: `planning.plan` asks what a reference is and cuts it into shards,
`scan_shard` lists one, `merging.merge` joins them.  The digest is the same for any number of shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from landfast.manifests.batch import EntryBatch
from landfast.manifests.held import HELD, HeldManifest
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.table_file import WrittenManifest
from landfast.manifests.writer import ManifestWriter
from landfast.model.globs import PathFilter
from landfast.scan.entries import base_name, entries
from landfast.scan.inventory import listed_in_inventory
from landfast.scan.lister import Job
from landfast.scan.listing import Bounds, Previous
from landfast.scan.merging import too_many
from landfast.scan.skips import SkipLog
from landfast.scan.spread import BREADTH, Breadth, spread
from landfast.scan.values import ScanPlan, Shard, ShardScan
from landfast.stores.base import ChecksumKind, ObjectInfo, Store
from landfast.stores.batch import in_batches
from landfast.stores.opener import Stores


def scan_shard(
    shard: Shard,
    stores: Stores,
    target: Path,
    *,
    previous: Previous = lambda: None,
    breadth: Breadth = BREADTH,
    held: int = 0,
) -> ShardScan:
    """List one shard into a sorted manifest file; an earlier one spares requests for what did not change.

    Up to `held` bytes of entries stay in memory, and the file is written when it is asked for.

    Raises:
        LimitExceeded: At the first entry beyond the limit; the file is removed.
    """
    scan = shard.plan
    store = stores.at(scan.location, scan.reference.options)
    skips = SkipLog()
    if scan.is_object:
        rows = in_batches(_object_row(scan, store, skips, previous))
        return record(scan, entries(scan, rows), skips, target)
    if scan.source.inventory is not None:
        rows = listed_in_inventory(scan, store, stores, target.parent, skips)
        return record(scan, entries(scan, rows), skips, target, held=held)
    job = Job(scan=scan, store=store, folder=target.parent, previous=previous)
    with closing(spread(job, Bounds.of(scan, shard.window), skips, breadth)) as found:
        return record(scan, found, skips, target, held=held)


def record(
    scan: ScanPlan, found: Iterable[EntryBatch], skips: SkipLog, target: Path, *, held: int = 0
) -> ShardScan:
    """Make a manifest of entries: of few, or of up to `held` bytes, a held one, of more a file.

    Raises what `scan_shard` does.

    What was skipped is known when the rows are read.
    """
    batches = _limited(scan, found)
    few: list[EntryBatch] = []
    count = size = 0
    while (count <= HELD or size <= held) and (batch := next(batches, None)) is not None:
        few.append(batch)
        count += len(batch)
        size += batch.columns.nbytes
    manifest: WrittenManifest | HeldManifest
    if count <= HELD or size <= held:
        manifest = HeldManifest(MemoryManifest.of_batches(few), lambda: target)
    else:
        with ManifestWriter(target) as writer:
            while few:
                writer.add_batch(few.pop(0))
            for batch in batches:
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


def _limited(scan: ScanPlan, found: Iterable[EntryBatch]) -> Iterator[EntryBatch]:
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
    path = scan.source.name or base_name(row.location)
    before = None if manifest is None else next(iter(manifest.entries(path)), None)
    if before is None or before.path != path or before.checksum is None:
        return None
    if (before.uri, before.etag) != (row.location.without_secrets()[0].uri, row.etag):
        return None
    # An equal ETag at another time is not made of the time, and tells the content as before.
    is_told = before.checksum.is_content_token or before.modified_at != row.modified_at
    return before.checksum.algorithm if is_told and before.checksum.algorithm in kinds else None
