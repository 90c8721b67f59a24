"""Write the tables of docs/torture.md from what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from conformance.case import GROUPS, Case, cases
from conformance.outcomes import MEANS, Outcome, Result
from conformance.results import kept
from conformance.systems import ROOT, SYSTEMS

PAGE = ROOT / "docs" / "torture.md"
BEGIN = "<!-- Below, `python -m conformance` writes. -->\n"
_UNCLAIMED = "°"

Found = Mapping[str, Mapping[str, Result]]


def write() -> None:
    """Write the page's lower part anew."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), *kept()), encoding="utf-8")


def is_current() -> bool:
    """Whether the page is what is stored."""
    written = PAGE.read_text(encoding="utf-8")
    return page(written, *kept()) == written


def page(written: str, versions: Mapping[str, str], found: Found) -> str:
    """Return the page with its lower part made of what is stored."""
    upper = written.partition(BEGIN)[0]
    return upper + BEGIN + "\n" + "\n".join(_lower(versions, found)).rstrip() + "\n"


def _lower(versions: Mapping[str, str], found: Found) -> Iterator[str]:
    known = cases()
    yield from _answers()
    yield from _systems(versions)
    yield from _counts(known, found)
    for group, title in GROUPS.items():
        yield from _table(title, [case for case in known if case.group == group], found)
    yield "## Case by case\n"
    yield "Each case has one sentence for each system.\n"
    for case in known:
        yield from _told(case, found[case.name])


def _answers() -> Iterator[str]:
    yield "## How a case can come out\n"
    yield "| answer | means |"
    yield "|---|---|"
    for outcome, meaning in MEANS.items():
        yield f"| {outcome.value} | {meaning} |"
    yield ""


def _systems(versions: Mapping[str, str]) -> Iterator[str]:
    yield "## Systems, and how they are used\n"
    yield "| system | version | how it is used |"
    yield "|---|---|---|"
    for system in SYSTEMS:
        yield f"| {system.title} | {versions[system.name]} | {system.how} |"
    yield ""


_BAD = (Outcome.FAILS_LOUDLY, Outcome.DOES_NOT_HOLD, Outcome.WRONG_BYTES, Outcome.SILENT_LOSS)
_OUTSIDE = (Outcome.NOT_SUPPORTED, Outcome.NOT_RUNNABLE)
_RIGHT = "a right answer"


def _counts(known: list[Case], found: Found) -> Iterator[str]:
    yield f"## All {len(known)} cases, counted\n"
    yield "| | " + " | ".join(system.title for system in SYSTEMS) + " |"
    yield "|---|" + "---|" * len(SYSTEMS)
    counts = {
        system.name: Counter(_kind(case, system.name, found) for case in known)
        for system in SYSTEMS
    }
    for kind in (_RIGHT, *_BAD, *_OUTSIDE):
        row = [_sum(counts[system.name], kind) for system in SYSTEMS]
        yield f"| {f'**{kind}**' if kind in _BAD else kind} | " + " | ".join(row) + " |"
    yield ""


def _kind(case: Case, system: str, found: Found) -> tuple[str, bool]:
    """Return as what a case counts, and whether the system promises that it is otherwise."""
    outcome = found[case.name][system].outcome
    if outcome in case.right:
        return _RIGHT, True
    return outcome.value, outcome in _OUTSIDE or case.promised_by(system) is not None


def _sum(counts: Counter[tuple[str, bool]], kind: str) -> str:
    promised, others = counts[kind, True], counts[kind, False]
    return " + ".join(
        filter(None, (str(promised or ""), f"{others}{_UNCLAIMED}" if others else ""))
    )


def _table(title: str, known: list[Case], found: Found) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| | " + " | ".join(system.title for system in SYSTEMS) + " |"
    yield "|---|" + "---|" * len(SYSTEMS)
    for case in known:
        cells = [_cell(case, system.name, found[case.name][system.name]) for system in SYSTEMS]
        yield f"| [{case.title}](#case-{case.name}) | " + " | ".join(cells) + " |"
    yield ""


def _cell(case: Case, system: str, result: Result) -> str:
    text = result.outcome.value
    if result.outcome in _BAD and result.outcome not in case.right:
        text = f"**{text}**"
    outside = result.outcome in _OUTSIDE
    return text if outside or case.promised_by(system) else text + _UNCLAIMED


def _told(case: Case, found: Mapping[str, Result]) -> Iterator[str]:
    yield f'<a id="case-{case.name}"></a>\n'
    yield f"### {case.title}\n"
    right = " or ".join(outcome.value for outcome in Outcome if outcome in case.right)
    yield f"Promise: {case.asks.words} Right: {right}. `{case.group}.{case.name}`\n"
    yield _promisers(case) + "\n"
    if case.reports:
        yield "Reported: " + ", ".join(f"[{_short(url)}]({url})" for url in case.reports) + ".\n"
    alike: dict[Result, list[str]] = {}
    for system in SYSTEMS:
        alike.setdefault(found[system.name], []).append(system.title)
    for result, titles in alike.items():
        end = "" if result.fact.endswith(".") else "."
        fact = result.fact.replace("](", "]\\(")  # what a key looks like is not a link
        yield f"- {', '.join(titles)}: **{result.outcome.value}**; {fact}{end}"
    yield ""


def _promisers(case: Case) -> str:
    """Name the systems that promise it, and the others with the reason."""
    who, others = [], []
    for system in SYSTEMS:
        if where := case.promised_by(system.name):
            who.append(f"[{system.title}]({where})")
        elif reason := case.without.get(system.name):
            others.append(f"{system.title} ({reason})")
        else:
            others.append(system.title)
    said = f"Promised by {', '.join(who)}" if who else "Promised by none of them"
    return f"{said}; not by {', '.join(others)}." if others else f"{said}."


def _short(url: str) -> str:
    owner, name, _, number = url.removeprefix("https://github.com/").split("/")
    return f"{owner}/{name}#{number}"
