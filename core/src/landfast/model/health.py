"""RegistryCheck: whether the store still has every blob that a registry's live versions need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from landfast.model.names import ArtifactName
from landfast.model.storage.hold_check import HoldProblem

EXIT_UNSOUND = 6


class BlobKind(StrEnum):
    """What a blob is for."""

    MANIFEST = "manifest"
    FILE = "file"


class BlobVerdict(StrEnum):
    """How a blob stands."""

    INTACT = "intact"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededManifest:
    """A manifest, by the sha256 of its blob, that a pin set of a live version names.

    Args:
        blob: Its sha256.
        size: Bytes, as its writer said; None if nobody knows.
        version: The version.
        pin_set: Id of the pin set, for the order among equal blobs.
        holds_files: Whether entries are files of the registry's store.
    """

    blob: str
    size: int | None
    version: ArtifactName
    pin_set: int
    holds_files: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobProblem:
    """A blob that is lost or damaged, and a version that needs it; `needed_by` counts the pin sets that do.

    The path is that of an entry, where the blob is a file.
    """

    kind: BlobKind
    verdict: BlobVerdict
    sha256: str
    version: str
    needed_by: int = 1
    path: str | None = None
    detail: str = ""

    @property
    def mend(self) -> str:
        """What to do about it."""
        if self.kind is BlobKind.FILE:
            return (
                "Put the same file again, which stores it again; or restore the blob from a backup."
            )
        again = (
            "Log the same content again, which stores it again; or restore the blob from a backup."
        )
        if self.verdict is BlobVerdict.DAMAGED:
            return f"{again} In a bucket delete it first: not all damage shows without reading it."
        restored = "If the database was restored from before a `landfast gc`, restore the store of that time as well."
        return f"{again} {restored}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryCheck:
    """The result of a check of a registry's store.

    Args:
        registry: URL of the registry, without secrets.
        store: URL of its store.
        deep: Whether the bytes were read again.
        counts: Number of needed blobs with each verdict, by kind.
        problems: The first lost or damaged blobs, at most 1,000.
        label: Reason why the store does not belong to this registry; empty if it does.
        holds: Problems with holds, at most 1,000.

    Example:
        >>> RegistryCheck(registry="sqlite:///r.db", store="file:///r.blobs", deep=False).summary
        'no blobs are needed'
    """

    registry: str
    store: str
    deep: bool
    counts: Mapping[BlobKind, Mapping[BlobVerdict, int]] = field(default_factory=dict)
    problems: tuple[BlobProblem, ...] = ()
    label: str = ""
    holds: tuple[HoldProblem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no blob is lost or damaged, all holds are in place, and the store belongs to this registry."""
        is_unheld = any(problem.is_loss for problem in self.holds)
        return not (self.problems or self.label or is_unheld)

    @property
    def exit_code(self) -> int:
        """0 if `ok`, else 6."""
        return 0 if self.ok else EXIT_UNSOUND

    @property
    def summary(self) -> str:
        """One line: ``3 manifests intact, 1 file missing``."""
        parts = [
            f"{count:,} {kind}{'' if count == 1 else 's'} {verdict}"
            for kind, verdicts in self.counts.items()
            for verdict, count in verdicts.items()
            if count
        ]
        return ", ".join(parts) or "no blobs are needed"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "registry": self.registry,
            "store": self.store,
            "deep": self.deep,
            "ok": self.ok,
            "exit_code": self.exit_code,
            "summary": self.summary,
            "label": self.label,
            "counts": {
                str(kind): {str(v): self.counts.get(kind, {}).get(v, 0) for v in BlobVerdict}
                for kind in BlobKind
            },
            "holds": [problem.to_dict() for problem in self.holds],
            "problems": [{**asdict(problem), "mend": problem.mend} for problem in self.problems],
        }
