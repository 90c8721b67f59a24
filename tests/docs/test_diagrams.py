"""Diagrams: drawn by their script, in light and dark, shown by a page, and described for who cannot see them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from kit.browser import Browser
from kit.scripts import load_script

from tests.docs.pages import ROOT

DIAGRAMS = load_script("diagrams")
FOLDER = ROOT / "docs" / "images" / "diagrams"
SVG = "{http://www.w3.org/2000/svg}"
NAMES = [one.name for one in DIAGRAMS.DIAGRAMS]


def test_the_pictures_are_what_the_script_draws() -> None:
    stored = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}
    assert stored == DIAGRAMS.pictures(), "run .venv/bin/python scripts/diagrams"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_each_picture_in_both_looks_with_its_words(name: str) -> None:
    (diagram,) = [one for one in DIAGRAMS.DIAGRAMS if one.name == name]
    shown = DIAGRAMS.embedded(diagram)
    pages = (ROOT / "docs").glob("*.md")
    assert any(shown in page.read_text(encoding="utf-8") for page in pages), shown


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.stem)
def test_a_picture_has_a_title_and_a_description_and_fetches_nothing(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    ids = (root.get("aria-labelledby") or "").split()
    assert [root.find(SVG + tag) is not None for tag in ("title", "desc")] == [True, True]
    assert ids == [element.get("id") for element in root if element.tag != SVG + "rect"][:2]
    assert root.get("role") == "img"
    assert "href" not in text
    assert text.count("http") == 1  # the name of SVG itself


@pytest.mark.system
def test_every_word_is_inside_its_box(browser: Browser) -> None:
    page: Any = browser.page
    for file in sorted(FOLDER.iterdir()):
        page.goto(f"file://{file}")
        wide = page.evaluate(
            """() => {
              const boxes = [...document.querySelectorAll("rect")].slice(1).map(one => one.getBBox());
              return [...document.querySelectorAll("text")].filter(text => {
                const t = text.getBBox();
                const own = boxes.find(b => t.x >= b.x && t.x < b.x + b.width && t.y >= b.y && t.y < b.y + b.height);
                return t.x + t.width > (own ? own.x + own.width : 360);
              }).map(text => text.textContent);
            }"""
        )
        assert wide == [], file.name
