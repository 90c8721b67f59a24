"""ManifestDiff: what is different between two manifests, entry by entry."""

from __future__ import annotations

import heapq
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from operator import attrgetter
from typing import Any, overload

from landfast.html.notebook import fragment
from landfast.model.manifest import ManifestEntry
from landfast.model.times import format_time

# Differences that a notebook shows.
_SHOWN = 50


class DiffKind(StrEnum):
    """What happened to an entry."""

    ADDED = "added"
    REMOVED = "removed"
    MODIFIED = "modified"  # the same path, other content
    RENAMED = "renamed"  # the same content token and size at another path
    REPINNED = "repinned"  # the same path and content, another URI, version id or etag


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRow:
    """One difference.

    Args:
        kind: What happened.
        old: The entry of the old manifest; None if it was added.
        new: The entry of the new manifest; None if it was removed.
    """

    kind: DiffKind
    old: ManifestEntry | None
    new: ManifestEntry | None

    @property
    def path(self) -> str:
        """The path in the new manifest, or in the old one if it was removed."""
        entry = self.new or self.old
        assert entry is not None
        return entry.path

    @property
    def size(self) -> int:
        """Bytes of the new entry, or of the old one if it was removed; unknown sizes count as 0."""
        entry = self.new or self.old
        assert entry is not None
        return entry.size or 0

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "kind": str(self.kind),
            "path": self.path,
            "old": None if self.old is None else entry_to_dict(self.old),
            "new": None if self.new is None else entry_to_dict(self.new),
        }


class DiffRows(Sequence[DiffRow]):
    """Differences sorted by path, of which only those are read that are asked for."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Their bytes, as `DiffRow.size` counts them."""

    @abstractmethod
    def _at(self, places: range) -> list[DiffRow]:
        """Read some of them."""

    @overload
    def __getitem__(self, place: int) -> DiffRow: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[DiffRow]: ...

    def __getitem__(self, place: int | slice) -> DiffRow | Sequence[DiffRow]:
        chosen = range(len(self))[place]
        return (
            self._at(chosen)
            if isinstance(chosen, range)
            else self._at(range(chosen, chosen + 1))[0]
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(len(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestDiff:
    """The differences between an old and a new manifest, each kind sorted by path.

    Counts are known at once. Entries are read as you iterate over them.

    Args:
        old: Content digest of the old manifest.
        new: Content digest of the new manifest.
        added: Paths that only the new manifest has.
        removed: Paths that only the old manifest has.
        modified: Paths with other content.
        renamed: Equal content whose path changed.
        repinned: Equal content at other pins.
        unchanged: Number of entries with equal content and pins.
        unchanged_size: Bytes of the unchanged entries.
        every: All differences, sorted by path; None merges the differences of each kind.

    Example:
        >>> ManifestDiff(old="lf1:0", new="lf1:0", unchanged=3).is_empty
        True
    """

    old: str
    new: str
    added: Sequence[DiffRow] = ()
    removed: Sequence[DiffRow] = ()
    modified: Sequence[DiffRow] = ()
    renamed: Sequence[DiffRow] = ()
    repinned: Sequence[DiffRow] = ()
    unchanged: int = 0
    unchanged_size: int = 0
    every: Sequence[DiffRow] | None = field(default=None, repr=False, compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs, pins included."""
        return not any(map(len, self._by_kind().values()))

    @property
    def same_content(self) -> bool:
        """Whether nothing differs, or only pins differ."""
        return not (self.added or self.removed or self.modified or self.renamed)

    @property
    def counts(self) -> dict[str, int]:
        """Number of entries of each kind."""
        counts = {str(kind): len(rows) for kind, rows in self._by_kind().items()}
        return counts | {"unchanged": self.unchanged}

    @property
    def summary(self) -> str:
        """One line: ``1 added, 2 modified, 9 unchanged``."""
        return ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items() if count)

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of the entries of each kind; if a difference has an old and a new entry, the new entry counts."""
        sizes = {str(kind): _size(rows) for kind, rows in self._by_kind().items()}
        return sizes | {"unchanged": self.unchanged_size}

    def rows(self) -> Iterator[DiffRow]:
        """Yield every difference, sorted by path."""
        return iter(self.every) if self.every is not None else _by_path(self._by_kind().values())

    def __iter__(self) -> Iterator[DiffRow]:
        return self.rows()

    def to_dict(self, *, rows: bool = True) -> dict[str, Any]:
        """Return a JSON-able description. If `rows` is False, it has only facts that need no read of entries."""
        found: dict[str, Any] = {
            "old": self.old,
            "new": self.new,
            "is_empty": self.is_empty,
            "same_content": self.same_content,
            "counts": self.counts,
            "sizes": self.sizes,
        }
        return found | {"rows": [row.to_dict() for row in self.rows()]} if rows else found

    def _repr_html_(self) -> str | None:
        return fragment(
            "diff",
            old=self.old,
            new=self.new,
            is_empty=self.is_empty,
            counts=self.counts,
            rows=[row.to_dict() for row in islice(self.rows(), _SHOWN)],
            total=sum(map(len, self._by_kind().values())),
        )

    def _by_kind(self) -> dict[DiffKind, Sequence[DiffRow]]:
        return {kind: getattr(self, kind) for kind in DiffKind}


def entry_to_dict(entry: ManifestEntry) -> dict[str, Any]:
    """Return a JSON-able description of an entry; what is not known is left out."""
    facts = {
        "path": entry.path,
        "size": entry.size,
        "checksum": None if entry.checksum is None else str(entry.checksum),
        "uri": entry.uri,
        "version_id": entry.version_id,
        "etag": entry.etag,
        "modified_at": None if entry.modified_at is None else format_time(entry.modified_at),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _size(rows: Sequence[DiffRow]) -> int:
    return rows.size if isinstance(rows, DiffRows) else sum(row.size for row in rows)


def _by_path(groups: Iterable[Iterable[DiffRow]]) -> Iterator[DiffRow]:
    return heapq.merge(*groups, key=attrgetter("path"))
