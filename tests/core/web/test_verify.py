"""Verdicts on a version: asked for by a form, and by nothing else."""

from pathlib import Path
from urllib.parse import urlencode

import landfast
from kit.pages import Reply, Served
from landfast.client import Client

from tests.conftest import ProxiedS3

PAGE = "/default/vision/data/verify"


def ask(pages: Served, **fields: str) -> Reply:
    form = {"token": "a-token", "version": "v0", **fields}
    return pages.ask("POST", PAGE, body=urlencode(form).encode())


def test_a_look_counts_the_verdicts_and_shows_their_first_rows(
    client: Client, pages: Served, s3_proxy: ProxiedS3
) -> None:
    bucket = s3_proxy.bucket("Enabled")
    for number in range(30):
        s3_proxy.put(bucket, f"d/{number:02}", b"x")
    client.log("data", f"s3://{bucket}/d/")
    for number in range(25):
        s3_proxy.put(bucket, f"d/{number:02}", b"other")
    s3_proxy.proxy.clear()
    offer = pages.get(f"{PAGE}?version=v0")
    assert "Compares 30 recorded files" in offer.text
    assert not s3_proxy.proxy.requests  # a GET asks no store
    page, twin = ask(pages), ask(pages, format="json")
    assert page.status == twin.status == 200
    assert "5 intact, 25 overwritten" in page.text
    assert "The first 20 of 25." in page.text
    assert [(each["verdict"], each["count"]) for each in twin.data["report"]["verdicts"]] == [
        ("intact", 5),
        ("overwritten", 25),
    ]


def test_it_is_not_done_without_the_token_of_the_page(
    client: Client, pages: Served, data: Path
) -> None:
    client.log("data", data)
    assert ask(pages, token="other").status == 403
    assert "report" not in ask(pages, token="", format="json").data
    assert ask(pages, version="v7").status == 404
    assert ask(pages, version="").status == 200


def test_a_partition_is_verified_as_any_other(client: Client, pages: Served, data: Path) -> None:
    client.log(landfast.ArtifactName(collection="data", partition="a/b"), data)
    (data / "a.txt").write_text("changed")
    page = ask(pages, partition="a/b")
    assert "1 changed" in page.text
