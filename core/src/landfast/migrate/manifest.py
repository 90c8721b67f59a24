"""Foreign rows as a sorted manifest: in columns, in bounded memory, with what cannot come over told by path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from landfast.errors import InvalidInput
from landfast.manifests.batch import EntryBatch, in_batches, joined
from landfast.manifests.held import HELD, HeldManifest
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.merge import distinct, merge_manifests
from landfast.manifests.reader import ManifestFile
from landfast.manifests.table_file import WrittenManifest
from landfast.manifests.writer import ManifestWriter
from landfast.migrate.base import PeerVersion
from landfast.migrate.sources import SourceBuilder
from landfast.model.imports import LeftOut
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Skipped, Source

# Sorted in memory at once; what came in order is read one after the other when it is merged.
_ROWS_PER_RUN = 131_072
_TOLD = 100
_EXAMPLES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerManifest:
    """The entries of a foreign version as a manifest, where they lie, and what could not be read as one."""

    manifest: WrittenManifest | HeldManifest
    sources: tuple[Source, ...]
    left_out: tuple[LeftOut, ...]
    left_out_count: int
    skipped: tuple[Skipped, ...]


@dataclass(slots=True)
class _Refused:
    """Entries that cannot come over: the first by path, all of them by reason."""

    first: list[LeftOut] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, error: InvalidInput) -> None:
        path = error.subject or "?"
        if len(self.first) < _TOLD:
            self.first.append(LeftOut(path=path, reason=str(error)))
        # Of facts that are wrong each has its own text, so they are counted as one kind.
        reason = "cannot be read" if error.expected or error.found else error.problem
        self.reasons[reason] += 1
        shown = self.examples.setdefault(reason, [])
        if len(shown) < _EXAMPLES:
            shown.append(path)

    def skipped(self) -> tuple[Skipped, ...]:
        return tuple(
            Skipped(reason=reason, count=count, examples=tuple(self.examples[reason]))
            for reason, count in sorted(self.reasons.items())
        )


def read_manifest(version: PeerVersion, folder: Path) -> PeerManifest:
    """Read the entries of a foreign version into a manifest; a large one is a file of the folder.

    Raises:
        InvalidInput: If its file is no such file, or of a version that nobody here knows.
        Conflict: If it has two different entries of one path, or is damaged.
    """
    refused, sources = _Refused(), SourceBuilder(version.endpoint)
    batches = in_batches(_entries(version, refused, sources))
    runs = _runs(batches, folder)
    manifest = _merged(runs, folder)
    return PeerManifest(
        manifest=manifest,
        sources=sources.build(),
        left_out=tuple(refused.first),
        left_out_count=sum(refused.reasons.values()),
        skipped=refused.skipped(),
    )


def _entries(
    version: PeerVersion, refused: _Refused, sources: SourceBuilder
) -> Iterator[ManifestEntry]:
    for row in version.rows():
        try:
            entry = version.read(row)
        except InvalidInput as error:
            refused.add(error)
        else:
            yield sources.add(entry)


def _runs(batches: Iterable[EntryBatch], folder: Path) -> list[EntryBatch | Path]:
    """Sort rows in portions; all but the last portion lie in files."""
    runs: list[EntryBatch | Path] = []
    held: list[EntryBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= _ROWS_PER_RUN:
            runs.append(_written([_sorted(held)], folder / f"run-{len(runs)}.parquet").path)
            held = []
    return [*runs, _sorted(held)]


def _sorted(batches: list[EntryBatch]) -> EntryBatch:
    import pyarrow.compute as pc

    rows = joined(batches)
    return distinct(rows.take(pc.array_sort_indices(rows.paths)))


def _merged(runs: list[EntryBatch | Path], folder: Path) -> WrittenManifest | HeldManifest:
    target = folder / "manifest.parquet"
    *files, last = runs
    assert isinstance(last, EntryBatch)
    held = MemoryManifest.of_batches([last])
    if not files:
        if len(last) <= HELD:
            return HeldManifest(held, lambda: target)
        return _written([last], target)
    parts = [ManifestFile(path) for path in files if isinstance(path, Path)]
    written = _written(merge_manifests([*parts, held]), target)
    for part in parts:
        part.path.unlink(missing_ok=True)
    return written


def _written(batches: Iterable[EntryBatch], path: Path) -> WrittenManifest:
    with ManifestWriter(path) as writer:
        for batch in batches:
            writer.add_batch(batch)
        return writer.finish()
