"""Mending: find manifests that the store lost or damaged when their content is logged again, and store them again.

What is looked at is cheap.  In a folder the file is hashed: a log has just hashed as many bytes.  In a bucket its
description is compared with the same manifest as it is made today, or else its end is read, where the footer names
both digests; of many manifests presence and size are taken from list pages.  What only reading the whole would show,
`check_registry(deep=True)` finds.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from landfast.blobs.base import BlobStore
from landfast.errors import NotFound, Unavailable
from landfast.manifests.held import HeldManifest
from landfast.manifests.table_file import WrittenManifest
from landfast.model.manifest import ManifestSummary
from landfast.publish.upload import upload
from landfast.registry.registry import Registry
from landfast.registry.values import BlobNeeded, LogOutcome, LogRequest
from landfast.system.disk_errors import disk_errors

# The footer of a manifest names its digests behind all that grows with the rows.
_TAIL_BYTES = 32 * 1024
_MAGIC = b"PAR1"
# From so many manifests on, a page of a listing is worth looking for each so many of them.
_MANY = 20
_PAGE = 1_000
_WORKERS = 8
_TRIES = 5


def manifests_of(
    registry: Registry, outcome: LogOutcome, request: LogRequest
) -> dict[str, ManifestSummary]:
    """Return the blobs that a log answers: the version's own manifest, and the one of the pins that were found."""
    record, summary = outcome.version, request.summary
    named = {record.blob: record.summary}
    if summary.pin_digest != record.summary.pin_digest:
        sets = registry.pin_sets(record.id)
        named |= {pins.blob: summary for pins in sets if pins.pin_digest == summary.pin_digest}
    return named


def lost_manifests(
    registry: Registry,
    blobs: BlobStore,
    wanted: Mapping[str, ManifestSummary],
    found: WrittenManifest | HeldManifest | None = None,
    *,
    bases: Mapping[str, Sequence[str]] | None = None,
) -> set[str]:
    """Return those manifest blobs that are not there, or not what they were, as far as a cheap look tells.

    A delta is lost too where something that it stands on is.

    Args:
        registry: Knows what stands on what.
        blobs: The store.
        wanted: What the footer of each blob says.
        found: What was logged, perhaps the same bytes as one of them.
        bases: What those that are deltas stand on; None asks the registry.
    """
    if bases is None:
        bases = registry.manifest_bases(wanted)
    below = dict.fromkeys(base for every in bases.values() for base in every)
    lost = _lost(registry, blobs, {**below, **wanted}, found)
    return {blob for blob in wanted if blob in lost or not lost.isdisjoint(bases.get(blob, ()))}


def _lost(
    registry: Registry,
    blobs: BlobStore,
    wanted: Mapping[str, ManifestSummary | None],
    found: WrittenManifest | HeldManifest | None,
) -> set[str]:
    if len(wanted) < _MANY or blobs.url.startswith("file:"):
        return {blob for blob in wanted if not _is_readable(blobs, blob, wanted[blob], found)}
    sizes = registry.known_blobs(list(wanted))
    there: dict[str, int] = {}
    for info in itertools.islice(blobs.list(), _PAGE * (len(wanted) // _MANY)):
        if info.sha256 in wanted:
            there[info.sha256] = info.size
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="landfast-look") as pool:
        described = pool.map(blobs.stat, [blob for blob in wanted if blob not in there])
        there |= {info.sha256: info.size for info in described if info is not None}
    return {
        blob for blob in wanted if blob not in there or there[blob] != sizes.get(blob, there[blob])
    }


def _is_readable(
    blobs: BlobStore,
    blob: str,
    summary: ManifestSummary | None,
    found: WrittenManifest | HeldManifest | None,
) -> bool:
    if found is not None and found.is_cheap and found.sha256 == blob:
        return blobs.holds(blob, found.path)
    try:
        path = blobs.path(blob)
        if path is not None:
            return sha256_of(path) == blob
        info = blobs.stat(blob)
        if info is None:
            return False
        tail = b"".join(blobs.open(blob, start=max(0, info.size - _TAIL_BYTES)))
    except NotFound:
        return False
    said = (summary.digest, summary.pin_digest) if summary else ()
    digests = [text.encode() for text in said]
    return tail.endswith(_MAGIC) and all(digest in tail for digest in digests)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with disk_errors(path, "read"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mend(
    registry: Registry,
    blobs: BlobStore,
    outcome: LogOutcome,
    request: LogRequest,
    manifest: WrittenManifest | HeldManifest,
    lost: Collection[str],
) -> LogOutcome:
    """Store a manifest again in place of lost ones of the same content.

    The same rows may make other bytes today (a newer pyarrow, other times), and lost pins cannot be had
    again: then the version names the new manifest instead.
    """
    for _ in range(_TRIES):
        upload(registry, blobs, manifest.path, manifest.sha256, manifest.size)
        if set(lost) == {manifest.sha256}:
            return outcome
        try:
            named = replace(request, blob=manifest.sha256, bases=())
            return replace(outcome, version=registry.mend_manifest(outcome.version.id, lost, named))
        except BlobNeeded:
            continue
    raise collected_again(request, "stored")


def collected_again(request: LogRequest, doing: str) -> Unavailable:
    """Build the error for a manifest that garbage collection takes whenever it is stored."""
    return Unavailable(
        f"the manifest of {request.name} was garbage-collected several times while it was being {doing}",
        subject=str(request.name),
        hint="Give `landfast gc` a longer grace period.",
    )
