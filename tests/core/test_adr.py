"""The decisions: numbered without gaps, listed, and true of what is installed."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "adr"
PAGES = sorted(FOLDER.glob("[0-9]*.md"))


def test_the_pages_are_numbered_without_gaps_and_listed() -> None:
    numbers = [int(page.name[:4]) for page in PAGES]
    assert numbers == list(range(1, len(PAGES) + 1))
    listed = re.findall(r"\((\d{4}-[a-z-]+\.md)\)", (FOLDER / "README.md").read_text())
    assert listed == [page.name for page in PAGES]


def test_every_page_says_context_decision_consequences_and_alternatives() -> None:
    for page in PAGES:
        text = page.read_text()
        heads = re.findall(r"^## (\w+)", text, re.MULTILINE)
        assert heads[:3] == ["Context", "Decision", "Consequences"], page.name
        assert heads[3:] in (["Alternatives"], ["Rejected"]), page.name
        assert re.match(rf"# {page.name[:4]}:? \S", text), page.name
        assert len(text.splitlines()) < 100, f"{page.name} is longer than a page"


def test_every_library_that_core_needs_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text())["project"]
    reasons = (FOLDER / "0009-libraries.md").read_text().lower()
    for requirement in project["dependencies"]:
        name = re.split(r"[<>=\[;]", requirement)[0]
        assert name in reasons, name
