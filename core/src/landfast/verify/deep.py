"""Read recorded bytes again and compare them with their token, as a download would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from landfast.errors import AccessDenied, LandfastError, NotFound, ObjectChanged, Unavailable
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.model.verdict import Verdict
from landfast.pins.checksums import Outcome, Proof
from landfast.pins.sets import readings
from landfast.pins.sources import Places
from landfast.pins.verdicts import Finding
from landfast.stores.base import Reader, Store

if TYPE_CHECKING:
    from landfast.stores.opener import Stores

_READ = frozenset({Verdict.INTACT, Verdict.MOVED, Verdict.OVERWRITTEN, Verdict.DELETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rereading:
    """Rereads entries where an executor runs it.

    Args:
        stores: Makes the stores there; pickles, without secrets.
        sources: What the entries were scanned from.
        any_endpoint: Whether another endpoint than the recorded one may be asked.
    """

    stores: Callable[[], Stores]
    sources: Sequence[Source]
    any_endpoint: bool

    def __call__(
        self, found: Sequence[tuple[ManifestEntry, Finding]]
    ) -> list[Finding | AccessDenied]:
        """Correct findings; one that may not be read is its error."""
        places = Places(self.sources, self.stores(), any_endpoint=self.any_endpoint)
        return [self._one(places, entry, finding) for entry, finding in found]

    def _one(
        self, places: Places, entry: ManifestEntry, finding: Finding
    ) -> Finding | AccessDenied:
        try:
            return reread(entry, finding, places.store_of(entry))
        except AccessDenied as error:
            return error


def will_read(entry: ManifestEntry, finding: Finding) -> bool:
    """Tell whether bytes are there to be read again."""
    is_unknown = finding.verdict is Verdict.UNVERIFIABLE and Proof(entry).digest is not None
    return finding.verdict in _READ or is_unknown


def reread(entry: ManifestEntry, finding: Finding, store: Store) -> Finding:
    """Correct a finding of a listing by the bytes themselves.

    Every token that can be computed is compared; of an opaque one only the size is seen, and that the
    object can be read to its end.

    Raises:
        AccessDenied: If the bytes may not be read.
    """
    if not will_read(entry, finding):
        return finding
    refused: LandfastError | None = None
    for candidate in readings(entry, store):
        proof = Proof(entry)
        try:
            with store.open(candidate.pin) as reader:
                candidate.check(reader.info)
                proof.hear(reader.info)
                _take(entry, reader, proof)
        except (AccessDenied, NotFound, ObjectChanged) as error:
            refused = refused or error
        else:
            return _compare(entry, finding, proof)
    if isinstance(refused, AccessDenied):
        raise refused
    verdict = Verdict.GONE if isinstance(refused, NotFound) else Verdict.CHANGED
    return Finding(verdict=verdict, row=finding.row, detail=str(refused))


def _take(entry: ManifestEntry, reader: Reader, proof: Proof) -> None:
    """Read to the end, or to the first byte beyond the recorded size."""
    try:
        for chunk in reader:
            proof.update(chunk)
            if entry.size is not None and proof.count > entry.size:
                return
    except Unavailable:
        # A provider's library may refuse a body after its last byte, for another checksum.
        if proof.count != reader.info.size:
            raise


def _compare(entry: ManifestEntry, finding: Finding, proof: Proof) -> Finding:
    outcome = proof.outcome()
    if outcome is Outcome.WRONG:
        is_more = entry.size is not None and proof.count > entry.size
        read = f"more than {entry.size}" if is_more else f"{proof.count}"
        detail = f"{read} bytes were read, {entry.size} are recorded."
        if proof.count == entry.size:
            detail = f"The bytes that were read have {proof.digest}."
        return Finding(verdict=Verdict.CHANGED, row=finding.row, detail=detail)
    if finding.verdict is Verdict.UNVERIFIABLE and outcome is Outcome.PROVEN:
        return Finding(verdict=Verdict.INTACT, row=finding.row)
    return finding
