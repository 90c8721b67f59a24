"""The page about the example shows what stands in its files; what it prints is checked in `tests/together`."""

from __future__ import annotations

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "together.md"


def test_what_the_page_shows_of_a_file_stands_there() -> None:
    shown = [block for block in blocks(PAGE) if block.file_name is not None]
    assert len(shown) == 4
    for block in shown:
        _, _, text = block.text.partition("\n")
        assert text in (ROOT / str(block.file_name)).read_text(encoding="utf-8"), block.file_name


def test_every_file_of_the_example_is_in_its_index() -> None:
    folder = ROOT / "examples" / "together"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for file in [*folder.rglob("*.py"), *folder.glob("*.sh")]:
        assert f"({file.relative_to(folder)})" in index
