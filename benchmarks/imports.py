"""Measure what it costs to import Landfast, and an integration behind its orchestrator.

    python benchmarks/imports.py

An integration is imported in its own environment, where `.venvs/` has it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from rows import Row, command, median, ran

ROOT = Path(__file__).parents[1]
# Orchestrator -> what a user of it imports on top.
INTEGRATIONS = {"dagster": "dagster_landfast"}
# CPU seconds that an integration may add to its orchestrator's import.
MOST_ON_TOP_S = 0.25


def measure(given: Namespace) -> Iterator[Row]:
    """Start interpreters that import."""

    def cpu_s(code: str) -> float:
        return median([ran([sys.executable, "-c", code]) for _ in range(given.repeat)]).cpu_s

    floor = cpu_s("pass")
    for what, code in (
        ("import landfast", "import landfast"),
        ("import landfast, and make a client", "import landfast; landfast.Client"),
        ("import boto3", "import boto3"),
    ):
        yield Row(what, cpu_s(code), "s CPU", beside=floor, peer="python -c pass (floor)")
    for orchestrator, package in INTEGRATIONS.items():
        yield _behind(orchestrator, package, given.repeat)


def _behind(orchestrator: str, package: str, repeat: int) -> Row:
    what = f"import {package}, on top of {orchestrator}"
    python = ROOT / ".venvs" / orchestrator / "bin" / "python"
    if not python.exists():
        return Row(what, None, note=f"no environment; ./just test-with {orchestrator} makes it")
    runs = [_import_times_s(python, orchestrator, package) for _ in range(repeat)]
    peer, ours = (statistics.median(column) for column in zip(*runs, strict=True))
    return Row(
        what, ours, "s CPU", beside=peer, peer=f"import {orchestrator}", at_most=MOST_ON_TOP_S
    )


def _import_times_s(python: Path, *modules: str) -> list[float]:
    """Import modules one after the other in a fresh interpreter; return the CPU seconds of each."""
    code = f"""
import importlib, time
for name in {modules!r}:
    before = time.process_time()
    importlib.import_module(name)
    print(time.process_time() - before)
"""
    done = subprocess.run(  # noqa: S603
        [python, "-c", code], check=True, capture_output=True, text=True
    )
    return [float(line) for line in done.stdout.split()]


if __name__ == "__main__":
    command("imports", "Import", measure, __doc__)
