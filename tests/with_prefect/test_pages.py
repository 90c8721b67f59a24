"""Links from Prefect lead to the pages of `LANDFAST_UI_URL`; the snippet does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import landfast
import pytest
from kit.pages import serving
from prefect_landfast import artifact_asset
from prefect_landfast.events import event_of

from tests.with_prefect.server import PrefectServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file."""
    made = tmp_path / "data"
    made.mkdir()
    (made / "a").write_text("a")
    return made


def test_links_lead_to_the_pages_of_collection_and_version(
    registry_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert artifact_asset("vision/flowers").properties.url is None  # type: ignore[union-attr]
    with serving(landfast.Client(registry_url)) as pages:
        monkeypatch.setenv("LANDFAST_UI_URL", pages.url + "/")
        version = landfast.Client().log("vision/flowers", folder)
        assert version.change is not None
        link = artifact_asset("vision/flowers").properties.url  # type: ignore[union-attr]
        page = pages.get(urlsplit(link).path + "?format=json")
        assert page.data["name"] == "default/vision/flowers"
        said = urlsplit(event_of(version, version.change).payload["page"])
        page = pages.get(f"{said.path}?{said.query}&format=json")
        assert page.data["digest"] == version.digest


@pytest.mark.system
def test_the_snippet_for_prefect_uses_the_version(
    prefect_server: PrefectServer, registry_url: str, folder: Path
) -> None:
    client = landfast.Client(registry_url)
    version = client.log("vision/flowers", folder)
    with serving(client) as pages:
        said = pages.get(version.page("") + "&format=json").data["use_it"]
    names: dict[str, Any] = {}
    exec(next(each["code"] for each in said if each["where"] == "Prefect"), names)
    names["train"]()
    assert [run.key.system for run in version.used_by()] == ["prefect"]
