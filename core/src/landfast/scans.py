"""Scans: look at places on a context, whole or in shards, or only plan to; nothing is logged."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.context import Context
from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound
from landfast.manifests.base import Manifest
from landfast.model.manifest import ManifestEntry
from landfast.model.names import ArtifactName
from landfast.model.reference import Reference
from landfast.model.storage.plan import Plan, PlanDraft
from landfast.redaction import redact
from landfast.stores.base import Capabilities
from landfast.stores.cost import CostlyStat

if TYPE_CHECKING:
    from landfast.manifests.reader import ManifestFile
    from landfast.scan.values import ScanPlan, Shard, ShardScan
    from landfast.stores.opener import Stores

_ELSEWHERE = "landfast://"

Near = str | ArtifactName | None
# Of an executor's workers: one that is done early takes another.
_SHARDS_EACH = 4


def latest_manifest(context: Context, near: Near) -> ManifestFile | None:
    """Open the latest manifest of a collection, at its newest pins; None if there is none."""
    if near is None:
        return None
    try:
        record = context.registry.get(context.resolve_name(near).bare())
    except NotFound:
        return None
    return context.open_manifest(context.registry.pin_sets(record.id)[0].blob)


def plan(
    context: Context,
    reference: Reference,
    *,
    shards: int = 1,
    near: Near = None,
    stores: Stores | None = None,
) -> ScanPlan:
    """Find out what a reference is and cut it into shards."""
    from landfast.scan.plan import plan as plan_scan

    made = plan_scan(
        reference,
        stores or context.stores,
        max_objects=context.settings.max_objects,
        shards=shards,
        previous=latest_manifest(context, near) if shards > 1 else None,
    )
    for note in made.notes:
        context.note(note)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a scan is spread; what is not said is found while it goes.

    Args:
        shards: Maximum number of key ranges that are listed at once; with an executor, the number of ranges.
        workers: How many processes of this machine list, this one included; None is the setting.
        executor: Lists them; None is this process and what it begins.
        is_alone: Whether this is all that is scanned: then more of it may stay in memory, as most of what is scanned
            again is not new, and needs no file.
    """

    shards: int = 1
    workers: int | None = None
    executor: Executor | None = None
    is_alone: bool = False


_ONE = Spread()


def scan_into(
    context: Context,
    folder: Path,
    reference: Reference,
    *,
    spread: Spread = _ONE,
    near: Near = None,
    stores: Stores | None = None,
) -> list[ShardScan]:
    """Scan a reference into manifest files in a folder; another artifact's entries are copied.

    `stores` are opened in the place of the context's, but not by an executor.
    """
    from landfast.manifests.held import HELD_BYTES
    from landfast.scan.shard import scan_shard
    from landfast.scan.spread import Breadth

    if reference.uri is not None and reference.uri.startswith("landfast://"):
        return [_copied(context, reference, _new_file(folder))]
    if spread.executor is not None:
        return scan_elsewhere(context, folder, reference, spread, near)
    stores = stores or context.stores
    (shard,) = plan(context, reference, stores=stores).shards
    return [
        scan_shard(
            shard,
            stores,
            _new_file(folder),
            previous=lambda: latest_manifest(context, near),
            breadth=Breadth.of(spread.shards, spread.workers or context.settings.workers),
            held=HELD_BYTES if spread.is_alone else 0,
        )
    ]


def scan_elsewhere(
    context: Context, folder: Path, reference: Reference, spread: Spread, near: Near
) -> list[ShardScan]:
    """Scan a reference by an executor, whose workers leave their files in the folder if they see it.

    Raises:
        LimitExceeded: If the shards that are there exceed it together; no other is begun then.
        NotFound: If a worker put its file into a store that is not this one.
    """
    from landfast.scan.merging import check_limit
    from landfast.system.executors import spread as spread_over
    from landfast.system.executors import width

    assert spread.executor is not None
    count = spread.shards if spread.shards > 1 else _SHARDS_EACH * width(spread.executor)
    shards = plan(context, reference, shards=count, near=near).shards
    work = _Elsewhere(context, None if near is None else str(context.resolve_name(near)), folder)
    found: dict[int, ShardScan] = {}
    for shard, scan in spread_over(spread.executor, work, shards):
        found[shard.number] = localise(context, scan)
        check_limit(list(found.values()))
    return [found[shard.number] for shard in shards]


class _Elsewhere:
    """Scan one shard where an executor runs it."""

    def __init__(self, context: Context, near: str | None, folder: Path) -> None:
        self._context = context
        self._near = near
        self._folder = folder
        self._mark = uuid.uuid4().hex
        (folder / self._mark).touch()

    def __call__(self, shard: Shard) -> ShardScan:
        # Only who sees the mark shares the folder: a folder of this name may be there on other machines too.
        if not (self._folder / self._mark).is_file():
            return scan_shard(self._context, shard, near=self._near)
        found = _scanned(self._context, shard, _new_file(self._folder), self._near)
        return replace(found, manifest=found.manifest.written)


def _scanned(context: Context, shard: Shard, target: Path, near: Near) -> ShardScan:
    from landfast.scan.shard import scan_shard

    return scan_shard(
        shard, context.stores, target, previous=lambda: latest_manifest(context, near)
    )


def scan(context: Context, reference: Reference, *, spread: Spread = _ONE) -> ManifestFile:
    """Return the manifest of a place; its file goes with it."""
    from landfast.manifests.reader import ManifestFile
    from landfast.scan import merging

    folder = Path(tempfile.mkdtemp(prefix="landfast-"))
    try:
        scans = scan_into(context, folder, reference, spread=spread)
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

    with tempfile.TemporaryDirectory(prefix="landfast-") as folder:
        found = _scanned(context, shard, Path(folder) / "shard.parquet", near)
        written = found.manifest.written
        upload(context.registry, context.owned_blobs, written.path, written.sha256, written.size)
    return replace(found, manifest=written)


def localise(context: Context, found: ShardScan) -> ShardScan:
    """Return a shard's result with its manifest file on this machine."""
    if found.manifest.is_here:
        return found
    written = found.manifest.written
    try:
        path = context.blob_path(written.sha256)
    except NotFound as error:
        url = context.blobs.url
        raise NotFound(
            "what a worker found is not in the registry's store here",
            subject=written.sha256,
            expected=f"in {redact(url)}",
            found="nothing of this name",
            hint="Workers on other machines need a store that all of them reach: s3://, gs://, or a folder that is"
            " mounted everywhere (landfast registry init URL --store URL).",
        ) from error
    return replace(found, manifest=replace(written, path=path))


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
