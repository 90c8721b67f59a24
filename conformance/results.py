"""What came of the cases, as it is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.outcomes import Outcome, Result
from conformance.systems import SYSTEMS, System

FILE = Path(__file__).parent / "results.json"


Found = Mapping[System, tuple[str, Mapping[str, Result]]]
"""The version of each system that was tried, and what came of each case."""


def keep(found: Found, order: Sequence[str]) -> None:
    """Store what came of cases, in the place of what is stored of them; in this order, and none but these."""
    FILE.write_text(stored(found, order), encoding="utf-8")


def stored(found: Found, order: Sequence[str]) -> str:
    """Return the text that `keep` stores: without times, places and ports, so that equal results are equal text."""
    versions, known = kept() if FILE.exists() else ({}, {})
    for system, (version, results) in found.items():
        versions[system.name] = version
        for case, result in results.items():
            known.setdefault(case, {})[system.name] = result
    facts = {
        "versions": {system.name: versions[system.name] for system in SYSTEMS},
        "results": {case: _row(known[case]) for case in order},
    }
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


def differences(found: Found) -> Iterator[str]:
    """Say what came out otherwise than is stored: which cell, what is stored, what was seen."""
    versions, known = kept()
    for system, (version, results) in found.items():
        if version != versions.get(system.name):
            yield f"{system.title}: stored of version {versions.get(system.name)}, tried {version}"
        for case, seen in results.items():
            was = known.get(case, {}).get(system.name)
            if was != seen:
                yield f"{system.title}, {case}:"
                yield f"  stored  {f'{was.outcome}: {was.fact}' if was else 'nothing'}"
                yield f"  seen    {seen.outcome}: {seen.fact}"


def _row(row: Mapping[str, Result]) -> dict[str, Any]:
    named = {system.name: row[system.name] for system in SYSTEMS}
    return {name: {"outcome": r.outcome.value, "fact": r.fact} for name, r in named.items()}


def kept() -> tuple[dict[str, str], dict[str, dict[str, Result]]]:
    """Return the versions of the systems, and what came of each case on each."""
    facts = json.loads(FILE.read_text(encoding="utf-8"))
    found = {
        case: {
            system: Result(Outcome(said["outcome"]), said["fact"]) for system, said in row.items()
        }
        for case, row in facts["results"].items()
    }
    return facts["versions"], found
