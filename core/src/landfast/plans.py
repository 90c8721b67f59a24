"""Plans: count what recording a place would ask for; it is listed, and nothing is read, hashed or logged."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.context import Context
from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound
from landfast.manifests.base import Manifest
from landfast.model.manifest import ManifestEntry
from landfast.model.names import ArtifactName
from landfast.model.reference import Reference
from landfast.model.storage.plan import Plan, PlanDraft
from landfast.scans import latest_manifest
from landfast.stores.base import Capabilities
from landfast.stores.cost import CostlyStat

if TYPE_CHECKING:
    from landfast.scan.values import ScanPlan
    from landfast.stores.opener import Stores

_ELSEWHERE = "landfast://"
# What a plan calls the copy of a file into the registry's store.
UPLOAD = "upload"


def plan_log(
    context: Context, name: ArtifactName, references: Sequence[Reference], *, copied: bool = False
) -> Plan:
    """Count what logging references would ask of their stores, beside the latest version of `name`.

    Args:
        context: Has the stores.
        name: Of the collection and partition.
        references: What would be logged.
        copied: Whether files of this machine would be copied, and not referred to.

    Raises:
        InvalidInput: If a reference cannot be one.
    """
    draft = PlanDraft("log", str(name.bare()))
    latest = latest_manifest(context, name)
    for reference in references:
        try:
            if copied:
                _count_copies(draft, context, reference)
            elif not (reference.uri or "").startswith(_ELSEWHERE):
                _Logging(draft, context, latest).count(reference)
        except InvalidInput:
            raise
        except LandfastError as error:
            permission = error.details.get("permission")
            is_denied = isinstance(error, AccessDenied)
            draft.blame(
                error.problem, permission=permission if is_denied else None, hint=error.hint or ""
            )
    return draft.plan()


class _Logging:
    """Counts for one reference at a time."""

    def __init__(self, draft: PlanDraft, context: Context, latest: Manifest | None) -> None:
        self._draft = draft
        self._latest = latest
        self._max_objects = context.settings.max_objects
        self._stores: Stores = context.stores.counting(draft.sent_as_planned)

    def count(self, reference: Reference) -> None:
        """Look at a reference as a scan does, by lists, and count what the scan would ask for beyond them."""
        from landfast.scan.plan import plan

        location = reference.location
        store = self._stores.at(location, reference.options)
        able = store.capabilities()
        if isinstance(store, CostlyStat) and store.has_stat_cost:
            self._count_stat(store, reference, able)
            return
        # A kind that lists do not carry is counted, and not asked for; nor are files of this machine hashed.
        asks = reference.kind in able.stat_checksums
        light = replace(reference, checksum=None) if asks else reference
        light = replace(light, checksum=False) if able.in_place else light
        scan = plan(light, self._stores, max_objects=self._max_objects)
        for entry in self._scanned(scan):
            self._count_entry(entry, reference, able, asks=asks and not scan.is_object)

    def _count_stat(self, store: CostlyStat, reference: Reference, able: Capabilities) -> None:
        cost = store.stat_cost(reference.location, reference.kind)
        self._draft.touch(1)
        if cost.reads:
            self._draft.add(able.operations.read, size=cost.size or 0, objects=0)

    def _scanned(self, scan: ScanPlan) -> Iterator[ManifestEntry]:
        from landfast.manifests.reader import ManifestFile
        from landfast.scan.merging import check_complete
        from landfast.scan.shard import scan_shard

        folder = Path(tempfile.mkdtemp(prefix="landfast-"))
        try:
            for shard in scan.shards:
                found = scan_shard(
                    shard, self._stores, folder / "plan.parquet", previous=lambda: self._latest
                )
                check_complete([found])
                yield from ManifestFile(found.manifest.path).entries()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _count_entry(
        self, entry: ManifestEntry, reference: Reference, able: Capabilities, *, asks: bool
    ) -> None:
        before = None if self._latest is None else _found(self._latest, entry.path)
        if before is not None and _is_as_before(entry, before, reference if asks else None):
            self._draft.done()
        elif asks and reference.kind in able.read_checksums:
            self._draft.add(able.operations.read, size=entry.size or 0)
        elif asks:
            self._draft.add(able.operations.stat)
        else:
            self._draft.touch(1)


def _found(manifest: Manifest, path: str) -> ManifestEntry | None:
    found = next(iter(manifest.entries(path)), None)
    return found if found is not None and found.path == path else None


def _is_as_before(entry: ManifestEntry, before: ManifestEntry, asked: Reference | None) -> bool:
    """Whether an object is by its pins what was recorded, and by the checksum that would be asked for."""
    if asked is not None and (
        before.checksum is None or before.checksum.algorithm != asked.kind or entry.etag is None
    ):
        return False
    facts = [(e.uri, e.etag, e.size, e.modified_at, e.version_id) for e in (entry, before)]
    return facts[0] == facts[1]


def _count_copies(draft: PlanDraft, context: Context, reference: Reference) -> None:
    """Count the files that the registry's store does not have; to know them they are hashed."""
    from landfast.scans import scan

    sizes: dict[str, int] = {}
    for entry in scan(context, reference).entries():
        assert entry.checksum is not None
        if entry.checksum.value in sizes:
            draft.done()
        sizes[entry.checksum.value] = entry.size or 0
    known: dict[str, int] = {}
    with suppress(NotFound):  # the first log makes the registry
        known = context.registry.known_blobs(list(sizes))
    for sha256, size in sizes.items():
        if sha256 in known:
            draft.done()
        else:
            draft.add(UPLOAD, size=size)
