"""What keeps a version's bytes, on pages: a badge in lists, a line on the version's page, the same as JSON."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from kit.pages import Served, serving
from kit.servers.s3 import S3Server
from kit.visitor import visiting
from landfast.client import Client
from landfast.model.names import ArtifactName
from landfast.registry.holds.request import HoldStart
from landfast.schemas import read_schema
from landfast.web.pages.kept import holder_words
from sqlalchemy import event

VERSION = "/default/vision/data?version=v0"


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """A bucket with Object Lock, and three objects in it."""
    name = s3.bucket(lock=True)
    for number in range(3):
        s3.put(name, f"data/{number}.txt", b"x")
    return name


def test_a_version_that_nothing_keeps_says_so(client: Client, pages: Served, data: Path) -> None:
    client.log("data", data)
    said = pages.get(VERSION + "&format=json").data
    assert said["holds"] == {
        "held": False,
        "summary": "no",
        "holds": [],
        "objects": {},
        "own_store": 0,
    }
    assert said["copies"] is None
    page = pages.get(VERSION).text
    assert "<code>landfast hold</code>" in page
    assert "Copied" not in page
    assert "badge" not in pages.get("/").text + pages.get("/default/vision/data").text


def test_a_held_version_says_by_whom_since_when_why_and_how_much(
    client: Client, pages: Served, s3: S3Server, bucket: str
) -> None:
    version = client.log("data", f"s3://{bucket}/data/", aliases=["prod"])
    first = next(iter(version.entries()))
    s3.set_held(bucket, "data/0.txt", str(first.version_id), on=True)  # a colleague's
    client.hold("data", reason="the model of May")
    client.hold("data:prod", holder="alias:prod", reason="in <use>")
    said = pages.get(VERSION + "&format=json").data["holds"]
    assert (said["held"], said["objects"]) == (True, {"held": 2, "foreign": 1})
    by_hand, by_alias = said["holds"]
    assert (by_hand["holder"], by_hand["reason"]) == ("", "the model of May")
    assert by_alias["words"] == "while the alias prod names it"
    shape = read_schema("output")["$defs"]["HoldRecord"]
    assert set(shape["required"]) == set(by_hand) - {"words"}
    page = " ".join(pages.get(VERSION).text.split())
    assert "1 held by others, 2 held by this registry, of 3 files" in page
    assert "by hand" in page
    assert f'<time datetime="{by_hand["at"]}">' in page
    assert "the model of May" in page
    assert "in &lt;use&gt;" in page


def test_lists_mark_what_is_held(client: Client, pages: Served, data: Path) -> None:
    held = client.log("data", data)
    (data / "a.txt").write_text("changed\n")
    begun = client.log("data", data)
    registry = client.registry
    registry.holds.begin(HoldStart(version_id=held.record.id, holder="log"))
    registry.holds.complete(held.record.id, "log")
    registry.holds.begin(HoldStart(version_id=begun.record.id))
    listed = pages.get("/default/vision/data.json").data["partition"]["versions"]
    assert [each["held"] for each in listed] == [
        {"state": "not whole", "by": ["by hand"]},
        {"state": "held", "by": ["since it was logged"]},
    ]
    page = pages.get("/default/vision/data").text
    assert 'class="badge held" title="since it was logged">held<' in page
    assert 'class="badge unheld" title="by hand">hold not whole<' in page
    assert "hold not whole" in pages.get("/").text
    registry.holds.end(begun.record.id)
    assert "being released" in pages.get("/").text


def test_copies_say_where_when_and_how_many(client: Client, pages: Served, data: Path) -> None:
    client.log("data", data)
    client.copy("data")
    shutil.rmtree(data)
    said = pages.get(VERSION + "&format=json").data["copies"]
    assert (said["files"], said["total"]) == (3, 3)
    assert said["store"] == client.context.blobs.url
    page = pages.get(VERSION).text
    assert "all 3 files are in the registry&#39;s store" in page
    assert said["store"] in page


def test_objects_of_the_own_store_are_counted_apart(tmp_path: Path, s3: S3Server) -> None:
    store = f"s3://{s3.bucket(lock=True)}/registry"
    owner = Client(f"sqlite:///{tmp_path / 'own.db'}", project="vision", store_url=store)
    owner.init_registry()
    bucket = s3.bucket(lock=True)
    s3.put(bucket, "data/0.txt", b"x")
    owner.log("data", f"s3://{bucket}/data/")
    owner.hold("data", own_store=True)
    with serving(owner) as served:
        assert served.get(VERSION + "&format=json").data["holds"]["own_store"] == 1
        page = " ".join(served.get(VERSION).text.split())
    assert "1 of these object versions lies in the registry's own store" in page
    owner.close()


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        ("", "by hand"),
        ("log", "since it was logged"),
        ("alias:prod", "while the alias prod names it"),
        ("rule:vision/days newer than 30d", "by the rule vision/days newer than 30d"),
        ("alias:", "in the name of alias:"),
        ("audit", "in the name of audit"),
    ],
)
def test_holders_in_words(holder: str, words: str) -> None:
    assert holder_words(holder) == words


@contextmanager
def statements(client: Client) -> Iterator[list[str]]:
    """Take down what pages ask of the registry."""
    engine = client.registry._database.open().engine
    asked: list[str] = []

    def take(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", take)
    yield asked
    event.remove(engine, "before_cursor_execute", take)


@pytest.mark.parametrize("path", ["/", "/default/vision/data", VERSION])
def test_pages_ask_as_much_of_many_held_versions_as_of_two(
    client: Client, pages: Served, data: Path, path: str
) -> None:
    def counted(versions: int, collections: int) -> int:
        for number in range(versions):
            (data / "a.txt").write_text(f"{versions} {number}")
            version = client.log("data", data)
            client.registry.holds.begin(HoldStart(version_id=version.record.id))
        for number in range(collections):
            name = ArtifactName.parse(f"more-{number}")
            version = client.log(str(name), data)
            client.registry.holds.begin(HoldStart(version_id=version.record.id))
        pages.get(path)
        with statements(client) as asked:
            assert pages.get(path).status == 200
        return len(asked)

    assert counted(2, 2) == counted(20, 20)


@pytest.mark.system
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_held_is_read_by_everybody(
    client: Client, pages: Served, s3: S3Server, bucket: str, scheme: str
) -> None:
    held = client.log("data", f"s3://{bucket}/data/", aliases=["prod"])
    first = next(iter(held.entries()))
    s3.set_held(bucket, "data/0.txt", str(first.version_id), on=True)
    client.hold("data", reason="the model of May, which the paper cites")
    client.hold("data:prod", holder="alias:prod", reason="in use")
    client.copy("data", everything=True)
    s3.put(bucket, "data/0.txt", b"changed")
    begun = client.log("data", f"s3://{bucket}/data/")
    client.registry.holds.begin(
        HoldStart(version_id=begun.record.id, holder="rule:data newer than 30d")
    )
    for width in (1360, 390):
        with visiting(
            pages.url, color_scheme=scheme, viewport={"width": width, "height": 900}
        ) as visitor:
            for path in ("/", "/default/vision/data", VERSION, VERSION.replace("v0", "v1")):
                visitor.visit(path)
                found = Axe().run(visitor.page).response["violations"]
                serious = [one["id"] for one in found if one["impact"] in {"serious", "critical"}]
                assert not serious, (path, serious)
                assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
