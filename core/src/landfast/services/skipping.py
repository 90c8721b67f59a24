"""SkipLog: count what a scan leaves out, by reason, with a few examples."""

from __future__ import annotations

from landfast.model.source import Skipped

_EXAMPLES = 10


class SkipLog:
    """Collects skipped paths in bounded memory."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, reason: str, path: str) -> None:
        """Count one path."""
        self.extend(Skipped(reason=reason, count=1, examples=(path,)))

    def extend(self, skipped: Skipped) -> None:
        """Count what another log counted."""
        self._counts[skipped.reason] = self._counts.get(skipped.reason, 0) + skipped.count
        examples = self._examples.setdefault(skipped.reason, [])
        examples.extend(skipped.examples[: _EXAMPLES - len(examples)])

    def result(self) -> tuple[Skipped, ...]:
        """Return the counts, by reason in alphabetical order."""
        return tuple(
            Skipped(reason=reason, count=count, examples=tuple(self._examples[reason]))
            for reason, count in sorted(self._counts.items())
        )
