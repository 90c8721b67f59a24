"""Health: what the registry says of itself, and looks that a button asks for."""

from pathlib import Path
from urllib.parse import urlencode

import landfast
import pytest
from kit.pages import Reply, Served, serving
from landfast.client import Client
from landfast.settings import load_settings


def ask(pages: Served, token: str = "a-token", **form: str) -> Reply:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"token": token, "format": "json", **form}).encode()
    return pages.ask("POST", "/-/health", headers=headers, body=body)


def test_the_page_counts_without_asking_a_store(client: Client, pages: Served, data: Path) -> None:
    client.log("data", data)
    client.log("data", data)
    (data / "a.txt").unlink()
    client.log("data", data)
    client.delete("data:v0")
    said = pages.get("/-/health.json").data
    state = said["state"]
    counts = [state[name] for name in ("collections", "versions", "deleted", "observations")]
    assert counts == [1, 1, 1, 3]
    assert [place["uri"] for place in said["places"]] == [data.as_uri() + "/"]
    assert said["looked"] is None
    assert "Check the store" in pages.get("/-/health").text


def test_the_default_registry_is_shown_before_it_is_made_and_is_not_made(tmp_path: Path) -> None:
    client = landfast.Client(settings=load_settings(tmp_path))
    with serving(client) as pages:
        said = pages.get("/-/health.json").data
        assert said["registry"]["id"] is None
        assert said["state"]["versions"] == 0
        assert "The first log makes it" in pages.get("/-/health").text
        for path in ("/", "/runs", "/-/changes", "/-/object"):
            assert pages.get(path).status == 200, path
    file = Path(client.settings.effective_registry_url.removeprefix("sqlite:///"))
    assert not file.exists()


def test_a_registry_that_somebody_named_and_that_is_not_there_is_said(pages: Served) -> None:
    for path in ("/", "/-/health", "/default/vision/data"):
        page = pages.get(path)
        assert page.status == 404
        assert "landfast registry init" in page.text


def test_the_buttons_look(client: Client, pages: Served, data: Path) -> None:
    version = client.log("data", data)
    assert ask(pages, what="check").data["looked"]["summary"] == "1 manifest intact"
    assert ask(pages, what="garbage").data["looked"]["report"]["dry_run"] is True
    looked = ask(pages, what="place", uri=data.as_uri() + "/").data["looked"]
    assert looked["ok"]
    assert "can be recorded" in looked["summary"]
    blob = next(path for path in data.parent.rglob("*") if path.name == version.record.blob)
    blob.unlink()
    looked = ask(pages, what="check").data["looked"]
    assert not looked["ok"]
    assert "Log the same content again" in looked["lines"][0]


def test_only_places_of_the_page_are_examined(
    client: Client, pages: Served, data: Path, tmp_path: Path
) -> None:
    client.log("data", data)
    reply = ask(pages, what="place", uri=tmp_path.as_uri() + "/")
    assert reply.status == 404


@pytest.mark.parametrize("token", ["", "another", "a-tokén"])
def test_a_form_of_another_site_is_refused(client: Client, pages: Served, token: str) -> None:
    client.init_registry()
    assert ask(pages, token=token, what="check").status == 403


def test_a_form_that_another_site_sends_with_the_token_is_refused(
    client: Client, pages: Served
) -> None:
    client.init_registry()
    headers = {"Sec-Fetch-Site": "cross-site"}
    body = b"token=a-token&what=check"
    assert pages.ask("POST", "/-/health", headers=headers, body=body).status == 403
    assert pages.ask("POST", "/-/health", body=b"token=a-token&what=" + b"x" * 70_000).status == 403
    assert pages.ask("POST", "/-/health", body=b"token=a-token&what=delete").status == 400


def test_the_feed_shows_what_a_scheduled_verification_found(
    client: Client, pages: Served, data: Path
) -> None:
    client.log("data", data)
    (data / "a.txt").unlink()
    client.verify_aliases("data", aliases=["latest"])
    newest = pages.get("/-/changes.json").data["changes"][0]
    assert (newest["kind"], newest["previous_verdict"], newest["verdict"]) == (
        "verdict",
        "intact",
        "gone",
    )
    text = pages.get("/-/changes").text
    assert "verdict of" in text
    assert "intact</span> → <strong>gone</strong>" in text
    only = pages.get("/-/changes.json?kind=verdict").data["changes"]
    assert [row["kind"] for row in only] == ["verdict"]
    moves = pages.get("/-/changes.json?kind=created").data["changes"]
    assert [row["kind"] for row in moves] == ["created"]
