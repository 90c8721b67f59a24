"""Every page does what it says: its Python runs, its commands print what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import landfast
import pytest

from tests.docs.pages import blocks, name_of, pages
from tests.docs.reader import Reader
from tests.docs.worlds import WORLDS

RUNNABLE = [
    page
    for page in pages()
    if any(b.language in {"python", "console", "sh"} and not b.file_name for b in blocks(page))
]


@pytest.fixture(autouse=True)
def no_run_is_left() -> Iterator[None]:
    yield
    if run := landfast.current_run():
        run.finish()


@pytest.mark.parametrize("page", RUNNABLE, ids=name_of)
def test_what_a_page_says_can_be_done(
    page: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, python: list[str]
) -> None:
    reader = Reader(page=page, monkeypatch=monkeypatch, python=python)
    for setup in WORLDS.get(name_of(page), []):
        setup(request, reader)
    reader.read()
    assert reader.ran


def test_blocks_say_what_they_are() -> None:
    known = {
        "python",
        "pycon",
        "console",
        "sh",
        "toml",
        "yaml",
        "json",
        "text",
        "sql",
        "abnf",
        "ini",
    }
    for page in pages():
        for block in blocks(page):
            assert block.language in known, f"{name_of(page)}:{block.line}: {block.language!r}"


def test_every_world_has_its_page() -> None:
    assert WORLDS.keys() <= {name_of(page) for page in RUNNABLE}
