"""Collect garbage: delete the blobs that nothing needs, beside writers that go on writing.

Blobs are condemned in the registry, then their bytes are deleted, then their rows are forgotten; killed
in between, the next run goes on.  docs/adr/0011-garbage-collection.md says why no live blob is ever lost.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from landfast.blobs.base import BlobStore, HoldingStore
from landfast.errors import NotFound
from landfast.manifests.base import Manifest
from landfast.model.blob_uri import SOURCE, holds_files, sha256_of
from landfast.model.garbage import BlobCount, GarbageReport
from landfast.model.version import VersionRecord
from landfast.registry.registry import Registry

T = TypeVar("T")

OpenManifest = Callable[[VersionRecord], Manifest]

DEFAULT_GRACE = timedelta(days=1)
# So many names are held in memory while manifests are read.
_PORTION = 100_000
_WORKERS = 8
# At most so many are condemned at a time; fewer while the store is slow.
_MAX_BATCH = 512
_EXAMPLES = 10
# Later than any clock of a registry says that it is.
_LONG = timedelta(days=1)


def collect_garbage(
    registry: Registry,
    blobs: BlobStore,
    open_manifest: OpenManifest,
    *,
    grace: timedelta = DEFAULT_GRACE,
    dry_run: bool = True,
    now: datetime | None = None,
    expire: bool = True,
    orphans: bool = True,
    orphans_since: datetime | None = None,
    release: Callable[[], int] = lambda: 0,
) -> GarbageReport:
    """Delete blobs that no live or restorable version names and that are older than `grace`; tell which.

    May be killed and repeated at any time, and run beside writers and beside another collection.

    Args:
        registry: What is needed.
        blobs: The registry's own blob store; no other registry may share it.
        open_manifest: Opens the manifest that a version record names.
        grace: How long a deleted version can be restored, and the longest time that the upload of one
            log's managed files may take.
        dry_run: Whether only to report.
        now: The moment to count from; None is the present.
        expire: Whether to delete versions past their time to live first; aliased ones are spared.
        orphans: Whether to look for blobs that the registry does not know.
        release: Releases what ended holds held, so that their blobs can be deleted; not called when only reporting.
        orphans_since: Leave those alone that were written before.

    Raises:
        NotFound: If the manifest of a version with managed files is missing: nothing is deleted then.
        Unavailable: If the registry or the store did not answer.
    """
    older_than = (now or datetime.now(UTC)) - grace
    expired = registry.expire(now, dry_run=dry_run) if expire else []
    released = 0 if dry_run else release()
    run = _Collection(registry, blobs, open_manifest, older_than, dry_run=dry_run)
    run.sweep()
    if orphans:
        run.adopt_orphans(orphans_since)
    return GarbageReport(
        dry_run=dry_run,
        older_than=older_than,
        expired=tuple(expired),
        deleted=run.deleted.result(),
        kept=run.kept.result(),
        left=run.left.result(),
        held_blobs=run.held.result(),
        held_by=run.held_by,
        orphans=run.orphans.result(),
        released=released,
    )


@dataclass(slots=True)
class _Counter:
    count: int = 0
    size: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, sha256: str, size: int) -> None:
        self.count += 1
        self.size += size
        if len(self.examples) < _EXAMPLES:
            self.examples.append(sha256)

    def result(self) -> BlobCount:
        return BlobCount(count=self.count, size=self.size, examples=tuple(self.examples))


class _Collection:
    def __init__(
        self,
        registry: Registry,
        blobs: BlobStore,
        open_manifest: OpenManifest,
        older_than: datetime,
        *,
        dry_run: bool,
    ) -> None:
        self._registry = registry
        self._blobs = blobs
        self._open_manifest = open_manifest
        self._older_than = older_than
        self._dry_run = dry_run
        self._batch = _WORKERS
        self.deleted, self.kept, self.left, self.held, self.orphans = (_Counter() for _ in range(5))
        self.held_by = ""

    def sweep(self) -> None:
        """Delete what no row and no manifest names."""
        garbage = self._registry.garbage(older_than=self._older_than)
        for portion in _batched(garbage, _PORTION):
            sizes = {row.sha256: row.size for row in portion}
            for sha256 in self._named(sizes.keys()):
                self.kept.add(sha256, sizes.pop(sha256))
            names = list(sizes)
            while names:
                batch, names = names[: self._batch], names[self._batch :]
                self._delete({sha256: sizes[sha256] for sha256 in batch})

    def adopt_orphans(self, since: datetime | None) -> None:
        """Give a row to blobs without one, so that they become garbage like any other.

        Deleting them at once would race with a writer that is about to reuse the same bytes.
        """
        old = (
            info
            for info in self._blobs.list()
            if info.modified_at < self._older_than and (since is None or info.modified_at >= since)
        )
        for batch in _batched(old, 1_000):
            known = self._registry.known_blobs([info.sha256 for info in batch])
            unknown = {info.sha256: info.size for info in batch if info.sha256 not in known}
            for sha256, size in unknown.items():
                self.orphans.add(sha256, size)
            if not self._dry_run:
                self._registry.record_blobs(unknown)

    def _named(self, candidates: Iterable[str]) -> set[str]:
        """Return the candidates that a version names as a managed file."""
        wanted = set(candidates)
        found: set[str] = set()
        if not wanted:
            return found
        kept = self._registry.containing(SOURCE, deleted_since=self._older_than)
        for version in kept:
            for manifest in self._manifests(version):
                for batch in manifest.batches():
                    uris = batch.columns["uri"].to_pylist()
                    found |= wanted.intersection(map(sha256_of, uris))
        return found

    def _manifests(self, version: VersionRecord) -> Iterator[Manifest]:
        """Yield the manifests of every pin set of a version that still has to be kept."""
        for pins in self._registry.pin_sets(version.id):
            if not holds_files(pins.sources):
                continue
            try:
                yield self._open_manifest(replace(version, blob=pins.blob, sources=pins.sources))
            except NotFound:
                if not self._was_collected(version, pins.blob):
                    raise

    def _was_collected(self, version: VersionRecord, blob: str) -> bool:
        """Tell whether a manifest is missing because another collection took it since it was listed.

        One that began later, or grants less grace, may take what this one would still have kept.
        """
        record = self._registry.get(version.name.bare().at(version.index), deleted=True)
        if record.deleted_at is None:
            return False
        condemned = self._registry.garbage(older_than=datetime.now(UTC) + _LONG)
        return (
            record.deleted_at < self._older_than
            or any(row.sha256 == blob and row.condemned_at is not None for row in condemned)
            or blob not in self._registry.known_blobs([blob])
        )

    def _delete(self, sizes: dict[str, int]) -> None:
        """Condemn, delete and forget one batch."""
        if self._dry_run:
            for sha256, size in sizes.items():
                self.deleted.add(sha256, size)
            return
        lease = self._registry.collection_lease.total_seconds()
        started = time.monotonic()
        condemned = self._registry.condemn(list(sizes), older_than=self._older_than)
        gone: list[str] = []
        held: set[str] = set()

        def delete(sha256: str) -> None:
            # Half of the lease is left for a request that is slow to arrive: at its end a writer may
            # have the blob again.
            if time.monotonic() < started + lease / 2:
                if why := self._remove(sha256):
                    self.held_by = self.held_by or why
                    held.add(sha256)
                else:
                    gone.append(sha256)

        try:
            with ThreadPoolExecutor(_WORKERS, thread_name_prefix="landfast-gc") as pool:
                list(pool.map(delete, condemned))
        finally:
            took = time.monotonic() - started
            if (gone or held) and took < lease * 3 / 4:
                self._registry.forget_blobs(gone, sorted(held))
        self._batch = self._batch * 2 if took < lease / 8 else self._batch // 2
        self._batch = min(max(self._batch, _WORKERS), _MAX_BATCH)
        counters = dict.fromkeys(gone, self.deleted) | dict.fromkeys(held, self.held)
        for sha256 in condemned:
            counters.get(sha256, self.left).add(sha256, sizes[sha256])

    def _remove(self, sha256: str) -> str:
        """Delete a blob; return what keeps it if somebody else holds it, for its row and its bytes then stay."""
        if isinstance(self._blobs, HoldingStore):
            return self._blobs.delete_unheld(sha256)
        self._blobs.delete(sha256)
        return ""


def _batched(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
