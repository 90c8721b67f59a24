"""What a check says: judge verdicts and sizes, and show the first problems as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import landfast
from landfast import EntryOutlook, Outlook, RetentionReport, Verdict, VerifyReport

from dagster_landfast.resolving import Resolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a number may be; what is not given is not checked.

    Args:
        minimum: The least.
        maximum: The most.
        max_drop: How far it may fall below that of the version before, as a fraction: 0.2 is a fifth.
        max_growth: How far it may rise above it, as a fraction: 1.0 is twice as much.

    Raises:
        InvalidInput: If nothing is given, or what no number can keep to.

    Example:
        >>> Bounds(minimum=10, max_drop=0.5).problems(4, before=20)
        ['4 is less than 10', '4 is 80.0 % less than 20 before']
    """

    minimum: int | None = None
    maximum: int | None = None
    max_drop: float | None = None
    max_growth: float | None = None

    def __post_init__(self) -> None:
        given = [self.minimum, self.maximum, self.max_drop, self.max_growth]
        numbers = [number for number in given if number is not None]
        crossed = None not in given[:2] and numbers[0] > numbers[1]
        if not numbers or min(numbers) < 0 or crossed or (self.max_drop or 0) > 1:
            raise landfast.InvalidInput(
                "Bounds that no number can keep to, or that say nothing",
                expected="minimum up to maximum, max_drop from 0 to 1, max_growth from 0 on; one at least",
                found=repr(self),
            )

    def problems(self, number: int, *, before: int | None) -> list[str]:
        """Say what is wrong with a number.

        Args:
            number: Of the version.
            before: Of the version before; None if there was none.
        """
        said = []
        if self.minimum is not None and number < self.minimum:
            said.append(f"{number:,} is less than {self.minimum:,}")
        if self.maximum is not None and number > self.maximum:
            said.append(f"{number:,} is more than {self.maximum:,}")
        if before is not None:
            said += self._drift(number, before)
        return said

    def _drift(self, number: int, before: int) -> list[str]:
        change = (number - before) / before if before else float(number > 0) * float("inf")
        if self.max_drop is not None and -change > self.max_drop:
            return [f"{number:,} is {-change:.1%} less than {before:,} before".replace("%", " %")]
        if self.max_growth is not None and change > self.max_growth:
            return [f"{number:,} is {change:.1%} more than {before:,} before".replace("%", " %")]
        return []

    def __str__(self) -> str:
        said = {
            "at least {:,}": self.minimum,
            "at most {:,}": self.maximum,
            "at most {:.0%} less than before": self.max_drop,
            "at most {:.0%} more than before": self.max_growth,
        }
        return ", ".join(text.format(n) for text, n in said.items() if n is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a check found.

    Args:
        passed: Whether all is well.
        description: One sentence.
        metadata: To show with it.
    """

    passed: bool
    description: str
    metadata: dict[str, dg.MetadataValue[Any]] = field(default_factory=dict)

    @classmethod
    def nothing(cls, why: str) -> Judgement:
        """Judge what is not there: a check of nothing has not passed."""
        return cls(passed=False, description=why)

    def result(self, severity: dg.AssetCheckSeverity) -> dg.AssetCheckResult:
        """Return it as Dagster takes it."""
        return dg.AssetCheckResult(
            passed=self.passed,
            severity=severity,
            description=self.description,
            metadata=self.metadata,
        )


def verdicts(names: Collection[str]) -> frozenset[Verdict]:
    """Return verdicts by name.

    Raises:
        InvalidInput: If one is no verdict.
    """
    try:
        return frozenset(Verdict(name) for name in names)
    except ValueError as error:
        raise landfast.InvalidInput(
            f"accept names no verdict: {error}",
            expected=", ".join(Verdict),
        ) from None


def of_reports(
    reports: Sequence[tuple[Resolved, VerifyReport]],
    accepted: Collection[Verdict],
    max_rows: int,
) -> Judgement:
    """Judge what `verify` said, of one version for each partition."""
    counts = Counter[Verdict]()
    rows: list[dict[str, str]] = []
    for resolved, report in reports:
        counts.update(report.counts)
        for row in report.rows:
            if row.verdict not in accepted and len(rows) < max_rows:
                rows.append({**_named(resolved), "path": row.path, "verdict": str(row.verdict)})
    bad = {v: n for v, n in counts.items() if n and v not in accepted}
    summary = ", ".join(f"{counts[v]:,} {v}" for v in Verdict if counts[v]) or "no entries"
    where = _subject([resolved for resolved, _ in reports])
    shown = _shown(reports, rows, sum(bad.values())) | {
        "landfast/verdicts": dg.MetadataValue.text(summary),
        "landfast/checked": dg.MetadataValue.int(sum(counts.values())),
        "landfast/added": dg.MetadataValue.int(sum(report.added for _, report in reports)),
    }
    return Judgement(passed=not bad, description=f"{where}: {summary}", metadata=shown)


def of_retention(reports: Sequence[tuple[Resolved, RetentionReport]], max_rows: int) -> Judgement:
    """Judge how long what versions refer to stays, of one version for each partition."""
    rows: list[dict[str, str]] = []
    problems = 0
    for resolved, report in reports:
        until = report.as_of + report.within
        for row in (*report.rows, *report.manifests):
            first = row.first
            is_dated = first is not None and first.at <= until
            if is_dated or row.outlook in {Outlook.GONE, Outlook.UNKNOWN}:
                problems += 1
                if len(rows) < max_rows:
                    rows.append({**_named(resolved), **_outlook(row)})
    failed = [report for _, report in reports if not report.ok]
    told = failed[0] if failed else reports[0][1]
    where = _subject([resolved for resolved, _ in reports])
    if len(reports) > 1:
        where += f", of which {len(failed)} do not stay"
    firsts = [report.first for _, report in reports if report.first is not None]
    shown = _shown(reports, rows, problems) | {
        "landfast/rules": dg.MetadataValue.md("\n".join(f"- {line}" for line in told.lines()))
    }
    if firsts:
        shown["landfast/first"] = dg.MetadataValue.timestamp(min(firsts))
    return Judgement(passed=not failed, description=f"{where}: {told.summary}", metadata=shown)


def _outlook(row: EntryOutlook) -> dict[str, str]:
    first = row.first
    return {
        "path": row.path,
        "outlook": str(row.outlook),
        "first": "" if first is None else f"{first.at:%Y-%m-%d}",
        "rule": "" if first is None else first.rule,
        "prevented_by": "" if first is None else first.prevented_by,
    }


def of_aliases(
    found: Sequence[landfast.AliasVerdict], rule: landfast.VerifyRule, max_rows: int
) -> Judgement:
    """Judge how what aliases name stands: one row of the table for each version that is not intact."""
    failed = [each for each in found if each.fails(rule.fail_on)]
    rows = [
        {
            "version": str(each.version),
            "aliases": ", ".join(each.aliases),
            "verdict": each.verdict or "not looked at",
            "summary": each.summary,
        }
        for each in found
        if not each.ok
    ]
    changed = [each.change for each in found if each.change is not None]
    shown: dict[str, dg.MetadataValue[Any]] = {
        "landfast/checked": dg.MetadataValue.int(len(found)),
        "landfast/problems": dg.MetadataValue.int(len(rows)),
        "landfast/changes": dg.MetadataValue.int(len(changed)),
        **_first_problems(rows[:max_rows]),
    }
    told = f"{rows[0]['version']}: {rows[0]['summary']}" if rows else "all intact"
    others = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
    return Judgement(passed=not failed, description=f"{rule.label}: {told}{others}", metadata=shown)


def of_sizes(
    compared: Sequence[tuple[Resolved, landfast.ArtifactVersion | None]],
    files: Bounds | None,
    size_bytes: Bounds | None,
    max_rows: int,
) -> Judgement:
    """Judge how many files and bytes versions have, beside the version before each."""
    rows: list[dict[str, str]] = []
    for resolved, before in compared:
        now = resolved.version
        was = (None, None) if before is None else (before.file_count, before.size)
        for what, bounds, number, earlier in (
            ("files", files, now.file_count, was[0]),
            ("bytes", size_bytes, now.size, was[1]),
        ):
            said = [] if bounds is None else bounds.problems(number, before=earlier)
            rows += [{**_named(resolved), "what": what, "problem": problem} for problem in said]
    where = _subject([resolved for resolved, _ in compared])
    told = "; ".join(f"{row['what']}: {row['problem']}" for row in rows[:3])
    totals = {
        "landfast/files": sum(each.version.file_count for each, _ in compared),
        "landfast/bytes": sum(each.version.size for each, _ in compared),
    }
    shown = _shown(compared, rows[:max_rows], len(rows))
    shown |= {name: dg.MetadataValue.int(total) for name, total in totals.items()}
    return Judgement(
        passed=not rows, description=f"{where}: {told or 'within bounds'}", metadata=shown
    )


def version_before(
    client: landfast.Client, version: landfast.ArtifactVersion
) -> landfast.ArtifactVersion | None:
    """Return what was the latest version before this one became it last; None if nothing was."""
    name = version.full_name
    moves = [
        change
        for change in client.changes(name=name.bare())
        if change.alias == "latest" and change.version == name
    ]
    before = moves[-1].previous if moves else None
    return None if before is None else client.find(before)


def _named(resolved: Resolved) -> dict[str, str]:
    named = {} if resolved.partition_key is None else {"partition": resolved.partition_key}
    return {**named, "artifact": resolved.version.name}


def _subject(checked: Sequence[Resolved]) -> str:
    first = checked[0].version.qualified_name
    return first if len(checked) == 1 else f"{len(checked)} partitions, {first} and others"


def _shown(
    checked: Iterable[tuple[Resolved, object]], rows: Sequence[dict[str, str]], problems: int
) -> dict[str, dg.MetadataValue[Any]]:
    versions = [resolved for resolved, _ in checked]
    shown: dict[str, dg.MetadataValue[Any]] = {
        "landfast/artifact": dg.MetadataValue.text(_subject(versions)),
        "landfast/resolved_by": dg.MetadataValue.text(
            ", ".join(sorted({str(each.by) for each in versions}))
        ),
        "landfast/problems": dg.MetadataValue.int(problems),
    }
    return shown | _first_problems(rows)


def _first_problems(rows: Sequence[dict[str, str]]) -> dict[str, dg.MetadataValue[Any]]:
    if not rows:
        return {}
    columns = [dg.TableColumn(name) for name in rows[0]]
    records = [dg.TableRecord(dict(row)) for row in rows]
    table = dg.MetadataValue.table(records, schema=dg.TableSchema(columns))
    return {"landfast/first_problems": table}
