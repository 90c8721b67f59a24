"""Scanning: look at a place without logging it, whole or in shards."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landfast.client.reading import Reading
from landfast.model.names import ArtifactName
from landfast.model.reference import Reference
from landfast.version import Named

if TYPE_CHECKING:
    from landfast.manifests.reader import ManifestFile
    from landfast.scan.merging import ShardScan
    from landfast.scan.plan import ScanPlan, Shard


class Scanning(Reading):
    """The scan verbs of a client."""

    def probe(self, reference: str | Path | Reference, **scan: Any) -> str:
        """Return the content digest of a place, without logging it.

        Args:
            reference: As in `log`.
            scan: As in `Artifact.add_reference`.
        """
        return self.scan(reference, **scan).digest

    def scan(
        self, reference: str | Path | Reference, *, shards: int = 1, **scan: Any
    ) -> ManifestFile:
        """Return the manifest of a place, without logging it; its file goes with it."""
        from landfast.manifests.reader import ManifestFile
        from landfast.scan import merging

        folder = Path(tempfile.mkdtemp(prefix="landfast-"))
        try:
            scans = self.scan_into(folder, Reference.of(reference, **scan), shards=shards)
            merging.check_complete(scans)
            merged = (
                scans[0].manifest
                if len(scans) == 1
                else merging.merge(scans, folder / "merged.parquet")
            )
            manifest = ManifestFile(merged.path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        weakref.finalize(manifest, shutil.rmtree, folder, ignore_errors=True)
        return manifest

    def plan(
        self, reference: str | Reference, *, shards: int = 1, near: Named | None = None
    ) -> ScanPlan:
        """Find out what a reference is and cut it into shards, for workers to scan.

        Args:
            reference: As in `log`.
            shards: How many key ranges to cut.
            near: A collection whose latest manifest gives even cuts.
        """
        from landfast.scan.plan import plan as plan_scan

        reference = Reference.of(reference)
        plan = plan_scan(
            reference,
            self.stores,
            max_objects=self.settings.max_objects,
            shards=shards,
            previous=self._latest_manifest(near) if shards > 1 else None,
        )
        for note in plan.notes:
            self._note(note)
        return plan

    def scan_shard(self, shard: Shard, *, near: Named | None = None) -> ShardScan:
        """Scan one shard and put its manifest into the registry's store, where `log_scans` finds it.

        The result is small and pickles, so an orchestrator can pass it on.
        """
        from landfast.publish.upload import upload
        from landfast.scan.shard import scan_shard

        with tempfile.TemporaryDirectory(prefix="landfast-") as folder:
            scan = scan_shard(
                shard,
                self.stores,
                Path(folder) / "shard.parquet",
                previous=lambda: self._latest_manifest(near),
            )
            written = scan.manifest.written
            upload(self.registry, self.owned_blobs, written.path, written.sha256, written.size)
        return replace(scan, manifest=written)

    def localise(self, scan: ShardScan) -> ShardScan:
        """Return a shard's result with its manifest file on this machine."""
        if scan.manifest.is_here:
            return scan
        written = scan.manifest.written
        return replace(scan, manifest=replace(written, path=self.blob_path(written.sha256)))

    def open_scan(self, scan: ShardScan) -> ManifestFile:
        """Open what a shard found."""
        from landfast.manifests.reader import ManifestFile

        return ManifestFile(self.localise(scan).manifest.path)

    def scan_into(
        self,
        folder: Path,
        reference: Reference,
        *,
        shards: int = 1,
        near: ArtifactName | None = None,
    ) -> list[ShardScan]:
        """Scan a reference into manifest files in a folder; another artifact's entries are copied."""
        from landfast.scan.shard import scan_shard

        if reference.uri is not None and reference.uri.startswith("landfast://"):
            return [self._adopt(reference, folder / f"{uuid.uuid4().hex}.parquet")]
        plan = self.plan(reference, shards=shards, near=near)
        return [
            scan_shard(
                shard,
                self.stores,
                folder / f"{uuid.uuid4().hex}.parquet",
                previous=lambda: self._latest_manifest(near),
            )
            for shard in plan.shards
        ]

    def scan_folders(self, folder: Path, references: Sequence[Reference]) -> list[ShardScan]:
        """Scan several places into manifest files in a folder, for `log_scans`.

        Folders that lie side by side in a bucket, such as the partitions of a data set, are scanned
        with one listing; others one by one.

        Args:
            folder: Takes the files.
            references: The places.

        Returns:
            One result for each, in order; a place without objects gives an empty one, which
            `log_scans` refuses unless the reference says ``allow_empty=True``.

        Raises:
            LimitExceeded: If one holds more than its limit.
        """
        from landfast.scan.siblings import lie_together, scan_together

        if not lie_together(references, self.stores):
            return [self._scan_or_empty(folder, reference) for reference in references]
        scans, notes = scan_together(
            references, self.stores, folder, max_objects=self.settings.max_objects
        )
        for note in notes:
            self._note(note)
        return scans

    def _scan_or_empty(self, folder: Path, reference: Reference) -> ShardScan:
        (scan,) = self.scan_into(folder, replace(reference, allow_empty=True))
        return replace(scan, allow_empty=reference.allow_empty)

    def _adopt(self, reference: Reference, target: Path) -> ShardScan:
        from landfast.scan.copy_version import adopt

        assert reference.uri is not None
        record = self.registry.get(self.name(reference.uri))
        newest = self.registry.pin_sets(record.id)[0]
        return adopt(
            reference,
            replace(record, sources=newest.sources or record.sources),
            self.open_manifest(newest.blob),
            target,
            max_objects=self.settings.max_objects,
        )
