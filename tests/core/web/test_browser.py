"""The demo's registry in a real browser: every page, every link, no complaint; by keyboard, without scripts."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from kit.browser import Browser
from kit.ui import running
from kit.visitor import Visitor, visiting

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

FLOWER = "/default/demo/digits-s3/file?version=v0&path=photos%2Fflower.jpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo recorded, its S3 server, and pages that show both."""

    url: str
    proxied: str
    s3: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo's registry and bucket, and two servers of pages that have cached nothing."""
    folder = tmp_path_factory.mktemp("demo")
    command = [
        sys.executable,
        "-m",
        "landfast",
        "demo",
        "--json",
        "--serve",
        "--root",
        f"{folder}/work",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as told:
        try:
            environment = _environment(told)
            environment["LANDFAST_CACHE_DIR"] = str(folder / "another-cache")
            serve = ["ui", "--no-open", "--port", "0"]
            with (
                running(serve, environment) as url,
                running([*serve, "--previews", "proxy"], environment) as proxied,
            ):
                yield Demo(url=url, proxied=proxied, s3=environment["AWS_ENDPOINT_URL_S3"])
        finally:
            told.send_signal(signal.SIGINT)


def _environment(told: subprocess.Popen[str]) -> dict[str, str]:
    text = ""
    assert told.stdout is not None
    for line in told.stdout:
        text += line
        if line.startswith("}"):
            return dict(json.loads(text)["environment"])
    pytest.fail(f"the demo ended without its claims: {text}")


@pytest.fixture(scope="module")
def whole(demo: Demo) -> tuple[list[str], Visitor]:
    """Every page that links lead to, visited."""
    with visiting(demo.url, allowed=(demo.s3,)) as visitor:
        visited = visitor.crawl()
    return visited, visitor


@pytest.fixture
def visitor(demo: Demo) -> Iterator[Visitor]:
    """A window that has seen nothing; whatever it complains of is a fault."""
    with visiting(demo.url, allowed=(demo.s3,), viewport={"width": 1360, "height": 900}) as made:
        yield made
    assert not made.problems


def kinds(paths: list[str]) -> list[str]:
    """One page for each set of path and parameters."""
    found: dict[tuple[str, ...], str] = {}
    for path in paths:
        place, _, query = path.partition("?")
        names = sorted({each.partition("=")[0] for each in query.split("&")})
        found.setdefault((*place.split("/")[4:], str(place.count("/")), *names), path)
    return list(found.values())


def test_every_link_leads_to_a_page_and_the_browser_has_no_complaint(
    demo: Demo, whole: tuple[list[str], Visitor]
) -> None:
    visited, visitor = whole
    assert not visitor.problems, "\n".join(visitor.problems)
    assert visitor.asked == {demo.url, demo.s3}
    views = {re.sub(r"\?.*", "", path).rpartition("/")[2] for path in visited}
    assert {"files", "file", "diff", "lineage", "runs", "changes", "object", "health"} <= views


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault_of_access(
    demo: Demo, whole: tuple[list[str], Visitor], scheme: str
) -> None:
    with visiting(demo.url, color_scheme=scheme) as visitor:
        for path in kinds(whole[0]):
            visitor.visit(path)
            found = Axe().run(visitor.page).response["violations"]
            serious = [each for each in found if each["impact"] in {"serious", "critical"}]
            told = [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in serious]
            assert not told, (path, told)


def test_pages_answer_without_scripts(demo: Demo, whole: tuple[list[str], Visitor]) -> None:
    with visiting(demo.url, allowed=(demo.s3,), java_script_enabled=False) as visitor:
        for path in kinds(whole[0]):
            assert "This cannot be shown" not in visitor.visit(path)
    assert not visitor.problems


def test_pages_fit_a_narrow_screen(demo: Demo, whole: tuple[list[str], Visitor]) -> None:
    with visiting(demo.url, viewport={"width": 390, "height": 800}) as visitor:
        for path in kinds(whole[0]):
            visitor.visit(path)
            width = visitor.page.evaluate("document.documentElement.scrollWidth")
            assert width <= 390, (path, width)


@pytest.mark.parametrize("mode", ["presigned", "proxy"])
def test_a_picture_of_a_private_bucket_is_seen(demo: Demo, mode: str) -> None:
    base = demo.url if mode == "presigned" else demo.proxied
    with visiting(base, allowed=(demo.s3,)) as visitor:
        visitor.visit(FLOWER)
        picture = visitor.page.locator("main img")
        assert picture.evaluate("seen => seen.decode().then(() => seen.naturalWidth)") == 640
    assert not visitor.problems
    assert (demo.s3 in visitor.asked) == (mode == "presigned")


def test_lineage_is_followed_both_ways_and_as_of_a_time(visitor: Visitor) -> None:
    page = visitor.page
    text = visitor.visit("/default/demo/classifier/lineage?version=v0")
    assert "digits" in text
    page.locator('svg a[href*="digits"]').first.click()
    page.wait_for_load_state()
    text = visitor.visit("/default/demo/digits/lineage?version=v0")
    assert "classifier" in text
    text = visitor.visit("/default/demo/digits/lineage?version=v0&as_of=2020-01-01")
    assert "classifier" not in text.partition("All of it")[2]


def test_the_keyboard_is_enough(visitor: Visitor) -> None:
    page = visitor.page
    visitor.visit("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("classif")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=classif**")
    _tab_to(page, "default/demo/classifier")
    page.keyboard.press("Enter")
    page.wait_for_url("**/default/demo/classifier")
    _tab_to(page, "v0")
    page.keyboard.press("Enter")
    page.wait_for_url("**version=v0")
    assert "weights.npz" in page.inner_text("main")


def _tab_to(page: Any, text: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == text:
            return
    pytest.fail(f"Tab never comes to {text!r}")


PICTURES = {
    "web-home": ("/", ["default/demo/digits-s3", "Size over time", "Last observed"]),
    "web-collection": ("/default/demo/digits", ["Observations", "unchanged", "Size"]),
    "web-version": (
        "/default/demo/digits-s3?version=v1",
        ["Content digest", "Restorable", "Use it"],
    ),
    "web-files": ("/default/demo/digits-s3/files?version=v1", ["photos/", "3.csv", "s3-etag"]),
    "web-file": (FLOWER, ["flower.jpg", "Preview", "Download"]),
    "web-diff": ("/default/demo/digits/diff?old=v0&new=v1", ["7.csv", "modified"]),
    "web-lineage": ("/default/demo/classifier/lineage?version=v0&up=2", ["digits", "train"]),
    "web-health": ("/-/health", ["Registry", "Check the store"]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture_of_a_page(visitor: Visitor, name: str) -> None:
    path, texts = PICTURES[name]
    visitor.visit(path)
    Browser(visitor.page).picture(name, *texts)
    assert Path(__file__).parents[3].joinpath("docs", "images", f"{name}.png").exists()
