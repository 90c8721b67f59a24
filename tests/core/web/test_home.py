"""Home, project and collection: what is there, what it holds, when that changed."""

from pathlib import Path

import pytest
from kit.pages import Served
from landfast.client import Client


def test_an_empty_registry_says_how_to_begin(client: Client, pages: Served) -> None:
    client.init_registry()
    reply = pages.get("/")
    assert reply.status == 200
    assert "landfast put --reference" in reply.text


@pytest.mark.parametrize("path", ["/", "/default/vision", "/default/vision/data"])
def test_page_and_twin_say_the_same(client: Client, pages: Served, data: Path, path: str) -> None:
    client.log("data", data)
    (data / "a.txt").write_text("changed\n")
    client.log("data", data)
    page, twin = pages.get(path), pages.get(path + "?format=json")
    suffix = pages.get((path if path != "/" else "/index") + ".json")
    assert page.status == twin.status == suffix.status == 200
    assert twin.data == suffix.data
    assert twin.headers["content-type"] == "application/json"
    assert "v1" in page.text
    assert 'rel="alternate" type="application/json"' in page.text


def test_home_tells_looks_from_changes(client: Client, pages: Served, data: Path) -> None:
    client.log("data", data)
    client.log("data", data)
    (row,) = pages.get("/?format=json").data["collections"]
    looks = [
        look["at"]
        for look in reversed(
            pages.get("/default/vision/data.json").data["partition"]["observations"]
        )
    ]
    assert row["name"] == "default/vision/data"
    assert (row["latest"]["files"], row["latest"]["bytes"]) == (3, 16)
    assert looks[0] <= row["changed_at"] < row["observed_at"] == looks[1]


def test_a_collection_may_be_called_as_a_twin(client: Client, pages: Served, data: Path) -> None:
    client.log("data", data)
    client.log("data.json", data)
    assert pages.get("/default/vision/data.json").headers["content-type"].startswith("text/html")
    assert pages.get("/default/vision/data.json.json").data["name"] == "default/vision/data.json"
    assert pages.get("/default/vision/data?format=json").data["name"] == "default/vision/data"


def test_versions_are_listed_page_by_page_each_compared_with_the_one_before(
    client: Client, pages: Served, data: Path
) -> None:
    for number in range(27):
        (data / "a.txt").write_text(str(number))
        client.log("data", data)
    first = pages.get("/default/vision/data.json").data["partition"]
    second = pages.get("/default/vision/data.json?versions_page=2").data["partition"]
    listed = [each["version"] for each in first["versions"] + second["versions"]]
    assert listed == [f"v{number}" for number in range(26, -1, -1)]
    assert (first["before"], second["before"]) == ("v1", None)
    assert [point["version"] for point in first["plot"]][:2] == ["v0", "v1"]
    page = pages.get("/default/vision/data").text
    assert "old=v1&amp;new=v2" in page
    assert "versions_page=2" in page
