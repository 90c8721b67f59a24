"""Blobs as garbage collection sees them, and what it deleted, or would delete."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from landfast.model.times import format_time
from landfast.model.version import VersionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRow:
    """A blob as garbage collection sees it; times in UTC.

    Args:
        sha256: Hexadecimal name.
        size: Bytes.
        recorded_at: When a writer last said that it uploads or reuses it.
        condemned_at: None unless collection has decided to delete it.
    """

    sha256: str
    size: int
    recorded_at: datetime
    condemned_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobCount:
    """How many blobs of one kind, their bytes, and at most ten of their names."""

    count: int = 0
    size: int = 0
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {"count": self.count, "bytes": self.size, "examples": list(self.examples)}


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageReport:
    """The result of a garbage collection, or what it would do.

    Args:
        dry_run: Whether nothing was changed.
        older_than: Only older blobs were considered; UTC.
        expired: Versions whose time to live is over; their blobs are deleted after a grace period.
        deleted: Blobs that were, or would be, deleted.
        kept: Blobs of managed files that have no row but are in the manifest of a version.
        left: Blobs that should be deleted and were not, because the lease ran out; the next run continues.
        held_blobs: Blobs that nothing needs and that a hold or a retention keeps; the next run tries again.
        held_by: What keeps the first of them.
        orphans: Blobs without a row; they are now known, and a run after the grace period deletes them.
        released: Object versions that were held for deleted versions, and were released.
    """

    dry_run: bool
    older_than: datetime
    expired: tuple[VersionRecord, ...] = ()
    deleted: BlobCount = field(default_factory=BlobCount)
    kept: BlobCount = field(default_factory=BlobCount)
    left: BlobCount = field(default_factory=BlobCount)
    held_blobs: BlobCount = field(default_factory=BlobCount)
    held_by: str = ""
    orphans: BlobCount = field(default_factory=BlobCount)
    released: int = 0

    @property
    def summary(self) -> str:
        """One line."""
        verb = "would delete" if self.dry_run else "deleted"
        parts = [f"{verb} {self.deleted.count:,} blobs ({self.deleted.size:,} bytes)"]
        if self.expired:
            parts.append(f"{len(self.expired):,} versions expired")
        if self.orphans.count:
            parts.append(f"{self.orphans.count:,} orphans found")
        if self.left.count:
            parts.append(f"{self.left.count:,} blobs left to the next run")
        if self.held_blobs.count:
            parts.append(
                f"{self.held_blobs.count:,} blobs left because they are held ({self.held_by})"
            )
        if self.released:
            parts.append(f"{self.released:,} object versions released")
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        kinds = ("deleted", "kept", "left", "held_blobs", "orphans")
        return {
            "dry_run": self.dry_run,
            "older_than": format_time(self.older_than),
            "expired": [str(version.name) for version in self.expired],
            "blobs": self.deleted.count,
            "bytes": self.deleted.size,
            "released": self.released,
            "held_by": self.held_by,
            "summary": self.summary,
            **{kind: getattr(self, kind).to_dict() for kind in kinds},
        }


@dataclass(frozen=True, slots=True)
class PrunedRows:
    """How many rows.

    Args:
        looks: Observations that found nothing new.
        runs: Runs that did nothing but look.
        edges: Their edges.
    """

    looks: int = 0
    runs: int = 0
    edges: int = 0

    def __add__(self, other: PrunedRows) -> PrunedRows:
        """Return both together."""
        return PrunedRows(
            self.looks + other.looks, self.runs + other.runs, self.edges + other.edges
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """The result of pruning a registry's history, or of its plan.

    Args:
        dry_run: Whether nothing was removed.
        older_than: Only older blobs were considered; UTC.
        rows: Rows that were, or would be, removed.
    """

    dry_run: bool
    older_than: datetime
    rows: PrunedRows

    @property
    def summary(self) -> str:
        """One line."""
        verb = "would remove" if self.dry_run else "removed"
        rows = self.rows
        return f"{verb} {rows.looks:,} looks that found nothing new, {rows.runs:,} runs with {rows.edges:,} edges"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "dry_run": self.dry_run,
            "older_than": format_time(self.older_than),
            "looks": self.rows.looks,
            "runs": self.rows.runs,
            "edges": self.rows.edges,
            "summary": self.summary,
        }
