"""Publish: make a version of a manifest, only if its content is new.

The blob comes before the row: a writer says which blob it will upload, uploads it, and only then logs.  If
it is killed in between, the blob is an orphan that garbage collection finds; no row ever names bytes that
are not there.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from landfast.blobs.base import BlobStore
from landfast.blobs.names import blob_key
from landfast.errors import LandfastError
from landfast.manifests.held import HeldManifest
from landfast.manifests.reader import ManifestFile
from landfast.manifests.table_file import WrittenManifest
from landfast.model.blob_uri import holds_files
from landfast.publish.repair import collected_again, lost_manifests, manifests_of, mend, sha256_of
from landfast.publish.retain import FindBytes, keep_managed
from landfast.publish.shrink import Previous, shrunk
from landfast.publish.upload import upload
from landfast.registry.registry import Registry
from landfast.registry.values import BlobNeeded, LogOutcome, LogRequest

# Each further try means that garbage collection condemned the blob again in between.
_TRIES = 5
# Manifests that are looked up in one transaction: nobody else writes meanwhile.
_AT_ONCE = 5_000


def publish(
    registry: Registry,
    blobs: BlobStore,
    request: LogRequest,
    manifest: WrittenManifest | HeldManifest,
    *,
    find: FindBytes = lambda _: None,
    previous: Previous = lambda: None,
) -> LogOutcome:
    """Log a manifest: a new version, or an observation of the live version with equal content.

    Unchanged content at known pins uploads nothing, unless the store lost the manifest that is answered.
    `find` tells where managed files are, for what garbage collection took before the log; `previous` returns
    the newest manifest that is logged there, of which only the difference may be stored.

    Raises:
        Conflict: If the collection has another type.
        NotFound: If a managed file was collected and its bytes are not to be had.
        Unavailable: If the blob could not be kept from garbage collection.
    """
    has_files = holds_files(request.sources)
    for turn in range(_TRIES):
        try:
            outcome = registry.log(request)
        except BlobNeeded:
            if has_files:
                keep_managed(registry, blobs, ManifestFile(manifest.path), find)
            # If what a delta stands on was collected meanwhile, the next try is one with the full file.
            found = shrunk(registry, blobs, manifest, previous) if not turn else (manifest, ())
            stored, bases = found
            upload(registry, blobs, stored.path, stored.sha256, stored.size)
            request = replace(request, blob=stored.sha256, bases=bases)
            continue
        if has_files:
            # Also where nothing was new: whoever logged this content first may not have come to it yet.
            keep_managed(registry, blobs, ManifestFile(manifest.path), find)
        if outcome.created:
            return outcome
        lost = lost_manifests(registry, blobs, manifests_of(registry, outcome, request), manifest)
        return mend(registry, blobs, outcome, request, manifest, lost) if lost else outcome
    raise collected_again(request, "logged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpublished:
    """One of many manifests to log: the arguments of `publish`."""

    request: LogRequest
    manifest: WrittenManifest | HeldManifest
    find: FindBytes
    previous: Previous = lambda: None

    @property
    def holds_files(self) -> bool:
        """Whether entries are files of the registry's store."""
        return holds_files(self.request.sources)


def publish_all(
    registry: Registry, blobs: BlobStore, many: Sequence[Unpublished]
) -> Iterator[LogOutcome | LandfastError]:
    """Log many manifests; those that change nothing in one transaction for thousands of them.

    Yields:
        What `publish` returns or raises for each, in order; the rest is tried all the same.
    """
    for start in range(0, len(many), _AT_ONCE):
        part = many[start : start + _AT_ONCE]
        # Of managed files the bytes have to be looked after, one by one.
        plain = [place for place, each in enumerate(part) if not each.holds_files]
        done = registry.log_unchanged([part[place].request for place in plain])
        outcomes = {place: each for place, each in zip(plain, done, strict=True) if each}
        named = {
            place: manifests_of(registry, outcome, part[place].request)
            for place, outcome in outcomes.items()
        }
        bases = ChainMap(*(dict(outcome.bases or {}) for outcome in outcomes.values()))
        wanted = dict(ChainMap(*named.values()))
        lost = lost_manifests(registry, blobs, wanted, bases=bases)
        for place, each in enumerate(part):
            try:
                outcome = outcomes.get(place)
                if outcome is None:
                    yield publish(
                        registry,
                        blobs,
                        each.request,
                        each.manifest,
                        find=each.find,
                        previous=each.previous,
                    )
                elif missing := lost & named[place].keys():
                    yield mend(registry, blobs, outcome, each.request, each.manifest, missing)
                else:
                    yield outcome
            except LandfastError as error:
                yield error


def copy_into(blobs: BlobStore, path: Path) -> str:
    """Store a file in a blob store that is no registry's, and return the URI of where it lies."""
    sha256 = sha256_of(path)
    # Not refreshed in age as a registry's blobs are: in a versioning bucket that makes another version.
    if not blobs.holds(sha256, path):
        blobs.put(path, sha256)
    return f"{blobs.url.rstrip('/')}/{blob_key(sha256)}"
