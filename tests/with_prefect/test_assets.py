"""Artifacts as assets: what Prefect's events and reports say of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import landfast
import pytest
from prefect import flow, task
from prefect.assets import materialize
from prefect_landfast import (
    LandfastRegistry,
    artifact_asset,
    load_object,
    log_reference,
    materialize_artifact,
    use_artifact,
)
from prefect_landfast.report import report_key

from tests.with_prefect.server import PrefectServer, wait_for

pytestmark = pytest.mark.usefixtures("registry_url")
KEY = "landfast://default/vision/"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("a")
    return tmp_path / "data"


def test_an_asset_is_the_artifact_not_its_version_or_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANDFAST_PROJECT", "vision")
    names = ["flowers", "vision/flowers:v3", "default/vision/flowers~2026-05:prod"]
    assert {artifact_asset(name).key for name in names} == {f"{KEY}flowers"}


def test_an_asset_carries_what_is_said_of_it_and_nothing_else() -> None:
    asset = artifact_asset("vision/flowers", description="Raw photos", owners=["ann"])
    assert asset.properties is not None
    said = asset.properties.model_dump(exclude_unset=True)
    assert said == {"name": "vision/flowers", "description": "Raw photos", "owners": ["ann"]}


def test_a_fixed_place_is_logged_after_the_body(folder: Path) -> None:
    @materialize_artifact("vision/flowers", folder, type="dataset", aliases=["fresh"], retries=2)
    def build(text: str) -> None:
        (folder / "a").write_text(text)

    version = build.fn("new")
    with version.open("a") as stream:
        assert stream.read() == b"new"
    assert version.aliases == ("fresh", "latest")
    assert (build.retries, build.assets) == (2, [artifact_asset("vision/flowers")])


def test_the_body_may_return_where_it_wrote(folder: Path) -> None:
    @materialize_artifact("vision/flowers", partition="2026-05")
    def build(many: bool) -> Any:
        reference = landfast.Reference(str(folder), name="photos")
        return [reference, landfast.Reference(str(folder / "a"), name="first")] if many else folder

    assert [entry.path for entry in build.fn(False).entries()] == ["a"]
    version = build.fn(True)
    assert [entry.path for entry in version.entries()] == ["first", "photos/a"]
    assert version.partition == "2026-05"


def test_the_body_may_return_a_draft(folder: Path) -> None:
    @materialize_artifact("vision/flowers")
    def build(name: str) -> landfast.Artifact:
        draft = landfast.Artifact(name, "dataset", metadata={"lr": 0.1}, partition="may")
        draft.add_reference(folder)
        return draft

    version = build.fn("vision/flowers")
    assert (version.metadata, version.partition) == ({"lr": 0.1}, "may")
    with pytest.raises(landfast.Conflict, match="vision/cats"):
        build.fn("vision/cats")


@pytest.mark.parametrize("serializer", ["json", "pickle", "compressed/json"])
def test_the_object_itself_may_be_returned(serializer: str) -> None:
    @materialize_artifact("vision/vocabulary", serializer=serializer)
    def build(words: list[str]) -> dict[str, int]:
        return {word: number for number, word in enumerate(words)}

    version = build.fn(["rose", "tulip"])
    assert load_object(version) == {"rose": 0, "tulip": 1}
    assert build.fn(["rose", "tulip"]).changed is False
    assert load_object(build.fn(["rose"])) == {"rose": 0}


def test_a_version_without_an_object_says_so(folder: Path) -> None:
    with pytest.raises(landfast.InvalidInput, match="holds no object"):
        load_object(log_reference.fn("flowers", folder))


@pytest.mark.parametrize("result", [None, 3, [], [3]])
def test_a_body_that_does_not_say_where_it_wrote_is_an_error(result: object) -> None:
    @materialize_artifact("vision/flowers")
    def build() -> object:
        return result

    with pytest.raises(landfast.InvalidInput, match=r"vision/flowers.*serializer"):
        build.fn()


def test_a_body_that_returns_another_place_than_declared_is_an_error(folder: Path) -> None:
    @materialize_artifact("vision/flowers", folder)
    def build() -> str:
        return "s3://elsewhere/"

    with pytest.raises(landfast.InvalidInput, match="found str"):
        build.fn()


def test_an_async_body_is_awaited(folder: Path) -> None:
    @materialize_artifact("vision/flowers")
    async def build() -> Path:
        await asyncio.sleep(0)
        return folder

    assert build.isasync
    assert asyncio.run(build.fn()).version == "v0"


@pytest.mark.parametrize("is_async", [False, True])
def test_mend_28_a_name_that_means_another_artifact_here_is_a_conflict_before_the_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_async: bool
) -> None:
    done = []

    @materialize_artifact("flowers", tmp_path)
    def build() -> None:
        done.append("work")

    @materialize_artifact("flowers", tmp_path)
    async def abuild() -> None:
        done.append("work")

    monkeypatch.setenv("LANDFAST_PROJECT", "vision")
    with pytest.raises(landfast.Conflict, match=r"uncategorized/flowers.*vision/flowers"):
        _ = asyncio.run(abuild.fn()) if is_async else build.fn()
    assert not done


def test_mend_28_a_registry_that_is_not_there_is_found_out_before_the_body(tmp_path: Path) -> None:
    done = []
    block = LandfastRegistry(url="postgresql://127.0.0.1:1/landfast")

    @materialize_artifact("vision/flowers", tmp_path, registry=block)
    def build() -> None:
        done.append("work")

    with pytest.raises(landfast.LandfastError):
        build.fn()
    assert not done


def test_names_that_differ_in_punctuation_have_different_reports() -> None:
    names = ["vision/a_b", "vision/a-b", "vision/A.b", "audio/a-b"]
    keys = {report_key(landfast.ArtifactName.parse(f"default/{name}")) for name in names}
    assert len(keys) == 4
    assert all(set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for key in keys)


@pytest.mark.system
def test_a_materialization_says_what_changed_and_what_it_stems_from(
    prefect_server: PrefectServer, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "features"
    out.mkdir()

    @task
    def clean(data: landfast.ArtifactVersion) -> landfast.ArtifactVersion:
        return data

    @materialize_artifact("vision/features", out)
    def build(data: landfast.ArtifactVersion, text: str) -> None:
        (out / "x").write_text(text)

    @materialize("s3://models/cnn")
    def train(features: landfast.ArtifactVersion) -> None: ...

    @flow
    def pipeline(text: str) -> landfast.ArtifactVersion:
        log_reference("vision/raw", folder)
        features = build(clean(use_artifact("vision/raw")), text)
        train(features)
        return features

    versions = [pipeline(text) for text in ("one", "two", "two")]
    assert [version.changed for version in versions] == [True, True, False]
    name = "prefect.asset.materialization.succeeded"
    events = wait_for(
        "three materializations",
        lambda: (found := prefect_server.events(name, f"{KEY}features"))[2:] and found,
    )
    said = [event["payload"] for event in events]
    assert [(s["version"], s["changed"]) for s in said] == [
        ("v0", True),
        ("v1", True),
        ("v1", False),
    ]
    assert (said[1]["modified"], said[1]["previous"]) == (1, "default/vision/features:v0")
    assert said[1]["digest"] == versions[1].digest
    upstream = [{r["prefect.resource.id"] for r in event["related"]} for event in events]
    assert all({f"{KEY}raw", "landfast"} <= ids for ids in upstream)
    models = wait_for("model", lambda: prefect_server.events(name, "s3://models/cnn"))
    assert f"{KEY}features" in {r["prefect.resource.id"] for r in models[0]["related"]}
    assert [str(n.collection) for n in versions[0].lineage().upstream] == ["raw"]


def reports(prefect_server: PrefectServer, name: str) -> list[str]:
    key = report_key(landfast.ArtifactName.parse(name))
    wanted = {"artifacts": {"key": {"any_": [key]}}, "sort": "ID_DESC"}
    found = prefect_server.post("/artifacts/filter", wanted)
    return [item["data"] for item in sorted(found, key=lambda item: str(item["created"]))]


@pytest.mark.system
def test_each_change_is_reported_once_with_its_differences_and_its_run(
    prefect_server: PrefectServer, folder: Path
) -> None:
    @flow
    def pipeline() -> None:
        log_reference("vision/reported", folder)

    pipeline()
    for number in range(25):
        (folder / f"b{number:02}").write_text("b")
    pipeline()
    pipeline()
    first, second = reports(prefect_server, "default/vision/reported")
    assert "# vision/reported:v0" in first
    assert "created, from nothing" in first
    assert "# vision/reported:v1" in second
    assert "## 25 added, 1 unchanged" in second
    assert "- added `b00`" in second
    assert "- and 5 more" in second
    version = landfast.Client().get("vision/reported")
    assert version.digest in second
    assert f"]({version.logged_by().link})" in second  # type: ignore[union-attr]
    assert folder.as_uri() in second
