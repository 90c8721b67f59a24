"""Scans: look at places on a context, whole or in shards; nothing is logged."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.context import Context
from landfast.errors import NotFound
from landfast.model.names import ArtifactName
from landfast.model.reference import Reference

if TYPE_CHECKING:
    from landfast.manifests.base import Manifest
    from landfast.manifests.reader import ManifestFile
    from landfast.scan.values import ScanPlan, Shard, ShardScan

Near = str | ArtifactName | None


def latest_manifest(context: Context, near: Near) -> Manifest | None:
    """Open the latest manifest of a collection, at its newest pins; None if there is none."""
    if near is None:
        return None
    try:
        record = context.registry.get(context.resolve_name(near).bare())
    except NotFound:
        return None
    return context.open_manifest(context.registry.pin_sets(record.id)[0].blob)


def plan(context: Context, reference: Reference, *, shards: int = 1, near: Near = None) -> ScanPlan:
    """Find out what a reference is and cut it into shards."""
    from landfast.scan.plan import plan as plan_scan

    made = plan_scan(
        reference,
        context.stores,
        max_objects=context.settings.max_objects,
        shards=shards,
        previous=latest_manifest(context, near) if shards > 1 else None,
    )
    for note in made.notes:
        context.note(note)
    return made


def scan_into(
    context: Context, folder: Path, reference: Reference, *, shards: int = 1, near: Near = None
) -> list[ShardScan]:
    """Scan a reference into manifest files in a folder; another artifact's entries are copied."""
    from landfast.scan.shard import scan_shard

    if reference.uri is not None and reference.uri.startswith("landfast://"):
        return [_copied(context, reference, _new_file(folder))]
    return [
        scan_shard(
            shard,
            context.stores,
            _new_file(folder),
            previous=lambda: latest_manifest(context, near),
        )
        for shard in plan(context, reference, shards=shards, near=near).shards
    ]


def scan(context: Context, reference: Reference, *, shards: int = 1) -> ManifestFile:
    """Return the manifest of a place; its file goes with it."""
    from landfast.manifests.reader import ManifestFile
    from landfast.scan import merging

    folder = Path(tempfile.mkdtemp(prefix="landfast-"))
    try:
        scans = scan_into(context, folder, reference, shards=shards)
        merging.check_complete(scans)
        if len(scans) == 1:
            manifest = ManifestFile(scans[0].manifest.path)
        else:
            manifest = ManifestFile(merging.merge(scans, folder / "merged.parquet").path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(manifest, shutil.rmtree, folder, ignore_errors=True)
    return manifest


def scan_shard(context: Context, shard: Shard, *, near: Near = None) -> ShardScan:
    """Scan one shard and put its manifest into the registry's store."""
    from landfast.publish.upload import upload
    from landfast.scan.shard import scan_shard

    with tempfile.TemporaryDirectory(prefix="landfast-") as folder:
        found = scan_shard(
            shard,
            context.stores,
            Path(folder) / "shard.parquet",
            previous=lambda: latest_manifest(context, near),
        )
        written = found.manifest.written
        upload(context.registry, context.owned_blobs, written.path, written.sha256, written.size)
    return replace(found, manifest=written)


def localise(context: Context, found: ShardScan) -> ShardScan:
    """Return a shard's result with its manifest file on this machine."""
    if found.manifest.is_here:
        return found
    written = found.manifest.written
    return replace(found, manifest=replace(written, path=context.blob_path(written.sha256)))


def scan_folders(
    context: Context, folder: Path, references: Sequence[Reference]
) -> list[ShardScan]:
    """Scan several places into manifest files in a folder; side by side in a bucket, with one listing."""
    from landfast.scan.siblings import lie_together, scan_together

    if not lie_together(references, context.stores):
        return [_scan_or_empty(context, folder, reference) for reference in references]
    scans, notes = scan_together(
        references, context.stores, folder, max_objects=context.settings.max_objects
    )
    for note in notes:
        context.note(note)
    return scans


def _scan_or_empty(context: Context, folder: Path, reference: Reference) -> ShardScan:
    (found,) = scan_into(context, folder, replace(reference, allow_empty=True))
    return replace(found, allow_empty=reference.allow_empty)


def _copied(context: Context, reference: Reference, target: Path) -> ShardScan:
    from landfast.scan.copy_version import adopt

    assert reference.uri is not None
    record = context.registry.get(context.resolve_name(reference.uri))
    newest = context.registry.pin_sets(record.id)[0]
    return adopt(
        reference,
        replace(record, sources=newest.sources or record.sources),
        context.open_manifest(newest.blob),
        target,
        max_objects=context.settings.max_objects,
    )


def _new_file(folder: Path) -> Path:
    return folder / f"{uuid.uuid4().hex}.parquet"
