"""docs/torture.md is what the stored results say, and Landfast's own column is what a run of today gives."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit.servers.moto import Moto

from conformance import page, processes, results, systems
from conformance.case import Case, cases
from conformance.outcomes import Outcome, Result, steady
from conformance.systems import SYSTEMS, Driver, Hung, System, driving
from conformance.trial import compared, trying

AGAIN = "run ./just torture"
# The first case of each group every day, all of them in the slow suite.
EVERY_DAY = {case.group: case.name for case in reversed(cases())}
CASES = [
    pytest.param(
        case,
        id=case.name,
        marks=[] if EVERY_DAY[case.group] == case.name else [pytest.mark.system],
    )
    for case in cases()
]


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with driving(SYSTEMS[0]) as running:
        yield running


def test_the_page_is_what_the_stored_results_say() -> None:
    written = page.PAGE.read_text(encoding="utf-8")
    assert page.page(written, *results.kept()) == written, AGAIN


def test_every_stored_cell_is_on_the_page() -> None:
    written = page.PAGE.read_text(encoding="utf-8")
    versions, found = results.kept()
    for case, row in found.items():
        for system, seen in row.items():
            for other in (
                Result(Outcome.NOT_SUPPORTED, seen.fact)
                if seen.outcome is not Outcome.NOT_SUPPORTED
                else Result(Outcome.HOLDS, seen.fact),
                Result(seen.outcome, f"{seen.fact} or so"),
            ):
                changed = found | {case: row | {system: other}}
                assert page.page(written, versions, changed) != written, (case, system)


MOMENTARY = re.compile(
    r"127\.0\.0\.1|localhost|:\d{4,5}\b|(?<![\w.])/(tmp|home|root|usr|var|dev)/|\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d"
    r"|[0-9a-f]{16}|\bpid\b|\d seconds"
)


def test_no_result_says_where_or_when_it_was_seen() -> None:
    _, found = results.kept()
    facts = [seen.fact for row in found.values() for seen in row.values()]
    assert [fact for fact in facts if MOMENTARY.search(fact)] == []


def test_every_case_has_a_stored_result_of_every_system() -> None:
    _, found = results.kept()
    assert list(found) == [case.name for case in cases()], AGAIN
    assert {tuple(row) for row in found.values()} == {tuple(s.name for s in SYSTEMS)}, AGAIN


@pytest.mark.parametrize("case", CASES)
def test_landfast_gives_the_stored_answer(
    case: Case, driver: Driver, moto_server: Moto, tmp_path: Path
) -> None:
    _, found = results.kept()
    with trying(driver, moto_server, tmp_path, case.versioning) as trial:
        seen = case.run(trial)
    moto_server.reset()
    assert seen == found[case.name]["landfast"], AGAIN
    assert seen.outcome in case.right or not case.promised_by("landfast")


def test_bytes_that_differ_are_told_before_files_that_lack() -> None:
    recorded = {"a": "1", "b": "2"}
    assert compared({"a": "1", "b": "2"}, recorded).outcome is Outcome.HOLDS
    assert compared({"a": "9"}, recorded).outcome is Outcome.WRONG_BYTES
    assert compared({"a": "1"}, recorded).outcome is Outcome.SILENT_LOSS
    assert compared({"a": "1"}, recorded, said="skipped b").outcome is Outcome.FAILS_LOUDLY
    assert compared({**recorded, "c": "3"}, recorded).outcome is Outcome.DOES_NOT_HOLD


def test_a_message_is_the_same_in_every_run() -> None:
    told = "http://127.0.0.1:4711/x at 2026-01-02T03:04:05Z: 0123456789abcdef01 in /tmp/q/data"
    assert steady(told, {"/tmp/q": "."}) == "http://server/x at (time): (id) in ./data"


def test_what_differs_from_what_is_stored_is_said_cell_by_cell() -> None:
    landfast = SYSTEMS[0]
    versions, found = results.kept()
    seen = {name: row["landfast"] for name, row in found.items()}
    assert list(results.differences({landfast: (versions["landfast"], seen)})) == []
    seen["overwritten"] = Result(Outcome.SILENT_LOSS, "nothing is there")
    assert list(results.differences({landfast: ("9.9", seen)})) == [
        f"Landfast: stored of version {versions['landfast']}, tried 9.9",
        "Landfast, overwritten:",
        f"  stored  holds: {found['overwritten']['landfast'].fact}",
        "  seen    silent loss: nothing is there",
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray(System):
    """A system that starts a process in a session of its own, and leaves it."""

    @property
    def python(self) -> Path:
        """This one."""
        return Path(sys.executable)

    @property
    def module(self) -> str:
        """Beside this test."""
        return "tests.docs.stray_driver"


STRAY = Stray(name="stray", title="Stray", package="pytest", how="badly")


def stray_of(driver: Driver, tmp_path: Path, verb: str) -> int:
    """Begin a call that leaves a process behind; return its pid when it runs."""
    told = tmp_path / "told"
    call = driver.begin(verb, {"told": str(told)}, tmp_path, {})
    with call.connection, call.lines:
        while not told.exists():
            time.sleep(0.01)
    return int(told.read_text())


def test_what_a_call_leaves_behind_is_ended_with_its_case(tmp_path: Path) -> None:
    with driving(STRAY) as driver:
        stray = stray_of(driver, tmp_path, "leave")
        assert {driver.pid, stray} <= processes.marked(driver.mark).keys()
        driver.end_calls()
        assert list(processes.marked(driver.mark)) == [driver.pid]
    assert processes.marked(driver.mark) == {}


def test_what_a_driver_leaves_behind_is_ended_also_when_it_is_killed(tmp_path: Path) -> None:
    with driving(STRAY) as driver:
        stray = stray_of(driver, tmp_path, "leave_and_wait")
        assert stray in processes.marked(driver.mark)
        os.kill(driver.pid, signal.SIGKILL)
    assert processes.marked(driver.mark) == {}


def test_a_call_hangs_if_it_does_not_work_however_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systems, "PATIENCE_S", 0.5)
    with driving(STRAY) as driver:
        call = driver.begin("work", {"seconds": 1.2}, tmp_path, {})
        assert call.answer() == "done"
        with pytest.raises(Hung):
            driver.begin("leave_and_wait", {"told": str(tmp_path / "told")}, tmp_path, {}).answer()


@pytest.mark.parametrize(
    "asked",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.system),
        pytest.param(None, marks=pytest.mark.system),
    ],
)
def test_the_command_leaves_no_process(asked: signal.Signals | None) -> None:
    mark = uuid.uuid4().hex
    some = ["overwritten", "link_loop"] if asked is None else [case.name for case in cases()]
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", "--system", "landfast", "--only", *some],
        env=os.environ | {"PYTHONPATH": "tests", "CONFORMANCE_TEST": mark},
        cwd=page.ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert "overwritten" in process.stdout.readline()
        if asked is not None:
            process.send_signal(asked)
        process.communicate()
    assert process.returncode == (0 if asked is None else 128 + asked)
    assert processes.marked(mark, variable="CONFORMANCE_TEST") == {}
