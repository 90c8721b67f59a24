"""The page of differences: by folder, by kind, by page, and one file beside the other."""

from pathlib import Path
from urllib.parse import quote

import landfast
import pytest
from kit.pages import Served
from kit.recorded import entry, record
from landfast.client import Client

DIFF = "/default/vision/data/diff.json"


def keep(client: Client, folder: Path, metadata: dict[str, object] | None = None) -> None:
    """Log a folder of which the registry's store keeps the bytes."""
    artifact = landfast.Artifact("data", "dataset", client=client, metadata=metadata)
    artifact.add_dir(folder)
    client.log_artifact(artifact)


@pytest.fixture
def changed(client: Client, data: Path) -> None:
    """Two versions, of which the second has a difference of each kind but one."""
    (data / "b" / "old.txt").write_text("moved\n")
    (data / "gone.txt").write_text("gone\n")
    keep(client, data, {"epoch": 1, "kept": True})
    (data / "b" / "old.txt").rename(data / "b" / "new.txt")
    (data / "gone.txt").unlink()
    (data / "come.txt").write_text("come\n")
    (data / "b" / "c.csv").write_text("x,y\n1,3\n")
    keep(client, data, {"epoch": 2, "kept": True})


@pytest.mark.usefixtures("changed")
def test_differences_are_counted_by_kind_and_folder(pages: Served) -> None:
    found = pages.get(f"{DIFF}?old=v0&new=v1").data
    assert found["total"]["counts"] == {
        "added": 1,
        "removed": 1,
        "modified": 1,
        "renamed": 1,
        "repinned": 0,
    }
    assert (found["unchanged"], found["unchanged_bytes"]) == (2, 8)
    assert [(each["name"], each["count"]) for each in found["folders"]] == [("b/", 2)]
    rows = [(row["kind"], row["name"]) for row in found["rows"]]
    assert rows == [
        ("modified", "b/c.csv"),
        ("renamed", "b/new.txt"),
        ("added", "come.txt"),
        ("removed", "gone.txt"),
    ]
    assert found["metadata"] == [{"key": "epoch", "old": 1, "new": 2}]
    page = pages.get("/default/vision/data/diff?old=v0&new=v1").text
    for text in ("b/c.csv", "b/old.txt", "come.txt", "gone.txt", "epoch", "renamed"):
        assert text in page


@pytest.mark.usefixtures("changed")
def test_without_versions_it_is_what_changed_last(pages: Served) -> None:
    found = pages.get(DIFF).data
    assert (found["old"]["short"], found["new"]["short"]) == ("v0", "v1")
    assert pages.get(f"{DIFF}?new=v0").status == 404


@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("folder=b", ["c.csv", "new.txt"]),
        ("kind=added", ["come.txt"]),
        ("kind=repinned", []),
        ("folder=b/&kind=modified", ["c.csv"]),
        ("size=1", ["come.txt"]),
        ("size=1&page=2", ["gone.txt"]),
        ("folder=nowhere", []),
    ],
)
def test_one_goes_into_folders_and_filters(pages: Served, query: str, names: list[str]) -> None:
    found = pages.get(f"{DIFF}?old=v0&new=v1&{query}").data
    assert [row["name"] for row in found["rows"]] == names
    assert pages.get(f"/default/vision/data/diff?old=v0&new=v1&{query}").status == 200


@pytest.mark.usefixtures("changed")
def test_texts_are_compared_line_by_line(pages: Served) -> None:
    found = pages.get(f"{DIFF}?old=v0&new=v1&path=b/c.csv").data["comparison"]
    lines = [(line["sign"], line["text"]) for line in found["lines"]["rows"]]
    assert lines == [(" ", "x,y"), ("-", "1,2"), ("+", "1,3")]
    assert found["old"]["preview"]["kind"] == found["new"]["preview"]["kind"] == "table"
    page = pages.get("/default/vision/data/diff?old=v0&new=v1&path=b/c.csv").text
    assert "1,2" in page
    assert "1,3" in page


@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize("path", ["come.txt", "gone.txt", "b/new.txt"])
def test_a_file_that_one_version_lacks_is_shown_alone(pages: Served, path: str) -> None:
    reply = pages.get(f"/default/vision/data/diff?old=v0&new=v1&path={path}")
    assert reply.status == 200
    assert ("Not in this version" in reply.text) == (path != "b/new.txt")


def test_pictures_stand_side_by_side(client: Client, pages: Served, data: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    (data / "p.png").write_bytes(png)
    keep(client, data)
    (data / "p.png").write_bytes(png + b"1")
    keep(client, data)
    page = pages.get("/default/vision/data/diff?path=p.png").text
    assert page.count("<img ") == 2
    assert "raw?version=v0" in page
    assert "raw?version=v1" in page
    assert (
        "img-src 'self';"
        in pages.get("/default/vision/data/diff?path=p.png").headers["content-security-policy"]
    )
    assert "<img" not in pages.get("/default/vision/data/diff?path=p.png&previews=none").text


def test_what_is_gone_is_said_beside_what_is_left(
    client: Client, pages: Served, data: Path
) -> None:
    client.log("data", f"{data}/")
    (data / "a.txt").write_text("second\n")
    client.log("data", f"{data}/")
    reply = pages.get(f"{DIFF}?path=a.txt").data["comparison"]
    assert reply["lines"] is None
    assert reply["old"]["refused"]["problem"]
    assert reply["new"]["preview"]["text"] == "second\n"
    assert pages.get("/default/vision/data/diff?path=a.txt").status == 200


@pytest.mark.usefixtures("changed")
def test_versions_of_other_collections_are_compared_by_their_full_name(
    client: Client, pages: Served, data: Path
) -> None:
    client.log("other", data, partition="2026/05")
    full = quote("default/vision/other~2026/05:v0")
    for name in (full, quote("default/vision/other~2026/05")):
        found = pages.get(f"{DIFF}?old={name}&new=v1").data
        assert found["old"]["short"] == "default/vision/other~2026%2F05:v0"
        # The same content, at other places.
        assert found["total"]["count"] == found["total"]["counts"]["repinned"] == 5


@pytest.mark.usefixtures("changed")
def test_a_version_does_not_differ_from_itself(pages: Served) -> None:
    assert pages.get(f"{DIFF}?old=v1&new=v1").data["rows"] == []
    assert "files are the same" in pages.get("/default/vision/data/diff?old=v1&new=v1").text


@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("old=v9", 404),
        ("old=%40", 400),
        ("kind=up", 400),
        ("path=a.txt", 404),
        ("folders_page=0", 400),
        ("old=x/y/z/w:v1", 400),
    ],
)
def test_what_cannot_be_compared_is_said(pages: Served, query: str, status: int) -> None:
    assert pages.get(f"/default/vision/data/diff?{query}").status == status


def test_many_differences_come_by_page(client: Client, pages: Served) -> None:
    record(client, "many", [entry(f"d{n % 300:03}/{n:05}", 1, str(n)) for n in range(9_000)])
    record(client, "many", [entry(f"d{n % 300:03}/{n:05}", 2, f"{n}b") for n in range(9_000)])
    reply = pages.get("/default/vision/many/diff")
    assert len(reply.body) < 150_000
    found = pages.get("/default/vision/many/diff.json?folders_page=6").data
    assert found["total"]["counts"]["modified"] == 9_000
    assert [len(found["folders"]), len(found["rows"])] == [50, 0]
    assert found["folders_page"] == {"number": 6, "size": 50, "total": 300, "has_more": False}
    inside = pages.get("/default/vision/many/diff.json?folder=d007/").data
    assert len(inside["rows"]) == inside["page"]["total"] == 30


def test_names_are_shown_harmlessly(client: Client, pages: Served) -> None:
    hostile = ["<script>alert(1)</script>/\u202egpj.exe", "c\0/d\n", "' onclick='x", "//", "a/"]
    record(client, "odd", [entry(path, 1, "a") for path in hostile], {"<b>": "<i>"})
    record(client, "odd", [entry(path, 2, "b") for path in hostile], {"<b>": "</table>"})
    page = pages.get("/default/vision/odd/diff").text
    for raw in ("<script>alert", "\u202e", "\0", "<b>:", '<i>"', '</table>"'):
        assert raw not in page
    for path in hostile:
        one = pages.get(f"/default/vision/odd/diff?path={quote(path, safe='')}&previews=none")
        assert one.status == 200
        assert "\u202e" not in one.text
