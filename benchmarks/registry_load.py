"""Measure what verbs and pages take in a registry of a million looks and runs, beside one of a tenth.

    python benchmarks/registry_load.py [--rows 100000]

Filled by SQL (`tests/kit/registry_load.py`): so many observations and runs, and a hundredth as many collections.  Every
question of `tests/kit/registry_questions.py` is asked five times; the median of the clock, of one client alone.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from rows import Row, command

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from kit.registry_load import Load, fill
from kit.registry_questions import questions
from kit.servers.postgres import postgres

_TOLD = (
    *("log of changed content", "log of unchanged content", "get latest", "history", "changes"),
    *("edges of a version", "home page", "runs page", "runs page of a run id", "changes page"),
)


def measure(given: Namespace) -> Iterator[Row]:
    """Fill both sizes on both databases."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, postgres() as server:
        for database in ("SQLite", "PostgreSQL"):
            took = []
            for count in (given.rows // 10, given.rows):
                url = f"sqlite:///{folder}/{count}.db" if database == "SQLite" else server.create()
                fill(url, Load(collections=max(count // 100, 10), observations=count, runs=count))
                took.append(_ask(url, given.repeat))
            few, many = took
            for name in _TOLD:
                yield Row(
                    f"{database}: {name}",
                    many[name],
                    "ms",
                    beside=few[name],
                    peer=f"with {given.rows // 10:,} runs",
                )
            worst = max(many, key=lambda name: many[name])
            yield Row(
                f"{database}: the slowest of {len(many)} questions", many[worst], "ms", note=worst
            )


def _ask(url: str, repeat: int) -> dict[str, float]:
    """Return the milliseconds of each question."""
    from landfast.registry.opener import open_registry

    registry = open_registry(url)
    found = {}
    for name, ask in questions(registry).items():
        ask()
        runs = []
        for _ in range(repeat):
            began = time.perf_counter()
            ask()
            runs.append(time.perf_counter() - began)
        found[name] = statistics.median(runs) * 1e3
    registry.close()
    return found


if __name__ == "__main__":
    command(
        "registry_load",
        "Registry under load",
        measure,
        __doc__,
        rows=(20_000, 1_000_000),
        repeat=(5, 5),
    )
