"""One file of a version: as a stream of verified bytes, or in place."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING

from landfast.download.fetch import Transfer
from landfast.download.replies import check_time
from landfast.errors import InvalidInput, LandfastError, NotFound, ObjectChanged
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.pins.checksums import Proof
from landfast.pins.sets import Candidate, PinSets
from landfast.system.disk_errors import disk_errors
from landfast.system.open_folder import OpenFolder

if TYPE_CHECKING:
    from landfast.cache.blob_cache import BlobCache
    from landfast.download.blocks import Ranges


def open_entry(
    pins: PinSets, entry: ManifestEntry, *, cache: BlobCache | None, ranges: Ranges | None = None
) -> IO[bytes]:
    """Open an entry of the newest manifest; its bytes are verified before the first is returned.

    They come into a file without a name, on the disk of the cache if there is one, which goes when
    the stream is closed.  `ranges` says how large objects are read.

    Raises:
        NotFound: If no pin leads to an object.
        ObjectChanged: If the recorded bytes are neither at the source nor in the cache.
        AccessDenied: If they may not be read.
        Unavailable: If the source does not answer, or the disk is full.
    """
    home = None if cache is None else cache.scratch()
    with (
        tempfile.TemporaryDirectory(prefix="landfast-", dir=home) as path,
        OpenFolder.of(Path(path)) as folder,
        closing(Transfer(pins, cache, ranges=ranges)) as transfer,
    ):
        arrived = transfer.bring(entry, folder)
        try:
            stream = os.fdopen(os.dup(arrived.part.handle), "rb")
        finally:
            arrived.part.close()
        stream.seek(0)
        return stream


def path_in_place(pins: PinSets, entry: ManifestEntry) -> Path:
    """Return where an entry's file lies on this machine, its bytes verified; raises what `Client.path` does."""
    refused: LandfastError | None = None
    for candidate in pins.candidates(entry):
        path = candidate.store.path(Location.parse(candidate.entry.uri, pins=False))
        if path is None:
            continue
        try:
            _check(candidate, path)
        except (NotFound, ObjectChanged) as error:
            refused = refused or error
        else:
            return path
    raise refused or InvalidInput(
        f"{entry.uri} is no file on this machine",
        subject=entry.uri,
        hint="Use download() or open(path), which bring the bytes here.",
    )


def _check(candidate: Candidate, path: Path) -> None:
    with candidate.store.open(candidate.pin) as reader:
        check_time(candidate.entry, reader.info)
    proof = Proof(candidate.entry)
    with disk_errors(path, "read"):
        proof.restart(path, path.stat().st_size)
    proof.check()
