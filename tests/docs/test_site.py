"""The site: every link and anchor leads somewhere, no page asks another host, and it is readable on any screen."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from kit.browser import Browser
from kit.scripts import load_script

from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The script, at work in a copy of what it reads."""
    module = load_script("site")
    root = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", root / "docs")
    (root / "core").mkdir()
    for file in ("zensical.toml", "core/pyproject.toml"):
        shutil.copy(ROOT / file, root / file)
    module.ROOT, module.DOCS, module.OUT = root, root / "docs", root / "dist"
    module.SOURCE, module.BUILT = root / "dist/docs-source", root / "dist/docs-built"
    module.SITE = root / "dist/docs"
    return module


@pytest.fixture(scope="module")
def built(site: ModuleType) -> Path:
    """The folder that a web server would serve; a version before lies in it already."""
    (site.SITE / "0.0").mkdir(parents=True)
    assert site.main() == 0
    return Path(site.SITE)


def test_the_site_is_whole_and_lists_its_versions(built: Path, site: ModuleType) -> None:
    version = site.minor_version()
    listed = json.loads((built / "versions.json").read_text(encoding="utf-8"))
    assert [(one["version"], one["aliases"]) for one in listed] == [
        (version, ["latest"]),
        ("0.0", []),
    ]
    pages = {page.relative_to(site.DOCS).with_suffix(".html") for page in site.DOCS.rglob("*.md")}
    found = {page.relative_to(built / version) for page in (built / version).rglob("*.html")}
    assert {page for page in pages if page.name != "README.html"} <= found
    assert "python-api" in (built / version / "search.json").read_text(encoding="utf-8")
    assert f"url={version}/index.html" in (built / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ('<a href="nowhere.html">', "leads nowhere"),
        ('<a href="#nothing">', "no such anchor"),
        ('<a href="b.html#nothing">', "no such anchor"),
        ('<img src="gone.png">', "leads nowhere"),
        ('<script src="https://cdn.example.org/x.js">', "fetches https://cdn"),
        ('<link rel="stylesheet" href="//fonts.example.org/x.css">', "fetches //fonts"),
        ('<a href="https://example.org/">', None),
        ('<link rel="next" href="https://example.org/">', None),
        ('<a href="b.html#there"><p id="here"><a href="#here">', None),
    ],
)
def test_what_is_wrong_with_a_page_is_told(
    site: ModuleType, tmp_path: Path, html: str, told: str | None
) -> None:
    (tmp_path / "a.html").write_text(html)
    (tmp_path / "b.html").write_text('<p id="there">')
    problems = list(site.broken(tmp_path))
    assert [told in problem for problem in problems] == ([True] if told else [])


def test_a_style_that_fetches_fonts_is_told(site: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@font-face { src: url(https://fonts.example.org/x.woff2) }")
    assert list(site.broken(tmp_path)) == ["a.css: fetches from elsewhere"]


def test_every_page_is_in_the_navigation(site: ModuleType) -> None:
    assert list(site.unlisted()) == []


@pytest.fixture
def served(built: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(built))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.system
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_any_screen_and_ask_nobody_else(
    browser: Browser, site: ModuleType, served: str, width: int, scheme: str
) -> None:
    page: Any = browser.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for name, text in (("index", "know what Landfast is and is not"), ("json", "JSON output")):
        browser.open(f"{served}/{site.minor_version()}/{name}.html", text)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_attribute("body", "data-md-color-scheme") == (
            "slate" if scheme == "dark" else "default"
        )
    assert [url for url in asked if not url.startswith((served, "data:", "blob:"))] == []
