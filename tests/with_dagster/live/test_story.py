"""A real `dg dev`: what changed runs, what did not stays, and the registry knows what read what."""

from __future__ import annotations

import landfast
import pytest
from kit.visitor import every_page

from tests.with_dagster.live.conftest import ALARM, UI, Chapter, World

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

# Each asset is asked for when what it depends on has turned out to be new, so in a run of its own.
OF_OSLO = {(("cleaned",), "oslo"), (("features",), "oslo"), (("model",), None)}
EVERYTHING = OF_OSLO | {(("cleaned",), "bergen"), (("features",), "bergen")}
FRESH = {"bergen": "FRESH", "oslo": "FRESH"}


def latest(chapter: Chapter, name: str) -> str:
    return chapter.world.client.get(name).version


def test_the_first_content_is_materialized_by_the_live_sensor(first: Chapter) -> None:
    assert first.fired == EVERYTHING
    assert first.world.server.stale("cleaned", "features", "model") == {
        "cleaned": FRESH,
        "features": FRESH,
        "model": "FRESH",
    }


def test_every_step_ran_in_a_process_of_its_own(first: Chapter) -> None:
    runs = [run for run in first.runs if run.partition == "oslo"]
    assert len(runs) == 2
    for run in runs:
        events = first.world.server.events(run.id)
        started = [
            event["message"] for event in events if event["__typename"] == "StepWorkerStartedEvent"
        ]
        assert len(started) == 1, events


def test_unchanged_content_fires_nothing(unchanged: Chapter) -> None:
    assert not unchanged.fired
    assert len(unchanged.runs) == 1
    assert unchanged.stale == {"cleaned": FRESH, "features": FRESH, "model": "FRESH"}


def test_only_what_depends_on_a_changed_object_is_stale(outdated) -> None:
    _, _, stale = outdated
    assert stale == {
        "cleaned": {"bergen": "FRESH", "oslo": "STALE"},
        "features": FRESH,
        "model": "FRESH",
    }


def test_only_what_depends_on_a_changed_object_runs(changed: Chapter) -> None:
    assert changed.fired == OF_OSLO
    assert changed.world.server.stale("cleaned", "features", "model") == {
        "cleaned": FRESH,
        "features": FRESH,
        "model": "FRESH",
    }


def test_picture_of_the_whole_chain(changed: Chapter, browser) -> None:
    browser.open(f"{changed.world.server.url}/assets/cleaned?view=lineage&lineageDepth=5", "model")
    browser.picture("dagster-lineage", "readings", "features", "100% filled", "1 / 1 Passed")


def test_picture_of_what_an_asset_read_and_wrote(changed: Chapter, browser) -> None:
    client, server = changed.world.client, changed.world.server
    version = client.get("model:v1")
    browser.open(f"{server.url}/assets/model?view=events", version.qualified_name)
    browser.picture(
        "dagster-asset",
        f"landfast/artifact {version.qualified_name}",
        f"landfast/digest {version.digest}",
        "landfast/files 1",
        f"landfast/bytes {version.size}",
        "landfast/change 1 modified",
        "modified tomorrow.json",
        version.page(UI),
        "features default/uncategorized/features~oslo:v1 oslo dagster",
    )
    assert browser.page.get_by_role("link", name=f"{UI}/").count() == 1


def test_picture_of_a_check(changed: Chapter, browser) -> None:
    version = changed.world.client.get("model:v1")
    server = changed.world.server
    browser.open(f"{server.url}/assets/model?view=checks", "references_intact")
    browser.picture("dagster-check", f"{version.qualified_name}: 1 intact")


def test_every_page_of_what_the_example_recorded(changed: Chapter) -> None:
    visited = every_page(changed.world.client, previews="proxy")
    assert "/default/uncategorized/model?version=v1" in visited
    assert any("/lineage" in path for path in visited)


def test_a_b_a_fires_three_times_and_the_third_reads_v0(returned: Chapter) -> None:
    assert returned.fired == OF_OSLO
    client = returned.world.client
    (cleaned,) = (run for run in returned.runs if run.assets == ("cleaned",))
    used = {str(edge.version) for edge in edges(client, cleaned.id, landfast.Direction.USED)}
    assert "default/uncategorized/readings~oslo:v0" in used
    changes = [
        change.version.index
        for change in client.changes()
        if change.version.collection == "readings" and change.version.partition == "oslo"
    ]
    assert changes == [0, 1, 0]
    for name in ("readings~oslo", "cleaned~oslo", "features~oslo", "model"):
        assert latest(returned, name) == "v0", name
        assert {version.version for version in client.versions(name)} == {"v0", "v1"}
    assert {version.version for version in client.versions("cleaned~bergen")} == {"v0"}


def test_the_registry_knows_which_data_made_the_model(returned: Chapter) -> None:
    client = returned.world.client
    for index, others in (("v0", "v0"), ("v1", "v1")):
        upstream = {
            str(name).rpartition("/")[2] for name in client.lineage(f"model:{index}").upstream
        }
        assert upstream == {
            f"{name}~{station}:{version}"
            for name in ("readings", "cleaned", "features")
            for station, version in (("bergen", "v0"), ("oslo", others))
        }


def test_runs_of_the_registry_are_the_runs_of_dagster(returned: Chapter) -> None:
    runs = list(returned.world.client.runs(limit=1000))
    known = {run.id for run in returned.world.server.runs()}
    assert {run.key.run_id for run in runs} == known
    assert {run.key.system for run in runs} == {"dagster"}
    assert {run.key.part for run in runs} >= {"oslo", "bergen"}


def test_a_changed_verdict_starts_a_job_that_hears_of_it(world: World) -> None:
    server, s3 = world.server, world.s3
    server.next_tick(ALARM)
    s3.client.create_bucket(Bucket="watched")
    s3.client.put_object(Bucket="watched", Key="data/a.txt", Body=b"A")
    client = landfast.Client(world.registry_url, clients={"s3": lambda: s3.client})
    version = client.log("vision/watched", "s3://watched/data/")
    client.verify_aliases("vision/watched")
    for number, (body, verdict) in enumerate([(b"B", "changed"), (b"A", "intact")], start=1):
        s3.client.put_object(Bucket="watched", Key="data/a.txt", Body=body)
        client.verify_aliases("vision/watched")
        tags = server.nth_run("alarm", number).tags
        assert tags["landfast/name"] == version.qualified_name
        assert tags["landfast/verdict"] == verdict
    client.close()
    assert len([run for run in server.runs() if run.job == "alarm"]) == 2


def edges(
    client: landfast.Client, run_id: str, direction: landfast.Direction
) -> list[landfast.Edge]:
    keys = [run.key for run in client.runs(limit=1000) if run.key.run_id == run_id]
    return [edge for edge in client.registry.edges(runs=keys) if edge.direction is direction]
