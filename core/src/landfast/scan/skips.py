"""SkipLog: count what a scan leaves out, by reason, with a few examples; which globs matched; what to tell."""

from __future__ import annotations

from landfast.model.globs import PathFilter
from landfast.model.source import Skipped

# A folder logged alone has no path for it, see "Subtrees" of the format.
FOLDER_ITSELF = "object named like the folder itself"

_EXAMPLES = 10


class SkipLog:
    """Collects skipped paths in bounded memory."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}
        self._filters: list[PathFilter] = []
        self._told: list[str] = []

    def add(self, reason: str, path: str) -> None:
        """Count one path."""
        self.extend(Skipped(reason=reason, count=1, examples=(path,)))

    def extend(self, skipped: Skipped) -> None:
        """Count what another log counted."""
        self._counts[skipped.reason] = self._counts.get(skipped.reason, 0) + skipped.count
        examples = self._examples.setdefault(skipped.reason, [])
        examples.extend(skipped.examples[: _EXAMPLES - len(examples)])

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
        return tuple(sorted({label for why in self._filters for label in why.matched}))

    def result(self) -> tuple[Skipped, ...]:
        """Return the counts, by reason in alphabetical order."""
        return tuple(
            Skipped(reason=reason, count=count, examples=tuple(self._examples[reason]))
            for reason, count in sorted(self._counts.items())
        )
