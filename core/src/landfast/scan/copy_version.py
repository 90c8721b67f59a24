"""Adopt: copy the entries and newest pins of another version, so that deleting it breaks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from landfast.errors import InvalidInput
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch
from landfast.manifests.writer import ManifestWriter
from landfast.model.globs import PathFilter
from landfast.model.reference import Reference
from landfast.model.source import Source
from landfast.model.version import VersionRecord
from landfast.scan.merging import too_many
from landfast.scan.plan import clean_name
from landfast.scan.skips import SkipLog
from landfast.scan.values import ShardScan


def adopt(
    reference: Reference,
    version: VersionRecord,
    manifest: Manifest,
    target: Path,
    *,
    max_objects: int,
) -> ShardScan:
    """Copy the entries of a version, with its newest pins and their sources, into a manifest file.

    Raises:
        LimitExceeded: If the version has more entries than the reference, or else `max_objects`, allows.
        InvalidInput: If the reference asks for a kind of checksum, or for a store's options.
    """
    if reference.kind is not None or reference.options:
        raise InvalidInput(
            f"{version.name.uri} is copied with the checksums that it has",
            subject=version.name.uri,
            expected="neither checksum= nor options=",
            found=f"checksum={reference.checksum!r}, options for {sorted(reference.options)}",
        )
    name = clean_name(reference.name)
    prefix = f"{name}/" if name else ""
    skips = SkipLog()
    why = skips.watch(PathFilter(reference.include, reference.exclude))
    limit = reference.max_objects or max_objects

    def copied() -> Iterator[EntryBatch]:
        count = 0
        for batch in manifest.batches():
            kept = batch
            if reference.include or reference.exclude:
                reasons = {path: why(path) for path in batch.paths.to_pylist()}
                for path in filter(reasons.get, reasons):
                    skips.add(reasons[path], path)
                kept = batch.where([not reason for reason in reasons.values()])
            count += len(kept)
            if count > limit:
                raise too_many(version.name.uri, limit)
            yield kept.within(prefix)

    with ManifestWriter(target) as writer:
        for batch in copied():
            writer.add_batch(batch)
        written = writer.finish()
    own = Source(
        uri=version.name.uri,
        name=name,
        include=tuple(reference.include),
        exclude=tuple(reference.exclude),
    )
    inherited = (
        replace(source, name=(prefix + source.name).rstrip("/")) for source in version.sources
    )
    return ShardScan(
        manifest=written,
        sources=(own, *inherited),
        uses=(version.id,),
        skipped=skips.result(),
        matched=skips.matched(),
        max_objects=limit,
        allow_empty=reference.allow_empty,
    )
