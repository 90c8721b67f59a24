"""Observe: list one shard of a reference into a sorted manifest file.

The middle one of three plain steps: `planning.plan` asks what a reference is and cuts it into shards,
`scan_shard` lists one, `merging.merge` joins them.  The digest is the same for any number of shards.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from landfast.errors import InvalidInput
from landfast.manifests.held import HELD, HeldManifest
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.writer import ManifestWriter, WrittenManifest
from landfast.model.globs import PathFilter
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.scan.listing import Previous, list_rows
from landfast.scan.merging import ShardScan, too_many
from landfast.scan.plan import ScanPlan, Shard
from landfast.scan.skips import SkipLog
from landfast.stores.base import ChecksumKind, ObjectInfo, Store
from landfast.stores.opener import Stores


def scan_shard(
    shard: Shard, stores: Stores, target: Path, *, previous: Previous = lambda: None
) -> ShardScan:
    """List one shard into a sorted manifest file.

    Args:
        shard: From `ScanPlan.shards`.
        stores: Where to look.
        target: Path of the file to write.
        previous: Opens the manifest of an earlier version, which spares requests for what did not change.

    Raises:
        LimitExceeded: At the first entry beyond the limit; the file is removed.
    """
    scan = shard.plan
    store = stores.at(scan.location, scan.reference.options)
    skips = SkipLog()
    rows = (
        _object_row(scan, store, skips, previous)
        if scan.is_object
        else list_rows(scan, shard.window, store, skips, previous)
    )
    return record(scan, rows, skips, target)


def record(scan: ScanPlan, rows: Iterable[ObjectInfo], skips: SkipLog, target: Path) -> ShardScan:
    """Make a manifest of listed rows: of few a held one, of more a file.

    Args:
        scan: What they were listed for.
        rows: In order, without what is skipped.
        skips: What was left out; read when the rows are.
        target: Path of the file to write.

    Raises:
        LimitExceeded: At the first entry beyond the limit; the file is removed.
    """
    entries = _limited(scan, _entries(scan, rows))
    few = list(itertools.islice(entries, HELD + 1))
    found: WrittenManifest | HeldManifest
    if len(few) <= HELD:
        found = HeldManifest(MemoryManifest.of_sorted(few), lambda: target)
    else:
        with ManifestWriter(target) as writer:
            writer.extend(itertools.chain(few, entries))
            found = writer.finish()
    return ShardScan(
        manifest=found,
        sources=(scan.source,),
        skipped=skips.result(),
        matched=skips.matched(),
        notes=skips.notes(),
        max_objects=scan.max_objects,
        allow_empty=scan.reference.allow_empty,
    )


def _limited(scan: ScanPlan, entries: Iterable[ManifestEntry]) -> Iterator[ManifestEntry]:
    for count, entry in enumerate(entries, start=1):
        if count > scan.max_objects:
            raise too_many(scan.source.uri, scan.max_objects)
        yield entry


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


def _entries(scan: ScanPlan, rows: Iterable[ObjectInfo]) -> Iterator[ManifestEntry]:
    name = scan.source.name
    for row in rows:
        location = row.location.without_secrets()[0]
        if scan.is_object:
            path = name or _basename(location)
        else:
            below = row.location.key[len(scan.location.key) :]
            path = f"{name}/{below}" if name else below
        yield ManifestEntry(
            path=path,
            size=row.size,
            checksum=row.checksum,
            uri=location.uri,
            version_id=row.version_id,
            etag=row.etag,
            modified_at=row.modified_at,
        )


def _basename(location: Location) -> str:
    if not location.basename:
        raise InvalidInput(
            f"{location} has no file name",
            subject=str(location),
            hint="Give the path under the artifact as name=.",
        )
    return location.basename
