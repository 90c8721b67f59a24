"""docs/torture.md is what the stored results say, and Landfast's own column is what a run of today gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.servers.moto import Moto

from conformance import page, results
from conformance.case import Case, cases
from conformance.outcomes import Outcome, steady
from conformance.systems import SYSTEMS, Driver, driving
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
