"""Runs, one run, the feed of changes, and where an object is."""

from pathlib import Path
from urllib.parse import quote

import pytest
from kit.pages import Served
from landfast.client import Client
from landfast.model.lineage import Direction
from landfast.model.run import RunKey, RunStatus
from landfast.registry.values import RunStart

BASE = "https://airflow.example.com"


def key(run_id: str, *, system: str = "airflow", node: str = "", part: str = "") -> RunKey:
    return RunKey(system=system, deployment=BASE, run_id=run_id, node=node, part=part)


def begin(client: Client, of: RunKey, *, name: str = "", link: str | None = None) -> str:
    start = RunStart(key=of, entity="default", project="vision", name=name, link=link)
    return client.registry.begin_run(start).id


def names(pages: Served, query: str) -> list[str]:
    reply = pages.get(f"/runs?{query}&format=json")
    assert reply.status == 200
    return [run["key"] for run in reply.data["runs"]]


@pytest.mark.parametrize("path", ["/runs", "/-/changes", "/-/object"])
def test_an_empty_registry_has_these_pages(client: Client, pages: Served, path: str) -> None:
    client.init_registry()
    assert pages.get(path).status == 200
    assert pages.get(f"{path}.json").headers["content-type"] == "application/json"


def test_runs_are_found_by_what_an_orchestrator_knows(client: Client, pages: Served) -> None:
    whole = key("etl/manual__2026-05-03T08:15:30+00:00", node="train")
    mapped = key("etl/manual__2026-05-03T08:15:30+00:00", node="train", part="3")
    other = key("etl/other", node="load")
    for each in (whole, mapped, other, key("x", system="prefect")):
        begin(client, each)
    of_airflow = f"system=airflow&deployment={quote(BASE, safe='')}"
    run = f"run={quote(whole.run_id, safe='')}"
    assert names(pages, of_airflow) == [str(other), str(mapped), str(whole)]
    assert names(pages, f"{of_airflow}&{run}&node=train") == [str(mapped), str(whole)]
    # As Airflow fills its link in: the id as it is, and -1 for a task that is not mapped.
    as_is = f"run={whole.run_id}&node=train"
    assert names(pages, f"{of_airflow}&{as_is}&part=-1") == [str(whole)]
    assert names(pages, f"{of_airflow}&{as_is}&part=3") == [str(mapped)]
    assert names(pages, f"run_id={quote(other.run_id)}") == [str(other)]
    assert names(pages, "system=dagster") == []
    assert names(pages, "q=OTHER") == [str(other)]
    assert pages.get("/runs?system=dagster").status == 200
    assert pages.get("/runs?status=lost").status == 400


def test_runs_are_paged(client: Client, pages: Served) -> None:
    for number in range(5):
        begin(client, key(f"r{number}"))
    first = pages.get("/runs.json?size=3").data
    assert [run["run_id"] for run in first["runs"]] == ["r4", "r3", "r2"]
    assert first["page"]["has_more"]
    last = pages.get("/runs.json?size=3&page=2").data
    assert [run["run_id"] for run in last["runs"]] == ["r1", "r0"]
    assert not last["page"]["has_more"]


def test_a_run_says_what_it_used_logged_and_was_given(
    client: Client, pages: Served, data: Path
) -> None:
    photos = client.log("photos", data)
    (data / "a.txt").write_text("other\n")
    model = client.log("model", data)
    train = key("train", node="fit")
    start = RunStart(
        key=train,
        entity="default",
        project="vision",
        attempt=2,
        config={"rate": 0.1, "layers": [1, 2]},
        link=f"{BASE}/dags/train?tab=<b>",
    )
    run = client.registry.begin_run(start)
    client.registry.add_edges(train, Direction.USED, [photos.record.id])
    client.registry.add_edges(train, Direction.LOGGED, [model.record.id])
    client.registry.finish_run(train, RunStatus.FAILED)
    found = pages.get(f"/-/run/{run.id}.json").data
    assert [each["name"] for each in found["edges"]["used"]["versions"]] == [photos.qualified_name]
    assert [each["name"] for each in found["edges"]["logged"]["versions"]] == [model.qualified_name]
    assert found["edges"]["declared"]["page"]["total"] == 0
    assert (found["status"], found["attempt"]) == ("failed", 2)
    assert found["seconds"] >= 0
    page = pages.get(f"/-/run/{run.id}").text
    assert f'href="{BASE}/dags/train?tab=&lt;b&gt;"' in page
    assert "rate" in page
    assert f'href="/default/vision/model?version=v{model.index}"' in page
    assert pages.get("/-/run/nobody").status == 404
    (row,) = (each for each in pages.get("/runs.json").data["runs"] if each["id"] == run.id)
    assert row["edges"] == {"used": 1, "logged": 1, "declared": 0}


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "https://", "java\nscript:x", "//evil/x"]
)
def test_only_addresses_of_web_pages_become_links(client: Client, pages: Served, link: str) -> None:
    run = begin(client, key("r"), link=link)
    for path in (f"/-/run/{run}", "/runs"):
        page = pages.get(path).text
        assert 'class="out"' not in page
    assert pages.get(f"/-/run/{run}.json").data["link"] is None


def test_the_feed_is_read_from_either_end(client: Client, pages: Served, data: Path) -> None:
    for number in range(3):
        (data / "a.txt").write_text(f"{number}")
        client.log("photos", data)
    client.promote("photos:v0", "good")
    client.log("other", data)

    def positions(query: str) -> list[int]:
        return [each["position"] for each in pages.get(f"/-/changes.json?{query}").data["changes"]]

    assert positions("") == [5, 4, 3, 2, 1]
    assert positions("order=oldest&after=3") == [4, 5]
    assert positions("collection=default/vision/photos&size=2") == [4, 3]
    assert positions("collection=photos&before=3") == [2, 1]
    assert positions("kind=alias") == [4]
    assert positions("collection=nowhere/at/all") == []
    first = pages.get("/-/changes.json?size=2").data
    assert first["page"]["has_more"]
    assert positions(f"before={first['page']['next']}") == [3, 2, 1]
    page = pages.get("/-/changes?size=2").text
    assert f'href="/-/changes?before={first["page"]["next"]}&amp;size=2&amp;order=newest"' in page
    assert pages.get("/-/changes?kind=lost").status == 400


def test_an_object_leads_to_versions_and_runs(client: Client, pages: Served, data: Path) -> None:
    photos = client.log("photos", data)
    (data / "b/c.csv").write_text("x,y\n")
    again = client.log("photos", data)
    used = begin(client, key("train"), name="train on photos")
    client.registry.add_edges(key("train"), Direction.USED, [photos.record.id])
    uri = (data / "b/c.csv").as_uri()
    found = pages.get(f"/-/object.json?uri={quote(uri)}").data["searched"]
    assert [each["version"]["name"] for each in found["matches"]] == [
        again.qualified_name,
        photos.qualified_name,
    ]
    assert used in {run["id"] for run in found["matches"][1]["runs"]}
    assert "train on photos" in pages.get(f"/-/object?uri={quote(uri)}").text
    missing = pages.get(f"/-/object.json?uri={quote(uri + '.gone')}").data["searched"]
    assert (missing["matches"], missing["looked_into"]) == ([], 2)
    assert pages.get("/-/object?uri=s3%3A//nobody/nothing").status == 200


def test_hostile_names_of_runs_stay_text(client: Client, pages: Served) -> None:
    hostile = "<script>alert(1)</script>\u202e\x07"
    run = begin(client, key(hostile, node=hostile), name=hostile)
    for path in ("/runs", f"/-/run/{run}"):
        page = pages.get(path).text
        assert "<script>alert" not in page
        assert "\x07" not in page
