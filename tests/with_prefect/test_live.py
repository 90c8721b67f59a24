"""The story on a real server: snapshots in flows, deployments that start on changes, and what Prefect shows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import landfast
import pytest
from kit.servers.moto import Moto
from kit.visitor import every_page

from tests.with_prefect.server import PrefectServer, background, prefect, wait_for

pytestmark = pytest.mark.system

EVENT = "landfast.artifact.changed"
BUCKET = "raw-images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server, a registry, and a bucket that somebody else writes."""

    server: PrefectServer
    folder: Path
    s3: Moto

    @property
    def environment(self) -> dict[str, str]:
        registry = f"sqlite:///{self.folder}/registry.db"
        return {
            **self.server.environment(),
            **self.s3.environment(),
            "LANDFAST_REGISTRY_URL": registry,
        }

    def write(self, name: str, text: str) -> str:
        """Write the only object of a prefix, and return the prefix."""
        self.s3.put(BUCKET, f"{name}/a.txt", text.encode())
        return f"s3://{BUCKET}/{name}/"

    def client(self) -> landfast.Client:
        return landfast.Client(self.environment["LANDFAST_REGISTRY_URL"])

    def finished(self, deployment: str, count: int) -> list[dict[str, Any]]:
        """Wait until so many runs of a deployment are completed, and return all that there are."""

        def completed() -> list[dict[str, Any]] | None:
            runs = self.server.runs_of(deployment)
            bad = [run["state"] for run in runs if run["state_type"] in {"FAILED", "CRASHED"}]
            assert not bad, bad
            done = [run for run in runs if run["state_type"] == "COMPLETED"]
            return runs if len(done) >= count else None

        return wait_for(f"{count} runs of {deployment}", completed)

    def told(self, name: str) -> list[dict[str, Any]]:
        return self.server.events(EVENT, f"landfast.artifact.default/{name}")


@contextmanager
def using(place: Place) -> Iterator[None]:
    """Let this process and its children use the place."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.environment.items():
            patch.setenv(name, value)
        with temporary_settings({PREFECT_API_URL: place.server.api}):
            yield


@pytest.fixture(scope="module")
def whole_place(
    prefect_server_of_session: PrefectServer,
    moto_server: Moto,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    moto_server.client.create_bucket(Bucket=BUCKET)
    moto_server.set_versioning(BUCKET, "Enabled")
    place = Place(
        server=prefect_server_of_session,
        folder=tmp_path_factory.mktemp("place").resolve(),
        s3=moto_server,
    )
    # Prefect 3.6 serves only files under the working folder.
    program = shutil.copy(Path(__file__).with_name("live_flows.py"), place.folder)
    with background(
        *(sys.executable, str(program)),
        server=place.server,
        folder=place.folder,
        says="killed-once/once",
        env={**place.environment, "PREFECT_RUNNER_POLL_FREQUENCY": "1"},
    ):
        yield place


@pytest.fixture
def place(whole_place: Place) -> Iterator[Place]:
    with using(whole_place):
        yield whole_place


def snapshot(place: Place, name: str, text: str, **more: Any) -> Any:
    from prefect_landfast.flows import snapshot_artifact

    return snapshot_artifact(name, place.write(name.partition("/")[2], text), **more)


@pytest.fixture(scope="module")
def story(whole_place: Place) -> list[dict[str, Any]]:
    """Content A, A, B, A: the runs of the deployment that waits for changes."""
    with using(whole_place):
        for text, runs in (("A", 1), ("A", 1), ("B", 2), ("A", 3)):
            snapshot(whole_place, "vision/tulips", text)
            whole_place.finished("on-tulips", runs)
    return whole_place.server.runs_of("on-tulips")


def test_each_change_starts_one_run_with_its_version_and_nothing_else_does(place, story) -> None:
    # The second A, unchanged, started none: B, after it through the same trigger, is the second run.
    refs = [run["parameters"]["ref"] for run in story]
    assert refs == [f"default/vision/tulips:{version}" for version in ("v0", "v1", "v0")]
    assert [run["created_by"]["type"] for run in story] == ["AUTOMATION"] * 3
    ids = [event["id"] for event in place.told("vision/tulips")]
    assert len(ids) == len(set(ids)) == 3


def test_a_snapshot_says_last_what_it_found(place, story) -> None:
    runs = place.server.post("/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})
    said = [
        run["state"]["message"] for run in runs if run["parameters"].get("name") == "vision/tulips"
    ]
    assert said == [
        "new version v0, 1 files, 1 B",
        "unchanged at v0",
        "new version v1, 1 files, 1 B",
        "back at v0",
    ]


def test_runs_that_only_use_have_their_edges_with_flow_run_and_task_run(place, story) -> None:
    client = place.client()
    for version, runs in (("v0", [story[0], story[2]]), ("v1", [story[1]])):
        users = client.get(f"vision/tulips:{version}").used_by()
        assert [user.key.run_id for user in users] == [run["id"] for run in runs]
        for user in users:
            task_run = place.server.task_run(user.config["task_run_id"])
            assert task_run["flow_run_id"] == user.key.run_id


def test_an_event_names_the_runs_that_sent_it(place, story) -> None:
    event = place.told("vision/tulips")[0]
    roles = {r["prefect.resource.role"] for r in event["related"]}
    assert {"flow-run", "task-run", "flow", "landfast-source"} <= roles


def test_a_run_killed_between_commit_and_event_tells_when_it_is_tried_again(place) -> None:
    deployment = place.server.get("/deployments/name/killed-once/once")["id"]
    marker = place.folder / "killed-once"
    run = place.server.post(
        f"/deployments/{deployment}/create_flow_run",
        {
            "parameters": {
                "name": "vision/killed",
                "uri": place.write("killed", "A"),
                "marker": str(marker),
            }
        },
    )["id"]

    def state() -> str:
        return str(place.server.get(f"/flow_runs/{run}")["state_type"])

    wait_for("crash", lambda: state() == "CRASHED")
    assert place.client().get("vision/killed").version == "v0"
    assert place.told("vision/killed") == []
    again = {"type": "SCHEDULED", "name": "AwaitingRetry"}
    place.server.post(f"/flow_runs/{run}/set_state", {"state": again})
    wait_for("end of the retry", lambda: state() == "COMPLETED")
    (started,) = place.finished("on-killed", 1)
    assert started["parameters"] == {"ref": "default/vision/killed:v0"}
    assert len(place.told("vision/killed")) == 1
    (logged,) = place.client().registry.edges(
        versions=[place.client().get("vision/killed").record.id]
    )[:1]
    assert logged.run.run_id == run


def test_what_others_logged_starts_runs_by_the_mirror(place) -> None:
    from prefect_landfast.mirror import mirror_changes

    place.client().log("vision/mirrored", place.write("mirrored", "A"))
    state = mirror_changes(return_state=True)
    assert state.message.startswith("1 changes told")
    (started,) = place.finished("on-mirrored", 1)
    assert started["parameters"] == {"ref": "default/vision/mirrored:v0"}
    assert mirror_changes() == 0


def test_a_changed_verdict_starts_a_run_whoever_finds_it(place) -> None:
    from prefect_landfast.flows import verify_aliases
    from prefect_landfast.mirror import mirror_changes

    mirror_changes()  # what other tests logged is told
    client, uri = place.client(), place.write("watched", "A")
    version = client.log("vision/watched", uri, aliases=["prod"])
    verify_aliases("vision/watched", aliases=["prod"])
    (entry,) = version.entries()
    place.s3.client.delete_object(
        Bucket=BUCKET, Key="watched/a.txt", VersionId=str(entry.version_id)
    )
    verify_aliases("vision/watched", aliases=["prod"], fail_on="never")
    (first,) = place.finished("on-watched", 1)
    assert first["parameters"] == {"ref": "default/vision/watched:v0"}
    assert first["created_by"]["type"] == "AUTOMATION"

    place.write("watched", "A")  # the same bytes again, under another version id
    client.verify_aliases("vision/watched", aliases=["prod"])  # outside of Prefect
    mirror_changes()
    assert len(place.finished("on-watched", 2)) == 2
    told = place.server.events(
        "landfast.artifact.verdict", "landfast.artifact.default/vision/watched"
    )
    said = [(each["payload"]["previous_verdict"], each["payload"]["verdict"]) for each in told]
    assert said == [("intact", "gone"), ("gone", "intact")]


def test_a_large_scan_is_cut_into_tasks_and_is_one_version(place) -> None:
    for number in range(40):
        (place.folder / "many").mkdir(exist_ok=True)
        (place.folder / "many" / f"{number:02}.txt").write_text(str(number))
    from prefect_landfast.flows import snapshot_artifact

    state = snapshot_artifact(
        "vision/many", (place.folder / "many").as_uri(), shards=4, return_state=True
    )
    version = state.result()
    assert version.file_count == 40
    assert version.digest == place.client().probe(place.folder / "many")
    flow_run = str(state.state_details.flow_run_id)
    of_flow_run = {"flow_runs": {"id": {"any_": [flow_run]}}}

    def scans() -> list[Any]:
        tasks = place.server.post("/task_runs/filter", of_flow_run)
        return [task for task in tasks if task["name"].startswith("scan for ")]

    wait_for("scan of each shard", lambda: len(scans()) >= 4)
    assert len(scans()) == 4
    assert version.logged_by().key.run_id == flow_run


def test_a_run_that_begins_while_another_goes_on_is_cancelled(place) -> None:
    from prefect_landfast.serving import snapshot_deployments

    file = Path("snapshots.yaml")
    file.write_text(
        f"snapshots:\n  - name: vision/overlap\n    uri: {place.write('overlap', 'A')}\n"
        '    schedule: "0 6 * * *"\n'
    )
    (deployment,) = snapshot_deployments(file)
    made = str(deployment.apply())
    server = place.server
    stored = server.get(f"/deployments/{made}")
    assert [s["schedule"]["cron"] for s in stored["schedules"]] == ["0 6 * * *"]
    first, second = (
        server.post(f"/deployments/{made}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"]
        for _ in range(2)
    )
    for run in (first, second):
        server.post(f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}})
    states = [server.get(f"/flow_runs/{run}")["state_type"] for run in (first, second)]
    assert states == ["PENDING", "CANCELLED"]
    server.post(f"/flow_runs/{first}/set_state", {"state": {"type": "CANCELLED"}, "force": True})


PREFECT_YAML = """
name: snapshots
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: {folder}
deployments:
  - name: installed
    entrypoint: prefect_landfast.flows.snapshot_artifact
    parameters:
      name: vision/worked
      uri: {uri}
    concurrency_limit:
      limit: 1
      collision_strategy: CANCEL_NEW
    work_pool:
      name: landfast-test
"""


def test_a_process_worker_runs_the_installed_flow_by_its_entry_point(place) -> None:
    uri = place.write("worked", "A")
    Path("prefect.yaml").write_text(PREFECT_YAML.format(folder=place.folder, uri=uri))
    place.server.post("/work_pools/", {"name": "landfast-test", "type": "process"})
    say = [*prefect(), "--no-prompt", "deploy", "--all"]
    subprocess.run(say, check=True, capture_output=True, text=True)
    made = place.server.get("/deployments/name/snapshot-artifact/installed")["id"]
    run = place.server.post(f"/deployments/{made}/create_flow_run")["id"]
    work = ["worker", "start", "--pool", "landfast-test", "--type", "process", "--run-once"]
    done = subprocess.run(
        [*prefect(), *work], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    state = place.server.get(f"/flow_runs/{run}")["state"]
    assert state["message"] == "new version v0, 1 files, 1 B", done.stdout
    assert place.client().get("vision/worked").logged_by().key.run_id == run


def test_too_long_without_news_starts_a_run(place) -> None:
    from prefect.automations import Automation
    from prefect.events.actions import RunDeployment
    from prefect_landfast.triggers import on_no_artifact_change

    train = place.server.get("/deployments/name/train/on-tulips")["id"]
    alarm = Automation(
        name="nothing new",
        trigger=on_no_artifact_change("vision/silent", within=timedelta(seconds=10)),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=train,
                parameters={"ref": "vision/tulips:v0"},
            )
        ],
    ).create()
    try:
        wait_for(
            "run for want of news",
            lambda: [
                run
                for run in place.server.runs_of("on-tulips")
                if run["created_by"]["display_value"] == "nothing new"
            ],
        )
    finally:
        alarm.delete()


def test_picture_of_the_timeline_of_versions_with_links_to_their_runs(
    place, story, browser
) -> None:
    from prefect_landfast.report import report_key

    key = report_key(landfast.ArtifactName.parse("default/vision/tulips"))
    newest = "default/vision/tulips:v0, returned"
    shown = browser.open(f"{place.server.url}/artifacts/key/{key}", newest, "log vision/tulips")
    assert shown.count("snapshot vision/tulips") == 3  # the flow runs, beside their task runs
    links = browser.page.locator("a[href*='/runs/flow-run/']")
    assert len({link.get_attribute("href") for link in links.all()}) == 3
    browser.picture("prefect-timeline", newest)


def test_picture_of_the_report_on_a_change(place, story, browser) -> None:
    reports = sorted(place.server.post("/artifacts/filter"), key=lambda each: each["created"])
    told = [r for r in reports if (r["description"] or "").startswith("default/vision/tulips:")]
    assert [report["description"].split(":")[1] for report in told] == [
        "v0, created",
        "v1, created",
        "v0, returned",
    ]
    texts = ("vision/tulips:v1", "s3://raw-images/tulips/", "1 modified", "State Message")
    browser.open(f"{place.server.url}/artifacts/artifact/{told[1]['id']}", *texts)
    browser.picture("prefect-report", *texts)


def test_picture_of_the_event(place, story, browser) -> None:
    event = place.told("vision/tulips")[-1]
    day = event["occurred"][:10]
    texts = (EVENT, "landfast.artifact.default/vision/tulips", "s3://raw-images/tulips/")
    browser.open(f"{place.server.url}/events/event/{day}/{event['id']}", *texts)
    browser.picture("prefect-event", *texts)


def test_picture_of_a_run_that_found_nothing_new(place, story, browser) -> None:
    runs = place.server.post("/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})
    (unchanged,) = [
        run
        for run in runs
        if run["name"] == "snapshot vision/tulips" and "unchanged" in run["state"]["message"]
    ]
    said = "Finished in state Completed('unchanged at v0')"
    browser.open(f"{place.server.url}/runs/flow-run/{unchanged['id']}", said)
    browser.picture("prefect-run", said)


def test_every_page_of_what_the_flows_recorded(place) -> None:
    visited = every_page(place.client(), previews="proxy")
    assert "/default/vision/worked" in visited
    assert any(path.startswith("/-/run/") for path in visited)
