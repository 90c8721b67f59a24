"""The file browser: folders with totals, files, sorted, by page, whatever they are called."""

import hashlib
from pathlib import Path
from urllib.parse import quote

import pytest
from kit.pages import Served
from kit.recorded import entry, record
from landfast.client import Client

FILES = "/default/vision/data/files.json"


@pytest.fixture
def logged(client: Client, data: Path) -> None:
    client.log("data", data)


def names(rows: list[dict[str, object]]) -> list[object]:
    return [row["name"] for row in rows]


@pytest.mark.usefixtures("logged")
def test_the_top_shows_folders_with_totals_then_files(pages: Served) -> None:
    found = pages.get(FILES).data
    assert found["folders"] == [{"path": "b/", "name": "b/", "files": 2, "bytes": 10}]
    assert names(found["files"]) == ["a.txt"]
    assert found["counts"] == {"folders": 1, "files": 1}
    assert found["files"][0]["checksum"].startswith("sha256:")
    page = pages.get("/default/vision/data/files").text
    assert "folder=b/" in page or "folder=b%2F" in page
    assert "10 B" in page


@pytest.mark.usefixtures("logged")
def test_a_folder_shows_where_it_lies(pages: Served) -> None:
    found = pages.get(f"{FILES}?folder=b").data
    assert found["folder"] == {"path": "b/", "files": 2, "bytes": 10}
    assert found["crumbs"] == [{"name": "b/", "path": "b/"}]
    assert names(found["files"]) == ["c.csv", "d.json"]


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=size", ["c.csv", "d.json"]),
        ("sort=size&order=asc", ["d.json", "c.csv"]),
        ("order=desc", ["d.json", "c.csv"]),
        ("size=1&page=2", ["d.json"]),
        ("glob=*.csv", ["c.csv"]),
        ("glob=e*", []),
        ("page=9", []),
    ],
)
def test_files_are_sorted_filtered_and_paged(
    pages: Served, query: str, expected: list[str]
) -> None:
    assert names(pages.get(f"{FILES}?folder=b/&{query}").data["files"]) == expected
    assert pages.get(f"/default/vision/data/files?folder=b/&{query}").status == 200


@pytest.mark.usefixtures("logged")
def test_a_glob_looks_below_the_folder_with_the_rules_of_include(pages: Served) -> None:
    assert names(pages.get(f"{FILES}?glob=**/*.json").data["files"]) == ["b/d.json"]
    assert names(pages.get(f"{FILES}?glob=b").data["files"]) == ["b/c.csv", "b/d.json"]
    assert names(pages.get(f"{FILES}?glob=*").data["files"]) == ["a.txt"]


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("query", "status"),
    [("folder=nowhere", 404), ("sort=colour", 400), ("order=up", 400), ("page=0", 400)],
)
def test_what_is_not_there_is_a_page_that_says_so(pages: Served, query: str, status: int) -> None:
    assert pages.get(f"/default/vision/data/files?{query}").status == status
    assert pages.get(f"{FILES}?{query}").data["problem"]


@pytest.mark.usefixtures("logged")
def test_the_page_of_a_version_begins_with_its_files(pages: Served) -> None:
    found = pages.get("/default/vision/data.json?version=v0").data["files_at_top"]
    assert names(found["folders"] + found["files"]) == ["b/", "a.txt"]
    assert "a.txt" in pages.get("/default/vision/data?version=v0").text


LARGE = "/default/vision/large/files"
HOSTILE = [
    "/x",
    "//",
    "a//b",
    "a/",
    "a",
    "c\0/d\n",
    "<script>alert(1)</script>/\u202egpj.exe",
    "' onclick='x/\"",
    "../etc/passwd",
    "k" * 1024,
    "\U0001f9ca/\u05d0",
]


def test_every_file_is_found_by_walking_down_whatever_it_is_called(
    client: Client, pages: Served
) -> None:
    record(client, "odd", map(entry, HOSTILE))
    seen, left = [], [""]
    while left:
        folder = left.pop()
        shown = pages.get(f"/default/vision/odd/files?folder={quote(folder)}")
        assert shown.status == 200
        assert "<script>alert" not in shown.text
        assert "\u202e" not in shown.text
        found = pages.get(f"/default/vision/odd/files.json?folder={quote(folder)}").data
        left += [each["path"] for each in found["folders"]]
        seen += [each["path"] for each in found["files"]]
    assert sorted(seen) == sorted(HOSTILE)


def test_a_page_reads_no_part_of_the_manifest_that_it_does_not_show(
    client: Client, pages: Served
) -> None:
    tokens = [hashlib.md5(b"%d" % n).hexdigest() for n in range(20_000)]
    version = record(
        client, "large", [entry(f"{n:05}", n, token) for n, token in enumerate(tokens)]
    )
    blob = client.context.blob_path(version.record.blob)
    data = bytearray(blob.read_bytes())
    half = len(data) // 2
    data[half : half + 50_000] = bytes(50_000)
    blob.chmod(0o600)
    blob.write_bytes(data)
    assert names(pages.get("/default/vision/large/files.json").data["files"])[0] == "00000"
    assert pages.get("/default/vision/large/files?page=400").status == 200
    shown = [pages.get(f"{LARGE}?size=1000&page={n}").status for n in range(1, 21)]
    assert set(shown) == {200, 409}


def test_a_manifest_that_is_not_the_recorded_one_is_not_shown(
    client: Client, pages: Served
) -> None:
    one, other = record(client, "one", [entry("a")]), record(client, "other", [entry("b")])
    place = client.context.blob_path(one.record.blob)
    place.chmod(0o600)
    place.write_bytes(client.context.blob_path(other.record.blob).read_bytes())
    assert pages.get("/default/vision/one/files").status == 409
