"""docs/benchmarks.md and its pictures are what the stored results say; a row knows whether its target is met."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.docs.pages import ROOT

AGAIN = "run .venv/bin/python benchmarks/page.py"


@pytest.fixture
def page(monkeypatch) -> Iterator[ModuleType]:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield importlib.import_module("page")
    for name in ("page", "rows", "chart"):
        sys.modules.pop(name, None)


def test_the_page_is_what_the_stored_results_say(page) -> None:
    written = page.PAGE.read_text(encoding="utf-8")
    assert page.page(written, page.kept()) == written, AGAIN


def test_the_pictures_are_what_the_stored_results_say(page) -> None:
    drawn = {path.name: path.read_text(encoding="utf-8") for path in page.PICTURES.iterdir()}
    assert drawn == page.pictures(page.kept()), AGAIN


@pytest.mark.parametrize(
    ("facts", "ratio", "met"),
    [
        ({"beside": 20.0, "ratio_at_most": 1 / 20}, "1/20", True),
        ({"beside": 19.0, "ratio_at_most": 1 / 20}, "1/19", False),
        ({"beside": 2.0, "ratio_at_least": 0.5}, "1/2", True),
        ({"beside": 0.1, "ratio_at_least": 20}, "x 10", False),
        ({"at_most": 1}, "", True),
        ({"at_least": 2}, "", False),
        ({"beside": 1.0}, "x 1", None),
    ],
)
def test_a_row_says_whether_its_target_is_met(page, facts: dict[str, Any], ratio, met) -> None:
    row = page.Row("work", 1.0, "s", peer="peer", **facts)
    assert row.met is met
    assert ratio == ("" if row.ratio is None else page.multiple(row.ratio))
    verdict = {True: "met", False: "**missed**", None: ""}[met]
    assert page._line(row).endswith(f"| {verdict} |")


def test_what_cannot_be_run_says_why_and_is_not_drawn(page) -> None:
    absent = {"what": "peer", "note": "it does not install"}
    group = {"title": "Peers", "machine": "one", "rows": [absent]}
    assert "not runnable here: it does not install" in page.page("", {"peers": group})
    assert page.pictures({"peers": group}) == {}
