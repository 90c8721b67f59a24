"""Merge: join what the shards of references found into one manifest, complete or an error."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from landfast.errors import LimitExceeded, NotFound
from landfast.manifests.merge import merge_manifests
from landfast.manifests.reader import ManifestFile
from landfast.manifests.table_file import WrittenManifest
from landfast.manifests.writer import ManifestWriter
from landfast.model.blob_uri import is_managed
from landfast.model.globs import hint_for_glob, labels
from landfast.model.source import Skipped, Source
from landfast.scan.markers import MARKER_WITHOUT_SLASH
from landfast.scan.skips import FOLDER_ITSELF, SkipLog
from landfast.scan.values import ShardScan


def check_complete(scans: Sequence[ShardScan]) -> None:
    """Refuse the shards of one reference if they are empty, or too many together.

    Raises:
        NotFound: If nothing was recorded, unless `allow_empty`; says what was skipped.
        LimitExceeded: If the shards together exceed the limit.
    """
    total = check_limit(scans)
    if total == 0 and not scans[0].allow_empty:
        skipped = [f"{skip.count} {skip.reason}" for scan in scans for skip in scan.skipped]
        raise NotFound(
            f"{scans[0].sources[0].uri} holds no objects to record",
            subject=scans[0].sources[0].uri,
            found="only " + ", ".join(skipped) if skipped else "nothing",
            hint=hint_for_glob(scans[0].sources[0].uri)
            or "Check the spelling, or give allow_empty=True.",
        )


def check_limit(scans: Sequence[ShardScan]) -> int:
    """Return how many entries shards of one reference have together; `LimitExceeded` if those are too many."""
    total = sum(scan.manifest.summary.count for scan in scans)
    if total > scans[0].max_objects:
        raise too_many(scans[0].sources[0].uri, scans[0].max_objects)
    return total


def merge(scans: Iterable[ShardScan], target: Path) -> WrittenManifest:
    """Join the files of shards and references into one; `Conflict` if two give one path to different objects."""
    with ManifestWriter(target) as writer:
        for batch in merge_manifests(ManifestFile(scan.manifest.path) for scan in scans):
            writer.add_batch(batch)
        return writer.finish()


def merged_sources(scans: Iterable[ShardScan]) -> tuple[Source, ...]:
    """Return every source once, in the order it was added."""
    sources: list[Source] = []
    for source in itertools.chain.from_iterable(scan.sources for scan in scans):
        if source not in sources:
            sources.append(source)
    return tuple(sources)


def merged_skips(scans: Iterable[ShardScan]) -> tuple[Skipped, ...]:
    """Add up what all shards left out, by reason; and tell of globs that matched nothing, with a count of 0."""
    scans = list(scans)
    log = SkipLog()
    for skip in itertools.chain.from_iterable(scan.skipped for scan in scans):
        log.extend(skip)
    in_vain = (Skipped(reason=f"{label} matched nothing", count=0) for label in unmatched(scans))
    return (*log.result(), *in_vain)


def unmatched(scans: Sequence[ShardScan]) -> list[str]:
    """Return the globs that matched nothing in any of the scans that they were given for."""
    given: dict[str, None] = {}
    for source in (scan.sources[0] for scan in scans):
        given |= dict.fromkeys(labels(source.include, source.exclude))
    matched = {label for scan in scans for label in scan.matched}
    return [label for label in given if label not in matched]


def remarks(scans: Sequence[ShardScan]) -> Iterator[str]:
    """Yield what the user should know after a scan, one sentence each."""
    yield from dict.fromkeys(note for scan in scans for note in scan.notes)
    where = ", ".join(dict.fromkeys(_place(scan) for scan in scans[:3]))
    for label in unmatched(scans):
        yield (
            f"{label} matched nothing under {where}: a glob is of the whole path under the reference,"
            " 'name' or 'name/' is a folder at its top, '**/name' one at any depth"
        )
    for skip in merged_skips(scans):
        if skip.reason == MARKER_WITHOUT_SLASH:
            yield (
                f"{skip.count} zero-byte objects under {where} are named like folders that hold others, such as"
                f" {skip.examples[0]!r}, and are skipped as folder markers"
            )
        if skip.reason == FOLDER_ITSELF:
            yield (
                f"an object that is not empty is named like the folder {where} itself and is skipped:"
                " log it as an object, Reference(bucket=, key=), or log the folder above"
            )


def _place(scan: ShardScan) -> str:
    uri = scan.sources[0].uri
    return "what was copied" if is_managed(uri) else uri


def too_many(uri: str, limit: int) -> LimitExceeded:
    """Build the error for a reference with more entries than allowed."""
    return LimitExceeded(
        f"{uri} holds more objects than allowed; nothing was stored",
        subject=uri,
        expected=f"at most {limit:,}",
        found=f"at least {limit + 1:,}",
        hint="Give max_objects= (or LANDFAST_MAX_OBJECTS); landfast.UNLIMITED lifts the limit.",
        limit=limit,
    )
