"""The link in Dagster's metadata leads to the page of the version; its snippet does what it says."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import landfast
import pytest
from dagster_landfast import Reference
from kit.pages import serving

from tests.with_dagster.running import asset, materialize, metadata_of


@pytest.mark.parametrize("said_by", ["resource", "environment"])
def test_the_link_of_a_materialization_is_the_page_of_its_version(
    instance: dg.DagsterInstance,
    client: landfast.Client,
    data: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    said_by: str,
) -> None:
    place = data("raw", a="1")

    @asset
    def raw() -> Reference:
        return Reference(place)

    with serving(client) as pages:
        options = {"ui_url": pages.url} if said_by == "resource" else {}
        monkeypatch.setenv("LANDFAST_UI_URL", pages.url)
        link = metadata_of(materialize([raw], instance, **options), "raw")["landfast/page"]
        assert link.startswith(pages.url)
        parts = urlsplit(link)
        page = pages.get(f"{parts.path}?{parts.query}&format=json")
    version = client.get("raw")
    assert page.data["digest"] == version.digest
    assert page.data["made_by"]["system"] == "dagster"


def test_the_snippet_for_dagster_uses_the_version(
    instance: dg.DagsterInstance, client: landfast.Client, data: Callable[..., Path]
) -> None:
    version = client.log("raw", data("raw", a="1"))
    with serving(client) as pages:
        said = pages.get(version.page("") + "&format=json").data["use_it"]
    names: dict[str, dg.AssetsDefinition] = {}
    exec(next(each["code"] for each in said if each["where"] == "Dagster"), names)
    assert dg.materialize([names["trained"]], instance=instance).success
    assert [run.key.node for run in version.used_by()] == ["trained"]
