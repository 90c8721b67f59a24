"""What values show of themselves in a notebook: the same templates, no script, harmless on hostile names."""

import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from kit.pages import Served
from landfast.client import Client

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a\u202egpj.exe",
    "a\nb\x1b[2J",
]
ALLOWED = {"div", "style", "table", "tr", "th", "td", "code", "bdi", "span", "b", "time"}


class Tags(HTMLParser):
    """Which elements and attributes a fragment has, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def logged(client: Client, tmp_path: Path) -> Client:
    folder = tmp_path / "hostile"
    folder.mkdir()
    for number, name in enumerate(HOSTILE):
        (folder / name.replace("/", "_")).write_text(str(number))
    metadata = {"<script>": "</script><script>alert(2)</script>"}
    client.log("hostile", folder, metadata=metadata)
    (folder / "new").write_text("<b>")
    client.log("hostile", folder)
    return client


SHOWN: dict[str, Callable[[Client], Any]] = {
    "version": lambda client: client.get("hostile:v0"),
    "manifest": lambda client: client.get("hostile:v0").manifest,
    "diff": lambda client: client.diff("hostile:v0", "hostile:v1"),
    "same": lambda client: client.diff("hostile:v0", "hostile:v0"),
    "lineage": lambda client: client.lineage("hostile:v0"),
    "history": lambda client: client.history("hostile"),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_a_value_shows_itself_harmlessly(logged: Client, kind: str) -> None:
    value = SHOWN[kind](logged)
    fragment = value._repr_html_()
    tags = Tags()
    tags.feed(fragment)
    assert tags.tags <= ALLOWED
    assert tags.attributes <= {"class", "datetime", "colspan"}
    assert "\u202e" not in fragment
    assert "\x1b" not in fragment


def test_what_is_shown(logged: Client) -> None:
    def text(kind: str) -> str:
        tags = Tags()
        tags.feed(SHOWN[kind](logged)._repr_html_())
        return " ".join(tags.text.split())

    assert "default/vision/hostile:v0" in text("version")
    assert "4 files" in text("version")
    assert r"a\u202egpj.exe" in text("manifest")
    assert "1 added" in text("diff")
    assert "No difference" in text("same")
    assert "logged" in text("lineage")
    assert "2 looks" in text("history")


def test_long_manifests_are_cut(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:03}").write_text("x")
    shown = client.log("many", folder).manifest._repr_html_()
    assert shown is not None
    assert shown.count("<tr>") == 51
    assert "and 10 more files" in shown


def test_history_is_a_list(logged: Client) -> None:
    history = logged.history("hostile")
    assert isinstance(history, list)
    assert [look.outcome for look in history] == ["created", "created"]
    assert repr(history).startswith("[Observation(")


def test_without_the_extra_the_plain_text_is_kept() -> None:
    probe = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from landfast.model.diff import ManifestDiff\n"
        "assert ManifestDiff(old='lf1:0', new='lf1:0')._repr_html_() is None\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True)


def test_the_same_escapes_hold_on_pages(logged: Client, pages: Served) -> None:
    page = pages.get("/default/vision/hostile?version=v0").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
