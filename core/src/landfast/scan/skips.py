"""SkipLog: count what a scan leaves out, by reason, with a few examples; which globs matched; what to tell."""

from __future__ import annotations

from typing import Protocol

from landfast.model.globs import PathFilter
from landfast.model.source import Skipped

# A folder logged alone has no path for it, see "Subtrees" of the format.
FOLDER_ITSELF = "object named like the folder itself"

_EXAMPLES = 10


class _Left(Protocol):
    @property
    def skipped(self) -> tuple[Skipped, ...]: ...
    @property
    def matched(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class SkipLog:
    """Collects skipped paths in bounded memory."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}
        self._filters: list[PathFilter] = []
        self._told: list[str] = []
        self._matched: set[str] = set()

    def add(self, reason: str, path: str) -> None:
        """Count one path."""
        self.extend(Skipped(reason=reason, count=1, examples=(path,)))

    def extend(self, skipped: Skipped) -> None:
        """Count what another log counted."""
        self._counts[skipped.reason] = self._counts.get(skipped.reason, 0) + skipped.count
        examples = self._examples.setdefault(skipped.reason, [])
        examples.extend(skipped.examples[: _EXAMPLES - len(examples)])

    def absorb(self, other: _Left) -> None:
        """Take what was left out, matched and told elsewhere."""
        for skipped in other.skipped:
            self.extend(skipped)
        self._matched.update(other.matched)
        self._told.extend(other.notes)

    def tell(self, note: str) -> None:
        """Keep a sentence for the user."""
        self._told.append(note)

    def notes(self) -> tuple[str, ...]:
        """Return the sentences for the user."""
        return tuple(dict.fromkeys(self._told))

    def watch(self, why: PathFilter) -> PathFilter:
        """Return the filter, which will be asked at the end what it matched."""
        self._filters.append(why)
        return why

    def matched(self) -> tuple[str, ...]:
        """Return the globs that matched a path."""
        own = {label for why in self._filters for label in why.matched}
        return tuple(sorted(own | self._matched))

    def result(self) -> tuple[Skipped, ...]:
        """Return the counts, by reason in alphabetical order."""
        return tuple(
            Skipped(reason=reason, count=count, examples=tuple(self._examples[reason]))
            for reason, count in sorted(self._counts.items())
        )
