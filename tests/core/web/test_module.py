"""The ES module in a real browser: the drawing moves, lists filter, keys work, and the policy is kept."""

from collections.abc import Iterator
from typing import Any

import pytest
from kit.browser import browser
from kit.lineages import Recorder
from kit.pages import Served
from landfast.client import Client

pytestmark = pytest.mark.system


@pytest.fixture
def page(client: Client, pages: Served) -> Iterator[Any]:
    """A window, whose errors and reports of the policy end the test; `pages` has three runs of one version."""
    client.init_registry()
    recorder = Recorder(client.registry)
    photos = recorder.log("photos")
    for name in ("resize", "train", "score"):
        run = recorder.run(name, node=name, name=f"{name} photos")
        recorder.use(run, photos)
        recorder.log(f"of-{name}", run)
    problems: list[str] = []
    with browser() as window:
        window.page.on("console", lambda said: problems.append(said.text))
        window.page.on("pageerror", lambda error: problems.append(str(error)))
        yield window.page
    assert problems == []


LINEAGE = "/default/vision/photos/lineage?version=v0"


def view(page: Any) -> list[float]:
    """The part of the drawing that is shown: left, top, width, height."""
    return [float(part) for part in page.locator(".graph > svg").get_attribute("viewBox").split()]


def test_a_drawing_is_moved_by_keys_mouse_and_buttons(pages: Served, page: Any) -> None:
    page.goto(pages.url + LINEAGE)
    page.locator(".graph.live").focus()
    whole = view(page)
    page.keyboard.press("+")
    larger = view(page)
    assert larger[2] < whole[2]
    page.keyboard.press("ArrowRight")
    assert view(page)[0] > larger[0]
    page.keyboard.press("0")
    assert view(page) == pytest.approx(whole)
    page.get_by_role("button", name="Larger").click()
    nearer = view(page)
    assert nearer[2] < whole[2]
    box = page.locator(".graph").bounding_box()
    start = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] - 60, start[1], steps=4)
    page.mouse.up()
    assert view(page)[0] > nearer[0]
    # A drag that begins on a link is no click on it.
    assert page.url == pages.url + LINEAGE
    page.mouse.move(*start)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -240)
    page.wait_for_function(
        "was => Number(document.querySelector('.graph > svg').getAttribute('viewBox').split(' ')[2]) < was",
        arg=nearer[2],
    )
    page.keyboard.up("Control")


def test_a_click_opens_what_is_hidden_and_the_keyboard_reaches_it(pages: Served, page: Any) -> None:
    page.goto(pages.url + "/default/vision/of-train/lineage?version=v0")
    assert page.locator(".node.run").count() == 1
    page.locator(".node.version:not(.root) .more").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**expand=**")
    assert page.locator(".node.run").count() == 3
    page.locator(".node .less").click()
    page.wait_for_function("!location.search.includes('expand=')")
    assert page.locator(".node.run").count() == 1


def test_a_list_filters_as_one_types(pages: Served, page: Any) -> None:
    page.goto(pages.url + "/runs")
    rows = page.locator("#runs tbody tr")
    assert rows.count() == 3
    page.locator("input[name=q]").nth(1).fill("TRAIN")
    assert [row.is_visible() for row in rows.all()] == [False, True, False]
    assert page.locator("form output").inner_text().startswith("2 of 3 on this page")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=TRAIN**")
    assert page.locator("#runs tbody tr").count() == 1


def test_keys_lead_through_lists(pages: Served, page: Any) -> None:
    page.goto(pages.url + "/runs")

    def focused() -> str:
        return str(page.evaluate("document.activeElement.textContent"))

    page.keyboard.press("j")
    assert focused() == "score photos"
    page.keyboard.press("j")
    assert focused() == "train photos"
    page.keyboard.press("k")
    assert focused() == "score photos"
    page.keyboard.press("?")
    assert page.locator("dialog.keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog.keys").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("j?")
    assert page.locator("#search").input_value() == "j?"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")
