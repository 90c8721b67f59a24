"""Try every case on every system, store what came of it, and write docs/torture.md.

    python -m conformance [--only CASE ...] [--system NAME ...] [--keep]

Without arguments all is tried, `conformance/results.json` and the page are written; with some it is only printed, or,
with `--keep`, stored in the place of what was stored of these cases and systems.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kit.servers.moto import moto

from conformance import page, results
from conformance.case import Case, cases
from conformance.outcomes import Result
from conformance.systems import SYSTEMS, System, driving
from conformance.trial import trying


def tried(system: System, wanted: Sequence[Case]) -> tuple[str, dict[str, Result]]:
    """Try cases on a system, one after the other; return its version, and what came of each."""
    found: dict[str, Result] = {}
    with driving(system) as driver, moto() as s3:
        for case in wanted:
            with (
                tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
                trying(driver, s3, Path(folder), case.versioning) as trial,
            ):
                found[case.name] = case.run(trial)
            print(
                f"{system.title:<10} {case.name:<28} {found[case.name].outcome}: {found[case.name].fact}",
                flush=True,
            )
        with tempfile.TemporaryDirectory() as folder:
            asked = driver.begin("version", {"distribution_name": system.package}, Path(folder), {})
            version = str(asked.answer())
    return version, found


def main() -> None:
    """Try them, three systems at a time."""
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", metavar="CASE", default=())
    parser.add_argument(
        "--system", nargs="+", metavar="NAME", default=(), choices=[s.name for s in SYSTEMS]
    )
    parser.add_argument("--keep", action="store_true", help="store it, and write the page")
    given = parser.parse_args()
    wanted = [case for case in cases() if not given.only or case.name in given.only]
    systems = [system for system in SYSTEMS if not given.system or system.name in given.system]
    with ThreadPoolExecutor(3) as pool:
        found = dict(zip(systems, pool.map(lambda s: tried(s, wanted), systems), strict=True))
    if given.keep or not (given.only or given.system):
        results.keep(found, [case.name for case in cases()])
        page.write()


if __name__ == "__main__":
    main()
