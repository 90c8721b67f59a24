"""One chain through Airflow, Dagster, Prefect and a shell, in systems that share a registry and a bucket only."""

from __future__ import annotations

import contextlib
import doctest
from pathlib import Path

import pytest
from kit.browser import Browser

from examples.together.systems import ROOT, ask
from tests.docs.pages import blocks
from tests.together.conftest import Chapter
from tests.together.story import CHAIN, Story, steps, versions

PAGE = ROOT / "docs" / "together.md"
pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]


def test_a_delivery_goes_through_four_systems_as_one_chain(first: Chapter) -> None:
    assert steps(first.lineage) == CHAIN
    assert versions(first.lineage) == dict.fromkeys(("readings", "features", "model", "card"), "v0")
    assert [name.rpartition("/")[2] for name in first.lineage["upstream"]] == [
        *("model:v0", "features:v0", "readings:v0")
    ]
    assert (first.snapshots, first.materializations, first.trainings, first.releases) == (
        1,
        1,
        1,
        1,
    )


def test_each_edge_leads_to_the_page_of_its_run(first: Chapter) -> None:
    story = first.story
    links = {edge["run"].partition("/")[0]: edge["link"] for edge in first.lineage["edges"]}
    (materialization,) = story.materializations()
    (training,) = story.trainings()
    assert links["airflow"].startswith(f"{story.place.urls['airflow']}/dags/readings/runs/manual__")
    assert links["dagster"] == f"{story.place.urls['dagster']}/runs/{materialization.id}"
    assert links["prefect"].startswith(f"{story.place.urls['prefect']}/runs/task-run/")
    task_run = story.prefect(f"task_runs/{links['prefect'].rpartition('/')[2]}")
    assert task_run["flow_run_id"] == training["id"]
    printed = story.place.lineage("weather/card").splitlines()
    (release,) = story.releases()
    page = release.page(story.place.ui_url)
    assert ask(f"{page}.json")["status"] == "finished"
    for edge in first.lineage["edges"]:
        line = f"  {edge['run']}  {edge['direction']}  {edge['version']}  {edge['link'] or page}"
        assert line in printed
    assert_page_shows("\n".join(printed))


def assert_page_shows(printed: str) -> None:
    """Compare what was printed with the page about it, in which `...` stands for anything."""
    (block,) = [block for block in blocks(PAGE) if block.text.startswith("$ landfast lineage")]
    expected = block.text.partition("\n")[2]
    assert doctest.OutputChecker().check_output(expected, printed + "\n", doctest.ELLIPSIS), printed


def test_unchanged_data_starts_nothing(first: Chapter, unchanged: Chapter) -> None:
    assert unchanged.snapshots == first.snapshots + 1
    newest, before = unchanged.story.client.history("weather/readings", limit=2)
    assert (before.created, newest.created, newest.moved_latest) == (True, False, False)
    assert unchanged.changes == first.changes
    assert unchanged.materializations == first.materializations
    assert unchanged.trainings == first.trainings
    assert unchanged.releases == first.releases
    (again,) = [edge for edge in unchanged.lineage["edges"] if edge not in first.lineage["edges"]]
    assert (again["direction"], again["version"]) == ("logged", "default/weather/readings:v0")
    assert unchanged.story.snapshots[1] in again["run"]
    assert len(unchanged.story.airflow.events("landfast://default/weather/readings")) == 1


def test_a_change_makes_the_asset_stale(stale: tuple[Chapter, object]) -> None:
    before, status = stale
    assert status == "STALE"
    assert len(before.story.materializations()) >= before.materializations


def test_changed_data_goes_the_same_way_in_the_same_systems(
    unchanged: Chapter, changed: Chapter
) -> None:
    assert steps(changed.lineage) == CHAIN
    assert set(versions(changed.lineage).values()) == {"v1"}
    for count in ("snapshots", "materializations", "trainings", "releases"):
        assert getattr(changed, count) == getattr(unchanged, count) + 1
    client = changed.story.client
    assert client.get("weather/model:prod").version == "v1"
    refs = [run["parameters"]["ref"] for run in changed.story.trainings()]
    assert refs == ["default/weather/features:v0", "default/weather/features:v1"]


def test_picture_of_the_chain(changed: Chapter, browser: Browser) -> None:
    name = "default/weather/card"
    shown = ("readings", "features", "model", "card", "snapshot")
    browser.open(f"{changed.story.place.ui_url}/{name}/lineage?version=v1&up=4", *shown)
    browser.page.get_by_title("All of it").click()
    browser.picture("together-lineage", *shown)


def test_no_password_is_in_what_the_systems_keep(changed: Chapter, story: Story) -> None:
    password = story.place.registry_url.partition("postgres:")[2].partition("@")[0]
    kept: dict[Path, bytes] = {}
    for path in story.place.folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # they are at work
            kept |= {path: path.read_bytes()} if path.is_file() else {}
    assert len(kept) > 50
    for secret in (password, story.place.s3.secret_key):
        assert not [path for path, data in kept.items() if secret.encode() in data]
