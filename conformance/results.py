"""What came of the cases, as it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.outcomes import Outcome, Result
from conformance.systems import System

FILE = Path(__file__).parent / "results.json"


def keep(found: Mapping[System, tuple[str, Mapping[str, Result]]]) -> None:
    """Store what came of all cases on all systems."""
    facts: dict[str, Any] = {
        "versions": {system.name: version for system, (version, _) in found.items()},
        "results": {},
    }
    for system, (_, results) in found.items():
        for case, result in results.items():
            row = facts["results"].setdefault(case, {})
            row[system.name] = {"outcome": result.outcome.value, "fact": result.fact}
    FILE.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


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
