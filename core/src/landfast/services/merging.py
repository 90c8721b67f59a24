"""Merge: join what the shards of references found into one manifest, complete or an error."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from landfast.errors import LimitExceeded, NotFound
from landfast.manifests.held import HeldManifest
from landfast.manifests.merge import merge_entries
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter, WrittenManifest
from landfast.model.reference import UNLIMITED
from landfast.model.source import Skipped, Source
from landfast.services.skipping import SkipLog


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardScan:
    """The result of one shard: a sorted manifest, and what was left out.

    Args:
        manifest: Of the entries, as a file, or few enough to be held.
        sources: Of the plan; of an adopted version, also what that was scanned from.
        uses: Registry keys of versions whose entries were copied.
        skipped: By reason.
        max_objects: Of the plan.
        allow_empty: Of the reference.
    """

    manifest: WrittenManifest | HeldManifest
    sources: tuple[Source, ...]
    uses: tuple[int, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    max_objects: int = UNLIMITED
    allow_empty: bool = False

    def to_json(self) -> str:
        """Write it as JSON, for an orchestrator that hands on text; the manifest lies in the store."""
        from landfast.services.passing import dumps

        return dumps(self)

    @classmethod
    def from_json(cls, text: str) -> ShardScan:
        """Read what `to_json` wrote.

        Raises:
            InvalidInput: If the text is something else.
        """
        from landfast.services.passing import loads

        scan: ShardScan = loads(text, cls)
        return scan


def check_complete(scans: Sequence[ShardScan]) -> None:
    """Refuse the shards of one reference if they are empty, or too many together.

    Raises:
        NotFound: If nothing was recorded, unless `allow_empty`; says what was skipped.
        LimitExceeded: If the shards together exceed the limit.
    """
    total = sum(scan.manifest.summary.count for scan in scans)
    if total > scans[0].max_objects:
        raise too_many(scans[0].sources[0].uri, scans[0].max_objects)
    if total == 0 and not scans[0].allow_empty:
        skipped = [f"{skip.count} {skip.reason}" for scan in scans for skip in scan.skipped]
        raise NotFound(
            f"{scans[0].sources[0].uri} holds no objects to record",
            subject=scans[0].sources[0].uri,
            found="only " + ", ".join(skipped) if skipped else "nothing",
            hint="Check the spelling, or give allow_empty=True.",
        )


def merge(scans: Iterable[ShardScan], target: Path) -> WrittenManifest:
    """Join the files of shards and references into one manifest file.

    Raises:
        Conflict: If two references give the same path to different objects, naming both and ``name=``.
    """
    with ManifestWriter(target) as writer:
        for entry in merge_entries([ManifestFile(scan.manifest.path).entries() for scan in scans]):
            writer.add(entry)
        return writer.finish()


def merged_sources(scans: Iterable[ShardScan]) -> tuple[Source, ...]:
    """Return every source once, in the order it was added."""
    sources: list[Source] = []
    for source in itertools.chain.from_iterable(scan.sources for scan in scans):
        if source not in sources:
            sources.append(source)
    return tuple(sources)


def merged_skips(scans: Iterable[ShardScan]) -> tuple[Skipped, ...]:
    """Add up what all shards left out, by reason."""
    log = SkipLog()
    for skip in itertools.chain.from_iterable(scan.skipped for scan in scans):
        log.extend(skip)
    return log.result()


def too_many(uri: str, limit: int) -> LimitExceeded:
    """Build the error for a reference with more entries than allowed."""
    return LimitExceeded(
        f"{uri} holds more objects than allowed; nothing was stored",
        subject=uri,
        expected=f"at most {limit:,}",
        found=f"at least {limit + 1:,}",
        hint="Give max_objects= (or --max-objects, LANDFAST_MAX_OBJECTS); landfast.UNLIMITED lifts the limit.",
        limit=limit,
    )
