"""Each question that people ask has a place that answers it; threads of other tools are cited by what they are."""

from __future__ import annotations

import re

from tests.core.test_docs_are_true import headings
from tests.docs.pages import ROOT

PAGE = ROOT / "docs/questions.md"
ROW = re.compile(r"^\| (.+?) \| (.+?) \| \[[^\]]+\]\(([^)]+)\) \| (.*) \|$", re.MULTILINE)
THREAD = re.compile(r"\[[^\]]+ #(\d+)\]\((https://github\.com/\S+)\)")
ROWS = [row for row in ROW.findall(PAGE.read_text()) if row[0].endswith("?")]


def test_there_are_forty_questions_and_each_is_asked_once() -> None:
    asked = [row[0] for row in ROWS]
    assert len(asked) == len(set(asked)) >= 40
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    heads = len(re.findall("^## ", PAGE.read_text(), re.MULTILINE))
    assert len(lines) == len(ROWS) + heads, "a row is not read"


def test_each_is_answered_by_a_place_that_exists() -> None:
    for question, _, answer, _ in ROWS:
        page, _, anchor = answer.partition("#")
        assert (PAGE.parent / page).is_file(), question
        assert not anchor or anchor in headings(PAGE.parent / page), (question, answer)


def test_threads_are_cited_by_their_number() -> None:
    cited = [THREAD.fullmatch(row[3]) for row in ROWS if row[3]]
    assert len(cited) >= 20
    for thread in cited:
        assert thread is not None
        assert re.search(rf"/(issues|pull)/{thread[1]}$", thread[2])
