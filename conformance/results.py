"""What came of the cases, as it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.outcomes import Outcome, Result
from conformance.systems import SYSTEMS, System

FILE = Path(__file__).parent / "results.json"


def keep(found: Mapping[System, tuple[str, Mapping[str, Result]]], order: Sequence[str]) -> None:
    """Store what came of cases, in the place of what is stored of them; in this order, and none but these."""
    versions, known = kept() if FILE.exists() else ({}, {})
    for system, (version, results) in found.items():
        versions[system.name] = version
        for case, result in results.items():
            known.setdefault(case, {})[system.name] = result
    facts = {
        "versions": {system.name: versions[system.name] for system in SYSTEMS},
        "results": {case: _row(known[case]) for case in order},
    }
    FILE.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


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
