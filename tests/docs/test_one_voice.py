"""The pages of the three orchestrators have the same sections, by the same names, in one order."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT

PAGES = ("dagster", "prefect", "airflow")
SECTIONS = {
    "Start": ["Log and use", "Connect"],
    "How to": [
        "Write an artifact",
        "Say what is read",
        "Skip unchanged work",
        "Take snapshots",
        "Every entry of snapshots.yaml",
        "Start on a change",
        "Follow what others log",
        "Verify and promote",
        "Scan what is large",
        "Steps in other languages",
    ],
    "Reference": ["Partitions", "Names and lineage", "What an event says", "Versions"],
    "Known problems": [],
}
# What one has a word for and the others do by themselves.
OWN = {"Skip unchanged work": "prefect"}
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def sections(page: str) -> dict[str, list[str]]:
    """Return the headings of a page, each with those below it."""
    text = FENCED.sub("", (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {}
    for marks, title in re.findall(r"^(#{2,3}) (.+)$", text, re.MULTILINE):
        if marks == "##":
            found[title] = []
        else:
            found[list(found)[-1]].append(title)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_sections_of_all(page: str) -> None:
    expected = {
        section: [title for title in titles if OWN.get(title, page) == page]
        for section, titles in SECTIONS.items()
    }
    found = sections(page)
    assert list(found) == list(SECTIONS)
    assert found == expected


@pytest.mark.parametrize("page", PAGES)
def test_a_page_begins_with_what_it_is_for_and_how_to_install_it(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    _, purpose, install = text.split("\n\n")[:3]
    assert purpose.startswith("With this integration, ")
    assert install.startswith("Install `pip install ")
