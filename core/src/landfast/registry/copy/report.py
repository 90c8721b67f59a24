"""RegistryCopy: what a copy of a registry took along, or would take."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class CopyKind(StrEnum):
    """What the copy is to its source."""

    MOVE = "move"
    """The same registry at another place: the source refuses writes afterwards, and names the new place."""
    FORK = "fork"
    """Another registry, with an id of its own, beside the source, which goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCopy:
    """The rows of one table: how many, and the sha256 over them, equal on both sides; None where not yet copied."""

    table: str
    rows: int
    sha256: str | None = None


@dataclass(slots=True, kw_only=True)
class BlobsCopy:
    """Manifests and managed files, in blobs and bytes.

    Args:
        copied: Blobs that were, or would be, stored in the target's store.
        copied_bytes: Their bytes.
        present: Blobs that were there already, from an earlier run.
        present_bytes: Their bytes.
        read_back: Of both, those that were read from the target's store afterwards, and had the sha256 of their name.
        absent: Blobs of which the registry has a row and its store no bytes: announced and never uploaded, or lost.
        kept: Whether the store stays where it is, so that nothing has to be copied.
    """

    copied: int = 0
    copied_bytes: int = 0
    present: int = 0
    present_bytes: int = 0
    read_back: int = 0
    absent: int = 0
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryCopy:
    """What a copy took along, or with `dry_run` would take.

    Args:
        kind: A move, or a fork.
        id: Id of the registry at the target; None if it is not made yet.
        source: URL of the registry that was copied, without secrets.
        target: URL of the copy.
        store: URL of the copy's store.
        dry_run: Whether nothing was written.
        already: Whether an earlier run had ended the copy, so that nothing was left to do.
        tables: Rows by table.
        blobs: Manifests and managed files.
    """

    kind: CopyKind
    id: str | None
    source: str
    target: str
    store: str
    dry_run: bool = False
    already: bool = False
    tables: tuple[TableCopy, ...] = ()
    blobs: BlobsCopy = field(default_factory=BlobsCopy)

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(one.rows for one in self.tables)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        tables = [
            {"table": one.table, "count": one.rows, "sha256": one.sha256} for one in self.tables
        ]
        return {**asdict(self), "tables": tables, "count": self.rows}
