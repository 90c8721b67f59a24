"""A version's page: what was recorded, whether it can be had again, how it is used."""

import shlex
from datetime import timedelta
from pathlib import Path

import landfast
import pytest
from click.testing import CliRunner
from kit.pages import Served
from landfast.cli import main
from landfast.client import Client


def test_a_version_says_what_was_recorded(client: Client, pages: Served, data: Path) -> None:
    metadata = {"rows": 3, "nested": {"a": [1]}, "who": "Ana"}
    client.log("data", data, metadata=metadata, aliases=["prod"], tags=["good"], exclude=["*.txt"])
    client.update("data", ttl=timedelta(days=3))
    said = pages.get("/default/vision/data?version=prod&format=json").data
    assert said["version"] == "v0"
    assert said["metadata"] == metadata
    assert said["aliases"] == ["latest", "prod"]
    assert said["skipped"] == [{"reason": "excluded", "count": 1, "examples": ["a.txt"]}]
    assert said["restorable"] is False
    assert "does not keep overwritten objects" in said["not_restorable"][0]
    assert said["expires_at"] > said["created_at"]
    page = pages.get("/default/vision/data?version=v0").text
    for text in (said["digest"], "prod", "good", "rows", "Ana", "a.txt", "no", "until"):
        assert text in page


def test_a_page_of_a_partition_and_by_digest(client: Client, pages: Served, data: Path) -> None:
    key = "2026-05/01 & more"
    version = client.log(f"data~{'2026-05%2F01%20%26%20more'}", data)
    assert version.partition == key
    path = version.page("")
    assert pages.get(path).status == 200
    assert pages.get(path + "&format=json").data["partition"] == key
    by_digest = f"/default/vision/data?version={version.digest}&partition=2026-05%2F01%20%26%20more"
    assert pages.get(by_digest + "&format=json").data["name"] == version.qualified_name


def test_a_deleted_version_says_so(client: Client, pages: Served, data: Path) -> None:
    client.log("data", data)
    client.delete("data:v0", delete_aliases=True)
    assert "landfast undelete" in pages.get("/default/vision/data?version=v0").text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/default/vision/data?version=v7", 404),
        ("/default/vision/data?version=nobody", 404),
        ("/default/vision/data?version=%40%40", 400),
        ("/default/vision/data?version=v0&partition=x", 404),
        ("/default/vision/nothing", 404),
        ("/default/nothing/data", 404),
        ("/no%20name/vision/data", 400),
    ],
)
def test_what_is_not_there_is_said(
    client: Client, pages: Served, data: Path, path: str, status: int
) -> None:
    client.log("data", data)
    page = pages.get(path)
    assert page.status == status
    assert "This cannot be shown" in page.text
    twin = pages.get(path + ("&" if "?" in path else "?") + "format=json")
    assert twin.status == status
    assert twin.data["problem"]


def test_the_snippets_do_what_they_say(
    client: Client, pages: Served, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.log("data~a%20b", data)
    page = "/default/vision/data?version=v0&partition=a%20b&format=json"
    snippets = {each["where"]: each["code"] for each in pages.get(page).data["use_it"]}
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path}/registry.db")
    monkeypatch.setenv("LANDFAST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LANDFAST_ARTIFACT_DIR", str(tmp_path / "artifacts"))
    for where in ("Python", "A script with a run"):
        names: dict[str, object] = {}
        exec(snippets[where], names)
        assert (Path(str(names["folder"])) / "a.txt").read_text() == "first\n"
    for line in snippets["Command line"].splitlines():
        program, *arguments = shlex.split(line)
        assert program == "landfast"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
    assert len(landfast.Client().get("default/vision/data~a%20b:v0").used_by()) >= 1


def test_the_page_says_what_was_verified_and_looks_at_nothing_itself(
    client: Client, pages: Served, data: Path
) -> None:
    version = client.log("data", data)
    path = "/default/vision/data?version=v0"
    assert pages.get(path + "&format=json").data["verifications"] == []
    assert "look now" in pages.get(path).text
    (data / "a.txt").unlink()
    version.verify()
    version.verify(deep=True)
    deep, listed = pages.get(path + "&format=json").data["verifications"]
    assert deep["summary"] == listed["summary"] == "2 intact, 1 gone"
    assert (deep["deep"], listed["deep"], deep["ok"]) == (True, False, False)
    assert "2 intact, 1 gone" in pages.get(path).text
    shown = CliRunner().invoke(
        main,
        [
            "show",
            "data",
            "--registry",
            client.settings.effective_registry_url,
            "--project",
            "vision",
        ],
    )
    assert "2 intact, 1 gone" in shown.output
