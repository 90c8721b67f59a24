"""ImportReport: what came over from another tool, version by version, and what could not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from landfast.model.names import ArtifactName
from landfast.model.verdict import EXIT_LOST, EXIT_OK, EXIT_UNDECIDED, Verdict

# What has lost bytes, and what nobody can tell; an overwritten object of history is neither.
_LOST = (Verdict.GONE, Verdict.CHANGED)
_UNDECIDED = (Verdict.UNVERIFIABLE, Verdict.DENIED)


class ImportState(StrEnum):
    """Result of the import for one version of the other tool."""

    NEW = "new"  # not here yet; of a dry run
    CREATED = "created"  # a new version
    RETURNED = "returned"  # its content is that of an earlier version, which has its tag now
    PRESENT = "present"  # imported before; nothing was done
    EMPTY = "empty"  # it has no entries that can come over; nothing was recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An entry that cannot come over.

    Args:
        path: Path of the entry.
        reason: One sentence.
    """

    path: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Describe what stayed behind."""
        return {"path": self.path, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedVersion:
    """One version of the other tool, and the version in Landfast that stores it.

    Args:
        theirs: Name in the other tool, such as ``acme/vision/mnist:v3``.
        name: Name in Landfast; contains the version number after it is recorded.
        state: Result of the import for this version.
        tag: Tag of the imported version in Landfast, such as ``wandb-v3``.
        aliases: Aliases that moved to the version.
        digest: The content digest.
        count: Number of entries.
        size: Bytes of all entries of the version.
        left_out: Entries that cannot be imported, at most 100 of them.
        left_out_count: Number of all entries that cannot be imported.
        notes: Notes for the user, one sentence each.
        verdicts: Number of entries with each verdict; None if the version was not verified.
    """

    theirs: str
    name: ArtifactName
    state: ImportState
    tag: str
    aliases: tuple[str, ...] = ()
    digest: str
    count: int
    size: int
    left_out: tuple[LeftOut, ...] = ()
    left_out_count: int = 0
    notes: tuple[str, ...] = ()
    verdicts: Mapping[Verdict, int] | None = None

    @property
    def verified(self) -> str:
        """One line, such as ``3 intact, 1 overwritten``; empty if the version was not verified."""
        counts = self.verdicts or {}
        return ", ".join(f"{counts[v]:,} {v}" for v in Verdict if counts.get(v))

    def has(self, *verdicts: Verdict) -> bool:
        """Return whether any entry has one of these verdicts."""
        return any((self.verdicts or {}).get(verdict) for verdict in verdicts)

    def to_dict(self) -> dict[str, Any]:
        """Describe the version and the result of its import."""
        facts: dict[str, Any] = {
            "theirs": self.theirs,
            "name": str(self.name),
            "state": str(self.state),
            "tag": self.tag,
            "aliases": list(self.aliases),
            "digest": self.digest,
            "files": self.count,
            "bytes": self.size,
            "left_out": [each.to_dict() for each in self.left_out],
            "left_out_count": self.left_out_count,
            "notes": list(self.notes),
        }
        if self.verdicts is not None:
            facts["verdicts"] = {str(v): n for v, n in self.verdicts.items() if n}
        return facts


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The result of an import, or of its plan.

    Args:
        peer: The other tool.
        path: Path in the other tool that was read.
        versions: Versions, in the order of their import.
        dry_run: Whether nothing was recorded.
    """

    peer: str
    path: str
    versions: tuple[ImportedVersion, ...] = field(default=())
    dry_run: bool = False

    def of(self, state: ImportState) -> Iterator[ImportedVersion]:
        """Yield the versions in one state."""
        return (version for version in self.versions if version.state is state)

    @property
    def ok(self) -> bool:
        """Whether all verified bytes can be read."""
        return self.exit_code == EXIT_OK

    @property
    def exit_code(self) -> int:
        """0 if all recorded bytes can be read, current or not; 4 if some are lost, else 5 if some are undecided."""
        if any(version.has(*_LOST) for version in self.versions):
            return EXIT_LOST
        undecided = any(version.has(*_UNDECIDED) for version in self.versions)
        return EXIT_UNDECIDED if undecided else EXIT_OK

    @property
    def summary(self) -> str:
        """One line, such as ``2 created, 1 returned``."""
        counts = {state: len(list(self.of(state))) for state in ImportState}
        told = [f"{count:,} {state}" for state, count in counts.items() if count]
        return ", ".join(told) or "nothing to import"

    def to_dict(self) -> dict[str, Any]:
        """Describe the import."""
        return {
            "peer": self.peer,
            "path": self.path,
            "dry_run": self.dry_run,
            "ok": self.ok,
            "exit_code": self.exit_code,
            "summary": self.summary,
            "versions": [version.to_dict() for version in self.versions],
        }
