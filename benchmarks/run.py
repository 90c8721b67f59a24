"""Measure the scan, the manifest, its pages and the imports, each beside a peer or a physical floor in the same run.

    python benchmarks/run.py [--entries 200000] [--files 20000] [--repeat 3] [--memory 600000] [--listed 1000000]

CPU seconds of this machine, the median of the repeats. Ratios are what to quote: they hold when the machine is busy
or slow. The log of an S3 prefix is `s3_log.py`, which runs by itself too.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import file_pages
import s3_log

ROOT = Path(__file__).parents[1]
# Orchestrator -> what a user of it imports on top.
INTEGRATIONS = {"dagster": "dagster_landfast"}
# CPU seconds that an integration may add to its orchestrator's import.
MOST_ON_TOP_S = 0.25


def cpu_s(work: Callable[[], Any], repeat: int) -> float:
    """Return the median CPU seconds of this process and the children that it waited for."""
    spent = []
    for _ in range(repeat):
        before = _used_s()
        work()
        spent.append(_used_s() - before)
    return statistics.median(spent)


def _used_s() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def row(title: str, seconds: float, floor: float, note: str = "") -> None:
    """Print one measurement and its ratio to the floor of its group."""
    print(f"  {title:<44}{seconds:8.2f} s CPU   x {seconds / max(floor, 1e-9):6.1f}   {note}")


def folder_scan(count: int, repeat: int, folder: Path) -> None:
    """Scan N small files: Landfast cold and warm, beside hashing them and beside stat alone."""
    import landfast

    root = folder / "files"
    for number in range(count):
        path = root / f"{number % 100:02}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number * 100)
    old = time.time() - 3600
    for path in root.rglob("*.bin"):
        os.utime(path, (old, old))
    client = landfast.Client(f"sqlite:///{folder}/bench.db")
    limits = {"max_objects": landfast.UNLIMITED}

    def stat_all() -> int:
        return sum(
            Path(base, name).stat().st_size for base, _, names in os.walk(root) for name in names
        )

    def hash_all() -> None:
        for base, _, names in os.walk(root):
            for name in names:
                with Path(base, name).open("rb") as stream:
                    hashlib.file_digest(stream, "sha256")

    floor = cpu_s(hash_all, repeat)
    print(f"scan {count:,} files of about 500 bytes")
    row("os.walk and sha256 of every file (floor)", floor, floor)
    cold = {"options": {"stat_cache": False}}
    row(
        "landfast probe, no stat cache",
        cpu_s(lambda: client.probe(root, **limits, **cold), repeat),
        floor,
    )
    client.probe(root, **limits)
    warm = cpu_s(lambda: client.probe(root, **limits), repeat)
    row("landfast probe, warm stat cache", warm, floor, "reads no byte of data")
    row("os.walk and stat of every file", cpu_s(stat_all, repeat), floor)


def import_cost(repeat: int) -> None:
    """Import Landfast, beside an empty interpreter and boto3."""

    def run(code: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603

    floor = cpu_s(run("pass"), repeat)
    print("start an interpreter and import")
    row("nothing (floor)", floor, floor)
    row("landfast", cpu_s(run("import landfast"), repeat), floor)
    row(
        "landfast, and make a Client", cpu_s(run("import landfast; landfast.Client"), repeat), floor
    )
    row("boto3", cpu_s(run("import boto3"), repeat), floor)


def integration_import_cost(repeat: int) -> None:
    """Import each integration behind its orchestrator, in the integration's own environment."""
    for orchestrator, package in INTEGRATIONS.items():
        python = ROOT / ".venvs" / orchestrator / "bin" / "python"
        if not python.exists():
            print(f"import {package}: no environment; ./just test-with {orchestrator} makes it")
            continue
        spent = [_import_times_s(python, orchestrator, package) for _ in range(repeat)]
        floor, ours = (statistics.median(column) for column in zip(*spent, strict=True))
        print(f"import an integration behind {orchestrator}")
        row(f"{orchestrator} (floor)", floor, floor)
        row(f"{package}, on top of it", ours, floor, f"at most {MOST_ON_TOP_S} s")


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


def main() -> None:
    """Run every group."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory", type=int, default=600_000)
    parser.add_argument("--listed", type=int, default=1_000_000)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="landfast-bench-"))
    os.environ["LANDFAST_CACHE_DIR"] = str(folder / "cache")
    try:
        import_cost(given.repeat)
        integration_import_cost(given.repeat)
        s3_log.run(given.entries, given.repeat, given.memory)
        folder_scan(given.files, given.repeat, folder)
        file_pages.run(given.listed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
