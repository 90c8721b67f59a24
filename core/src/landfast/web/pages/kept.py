"""Kept: what keeps the bytes of versions where they are: holds and copies, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from landfast.model.storage.holds import HoldRecord, VersionHolds
from landfast.model.version import VersionRecord
from landfast.model.version_facts import VersionFacts
from landfast.registry.registry import Registry
from landfast.version import ArtifactVersion

# Copies of a version that has more files are not counted while somebody waits for its page.
_COUNTED = 100_000


def rows_of_versions(
    registry: Registry, records: Iterable[VersionRecord | None]
) -> list[dict[str, Any] | None]:
    """Describe versions for a list, each with its hold: one question for all of them; None stays None."""
    listed = list(records)
    ids = [record.id for record in listed if record is not None]
    holds = registry.holds.of_versions(ids) if ids else {}
    return [
        None
        if record is None
        else {**VersionFacts(record).to_dict(), "held": _badge(holds.get(record.id, ()))}
        for record in listed
    ]


def _badge(records: Iterable[HoldRecord]) -> dict[str, Any] | None:
    """Say in a word how a version is held, and in whose name; None if nobody wants it held."""
    holds = VersionHolds(records=tuple(records))
    if not holds.records:
        return None
    return {"state": holds.state, "by": [holder_words(each.holder) for each in holds.records]}


def holder_words(holder: str) -> str:
    """Say in whose name a version is held."""
    kind, _, name = holder.partition(":")
    if not holder:
        return "by hand"
    if kind == "alias" and name:
        return f"while the alias {name} names it"
    if kind == "rule" and name:
        return f"by the rule {name}"
    return "since it was logged" if holder == "log" else f"in the name of {holder}"


def holds_of(found: ArtifactVersion) -> Mapping[str, Any]:
    """Return who has a version held, and how many of its object versions are."""
    holds, context = found.holds, found.context
    own = (
        context.registry.holds.count_below(found.record.id, context.blobs.url)
        if holds.objects
        else 0
    )
    facts = holds.to_dict()
    for said, record in zip(facts["holds"], holds.records, strict=True):
        said["words"] = holder_words(record.holder)
    return {**facts, "own_store": own}


def copies_of(found: ArtifactVersion) -> Mapping[str, Any] | None:
    """Return what of a version is copied into the registry's store; None if nothing is."""
    copied = found.copied_files(most=_COUNTED)
    return None if copied is None else copied.to_dict()
