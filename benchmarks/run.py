"""Run every benchmark, one after the other, each in a process of its own.

    python benchmarks/run.py [NAME ...] [--full] [--keep]

Small sizes take a few minutes; `--full` is for the record, and `--keep` stores what it measured and makes
docs/benchmarks.md of it.  A benchmark is a script here that ends in `command(...)` of `rows.py`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def scripts() -> dict[str, Path]:
    """Return the benchmarks by name."""
    found = sorted(HERE.glob("*.py"))
    return {path.stem: path for path in found if "\n    command(" in path.read_text()}


def main() -> None:
    """Run those that were named, else all; go on behind one that fails, and fail at the end."""
    known = scripts()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--full", action="store_true", help="sizes for the record")
    parser.add_argument("--keep", action="store_true", help="store the rows, and write the page")
    given = parser.parse_args()
    options = [f"--{name}" for name in ("full", "keep") if getattr(given, name)]
    failed = []
    for name in given.names or known:
        done = subprocess.run([sys.executable, known[name], *options], check=False)  # noqa: S603
        failed += [name] if done.returncode else []
    if given.keep:
        subprocess.run([sys.executable, HERE / "page.py"], check=True)  # noqa: S603
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
