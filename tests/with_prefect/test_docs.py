"""The pages for Prefect do what they say, and name everything that a user can name."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import prefect_landfast
import pytest
from prefect_landfast import LandfastRegistry, snapshot_artifact
from prefect_landfast.settings import LandfastSettings

from tests.docs.pages import ROOT, blocks, integration_pages, name_of
from tests.docs.reader import Reader
from tests.docs.worlds import bucket
from tests.with_prefect.server import PrefectServer

PAGES = integration_pages("prefect")
PAGE = ROOT / "docs" / "prefect.md"
KEYS = (
    *("datasets/mnist/labels.csv", "datasets/mnist/train/0.png", "datasets/mnist/train/1.png"),
    "flowers/a.jpg",
)


@pytest.mark.system
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_says_can_be_done(
    page: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    request.getfixturevalue("prefect_server")
    request.getfixturevalue("registry_url")
    reader = Reader(page=page, monkeypatch=monkeypatch)
    bucket("my-bucket", *KEYS)(request, reader)
    try:
        reader.read()
    finally:
        forget_blocks(request.getfixturevalue("prefect_server"))
    assert reader.ran


def forget_blocks(server: PrefectServer) -> None:
    """Delete the blocks that a page saved: a block `default` counts for every other test."""
    for block in server.post("/block_documents/filter"):
        server.delete(f"/block_documents/{block['id']}")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_say_what_they_are(page: Path) -> None:
    known = {"python", "console", "sh", "yaml", "text"}
    for block in blocks(page):
        assert block.language in known, f"{name_of(page)}:{block.line}: {block.language!r}"
        if block.language == "python":
            compile(block.text, name_of(page), "exec")


@pytest.mark.parametrize("name", sorted({*prefect_landfast.__all__} - {"__version__"}))
def test_every_public_name_is_in_the_page(name: str) -> None:
    assert re.search(rf"\b{name}\b", PAGE.read_text(encoding="utf-8")), name


def test_every_parameter_field_and_setting_is_in_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"[`(, ]([a-z_0-9]+)\b", text))
    assert set(inspect.signature(snapshot_artifact.fn).parameters) <= named
    assert set(LandfastRegistry.model_fields) <= named
    for setting in LandfastSettings.model_fields:
        assert f"PREFECT_INTEGRATIONS_LANDFAST_{setting.upper()}" in text


def test_every_label_and_key_of_the_event_is_in_the_page(registry_url: str, tmp_path: Path) -> None:
    import landfast
    from prefect_landfast.events import event_of

    (tmp_path / "a.txt").write_text("one")
    version = landfast.Client().log("vision/flowers", tmp_path / "a.txt")
    assert version.change is not None
    event = event_of(version, version.change)
    text = PAGE.read_text(encoding="utf-8")
    words = [*event.payload, *(key for key in event.resource.root if key.startswith("landfast."))]
    words += [resource.role for resource in event.related]
    assert [word for word in words if f"`{word}`" not in text] == []


def test_the_readme_begins_with_how_to_install_it() -> None:
    readme = ROOT / "integrations" / "prefect" / "README.md"
    said = readme.read_text(encoding="utf-8").split("\n\n")[1]
    assert said == '`pip install "prefect-landfast[s3,gcs,postgres]"`'


def test_every_picture_of_a_page_is_there() -> None:
    for page in PAGES:
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), target
