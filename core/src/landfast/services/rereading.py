"""Read recorded bytes again and compare them with their token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from landfast.errors import NotFound, ObjectChanged
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.verdict import Verdict
from landfast.services.judging import Finding
from landfast.stores.base import Pin, Store

_READ = frozenset({Verdict.INTACT, Verdict.MOVED, Verdict.OVERWRITTEN, Verdict.DELETED})


def reread(entry: ManifestEntry, location: Location, finding: Finding, store: Store) -> Finding:
    """Correct a finding by the bytes themselves.

    Tokens that can be computed (sha256, md5, crc32c) are compared; of an opaque one only the
    recorded version's size and that it can be read to its end are seen.

    Args:
        entry: As recorded.
        location: Where it lies.
        finding: What a listing said.
        store: Reads.
    """
    is_unknown = finding.verdict is Verdict.UNVERIFIABLE and _algorithm(entry.checksum) is not None
    if finding.verdict not in _READ and not is_unknown:
        return finding
    try:
        with store.open(_pin(entry, location, finding)) as reader:
            size, found = _digest(reader, entry.checksum)
    except ObjectChanged as error:
        return Finding(verdict=Verdict.CHANGED, row=finding.row, detail=str(error))
    except NotFound as error:
        return Finding(verdict=Verdict.GONE, detail=str(error))
    return _compare(entry, finding, size, found)


def _compare(entry: ManifestEntry, finding: Finding, size: int, found: str | None) -> Finding:
    token = entry.checksum
    if entry.size is not None and size != entry.size:
        detail = f"{size} bytes were read, {entry.size} are recorded."
        return Finding(verdict=Verdict.CHANGED, row=finding.row, detail=detail)
    if found is not None and token is not None and found != token.value:
        detail = f"The bytes that were read have {token.algorithm}:{found}."
        return Finding(verdict=Verdict.CHANGED, row=finding.row, detail=detail)
    if finding.verdict is Verdict.UNVERIFIABLE:
        return Finding(verdict=Verdict.INTACT, row=finding.row)
    return finding


def _pin(entry: ManifestEntry, location: Location, finding: Finding) -> Pin:
    row = finding.row
    if row is not None and finding.verdict in {Verdict.MOVED, Verdict.UNVERIFIABLE}:
        return Pin(location=location, version_id=row.version_id, etag=row.etag, size=row.size)
    return Pin(
        location=location,
        version_id=entry.version_id,
        etag=entry.etag,
        size=entry.size,
        checksum=entry.checksum,
    )


def _digest(chunks: Iterable[bytes], token: Checksum | None) -> tuple[int, str | None]:
    make = _algorithm(token)
    digest = None if make is None else make()
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if digest is not None:
            digest.update(chunk)
    return size, None if digest is None else digest.digest().hex()


def _algorithm(token: Checksum | None) -> Callable[[], Any] | None:
    if token is None:
        return None
    if token.algorithm == "crc32c":
        import google_crc32c

        return google_crc32c.Checksum
    known: dict[str, Callable[[], Any]] = {"sha256": hashlib.sha256, "md5": _md5}
    return known.get(token.algorithm)


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)
