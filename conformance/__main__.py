"""Try every case on every system, store what came of it, and write docs/torture.md.

    python -m conformance [--only CASE ...] [--system NAME ...] [--keep | --check]

Without arguments all is tried, `conformance/results.json` and the page are written; with some it is only printed, or,
with `--keep`, stored in the place of what was stored of these cases and systems.  `--check` writes nothing: it says
what came out otherwise than is stored, and ends with 1 if something did.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NoReturn

from kit.servers.moto import moto

from conformance import page, processes, results
from conformance.case import Case, cases
from conformance.outcomes import Result
from conformance.systems import RUN, SYSTEMS, System, driving
from conformance.trial import trying

_stopped = threading.Event()


def tried(system: System, wanted: Sequence[Case]) -> tuple[str, dict[str, Result]]:
    """Try cases on a system, one after the other; return its version, and what came of each."""
    found: dict[str, Result] = {}
    with driving(system) as driver, moto() as s3:
        for case in wanted:
            if _stopped.is_set():
                raise CancelledError
            with (
                tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
                trying(driver, s3, Path(folder), case.versioning) as trial,
            ):
                try:
                    found[case.name] = case.run(trial)
                finally:
                    driver.end_calls()
            print(
                f"{system.title:<10} {case.name:<28} {found[case.name].outcome}: {found[case.name].fact}",
                flush=True,
            )
        with tempfile.TemporaryDirectory() as folder:
            asked = driver.begin("version", {"distribution_name": system.package}, Path(folder), {})
            version = str(asked.answer())
    return version, found


def all_tried(systems: Sequence[System], wanted: Sequence[Case]) -> results.Found:
    """Try them, three systems at a time; where one fails, or all is to end, end what the others do too."""
    with ThreadPoolExecutor(3) as pool:
        begun = {system: pool.submit(tried, system, wanted) for system in systems}
        try:
            left = set(begun.values())
            while left:  # a signal is looked at whenever it wakes
                done, left = wait(left, timeout=1, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            return {system: future.result() for system, future in begun.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _stopped.set()
            processes.end(RUN)
            raise


def _interrupted(signal_number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + signal_number)


def main() -> None:
    """Read the command line, and do it."""
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", metavar="CASE", default=())
    parser.add_argument(
        "--system", nargs="+", metavar="NAME", default=(), choices=[s.name for s in SYSTEMS]
    )
    whether = parser.add_mutually_exclusive_group()
    whether.add_argument("--keep", action="store_true", help="store it, and write the page")
    whether.add_argument(
        "--check", action="store_true", help="say what differs from what is stored"
    )
    given = parser.parse_args()
    order = [case.name for case in cases()]
    if unknown := set(given.only) - set(order):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    wanted = [case for case in cases() if not given.only or case.name in given.only]
    systems = [system for system in SYSTEMS if not given.system or system.name in given.system]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    found = all_tried(systems, wanted)
    if given.check:
        check(found, order)
    elif given.keep or not (given.only or given.system):
        results.keep(found, order)
        page.write()


def check(found: results.Found, order: Sequence[str]) -> None:
    """Say what differs from what is stored, and whether all is the same letter by letter.

    Raises:
        SystemExit: If it is not.
    """
    differing = list(results.differences(found))
    for line in differing:
        print(line)
    is_same = results.FILE.read_text(encoding="utf-8") == results.stored(found, order)
    if differing or not (is_same and page.is_current()):
        sys.exit("what was seen differs from what is stored: run ./just torture")
    print("the same as stored, letter by letter")


if __name__ == "__main__":
    main()
