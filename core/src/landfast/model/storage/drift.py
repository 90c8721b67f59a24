"""AliasVerdict: how what an alias names stands, and whether that changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from landfast.errors import InvalidInput, LandfastError
from landfast.model.names import ArtifactName
from landfast.model.verdict import (
    EXIT_DRIFTED,
    EXIT_LOST,
    EXIT_UNDECIDED,
    FailOn,
    Verdict,
    VerifyReport,
)
from landfast.model.version import UNREACHABLE, Change

# What only moved is as good as intact: no version stands so.
_STANDS = (*(str(each) for each in Verdict if each is not Verdict.MOVED), UNREACHABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasVerdict:
    """The verdict of one version that aliases point to.

    Args:
        version: Its full name.
        aliases: All aliases that point to it.
        verdict: ``intact``, the worst `Verdict` of its entries, or ``unreachable``.
        summary: One line.
        change: The row of the feed, if the verdict differs from the last one.
        report: The report; None if the server did not answer.
        error: The error if the version could not be verified; the verdict is then the one from before.
    """

    version: ArtifactName
    aliases: tuple[str, ...]
    verdict: str
    summary: str
    change: Change | None = None
    report: VerifyReport | None = None
    error: LandfastError | None = None

    @property
    def ok(self) -> bool:
        """Whether the source still has all recorded content."""
        return self.error is None and self.report is not None and self.report.ok

    @property
    def exit_code(self) -> int:
        """The exit code of the report; 5 if there is no report."""
        return EXIT_UNDECIDED if self.report is None else self.report.exit_code

    def fails(self, fail_on: FailOn) -> bool:
        """Return whether `VerifyReport.raise_for` counts it as a failure; an error is a failure too."""
        if self.error is not None:
            return True
        is_lost = self.exit_code in {EXIT_LOST, EXIT_UNDECIDED}
        return fail_on != "never" and not self.ok and (fail_on == "drift" or is_lost)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description, without the entries."""
        return {
            "version": str(self.version),
            "aliases": list(self.aliases),
            "verdict": self.verdict,
            "ok": self.ok,
            "summary": self.summary,
            "change": None if self.change is None else self.change.to_dict(),
            "report": None if self.report is None else self.report.to_dict(rows=False),
            "error": None if self.error is None else type(self.error).__name__,
            "message": None if self.error is None else str(self.error),
        }


def verdict_of(report: VerifyReport) -> str:
    """Return how a version stands: what only moved is as good as intact.

    Example:
        >>> from landfast.model.verdict import Verdict
        >>> verdict_of(VerifyReport(digest="lf1:0", counts={Verdict.MOVED: 2}))
        'intact'
    """
    return "intact" if report.ok else str(report.worst)


def check_verdicts(names: Iterable[str]) -> frozenset[str]:
    """Check names of verdicts, and return them as a set; all verdicts if there are no names.

    Args:
        names: Verdicts whose changes you want, such as ``gone`` and ``unreachable``; ``intact`` is the return to
            intact.

    Raises:
        InvalidInput: If a name is not a verdict of a version.

    Example:
        >>> sorted(check_verdicts(["gone", "changed"]))
        ['changed', 'gone']
    """
    wanted = (names,) if isinstance(names, str) else tuple(names)
    for name in wanted:
        if name not in _STANDS:
            raise InvalidInput(
                f"no version stands as {name!r}",
                subject="verdicts",
                expected="some of " + ", ".join(_STANDS),
            )
    return frozenset(wanted or _STANDS)


def exit_code(verdicts: Sequence[AliasVerdict], fail_on: FailOn = "drift") -> int:
    """Return the exit code of the worst that fails: lost is worse than not known, and that than drift."""
    order = (EXIT_LOST, EXIT_UNDECIDED, EXIT_DRIFTED)
    seen = {each.exit_code for each in verdicts if each.fails(fail_on)}
    return next((code for code in order if code in seen), 0)
