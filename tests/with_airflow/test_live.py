"""What only a running Airflow shows: events that start DAGs, deferral, watchers, a task that is killed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import landfast
import pytest
from kit.browser import Browser
from kit.servers.moto import Moto, moto
from kit.servers.postgres import Postgres
from kit.visitor import every_page
from landfast.registry.opener import init_registry
from packaging.version import Version

from tests.with_airflow.live import Live, live

pytestmark = pytest.mark.system

IS_OLD = Version(version("apache-airflow")) < Version("3.2")
STORY = Path(__file__).parent / "story"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A running Airflow, the bucket that its DAGs read, and the registry that they share with us."""

    airflow: Live
    s3: Moto
    client: landfast.Client
    secrets: tuple[str, ...]

    def put(self, place: str, text: str) -> None:
        """Write the file `a.txt` of a place."""
        self.s3.put("data", f"{place}/a.txt", text.encode())

    def log(self, name: str, place: str) -> landfast.ArtifactVersion:
        """Log a place from outside of Airflow."""
        return self.client.log(name, f"s3://data/{place}/")

    def read(self, dag_id: str, number: int) -> Any:
        """Wait for the `number`-th run of a consumer, and return what it read."""
        run = self.airflow.nth_run(dag_id, number)
        return self.airflow.xcom(dag_id, run["dag_run_id"], "read")


@pytest.fixture(scope="module")
def scene(
    airflow_database: Path, postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("airflow")
    dags = tmp_path_factory.mktemp("files") / "dags"
    shutil.copytree(STORY, dags)
    with ExitStack() as stack:
        s3 = stack.enter_context(moto())
        for bucket in ("data", "manifests"):
            s3.client.create_bucket(Bucket=bucket)
            s3.set_versioning(bucket, "Enabled")
        database = postgres_server.create()
        stack.callback(postgres_server.drop, database)
        url = database.replace("postgres@", "postgres:hush-hush@")
        init_registry(url, store_url="s3://manifests/landfast")
        client = landfast.Client(url, clients={"s3": lambda: s3.client})
        stack.callback(client.close)
        airflow = stack.enter_context(
            live(home, airflow_database, dags, connections(s3, url) | {"NO_PROXY": "127.0.0.1"})
        )
        yield Scene(airflow=airflow, s3=s3, client=client, secrets=secrets(s3, url))


def connections(s3: Moto, registry_url: str) -> dict[str, str]:
    ours = {
        "conn_type": "landfast",
        "password": registry_url,
        "extra": {"aws_conn_id": "minio", "ui_url": "https://landfast.example"},
    }
    minio = {
        "conn_type": "aws",
        "login": s3.access_key,
        "password": s3.secret_key,
        "extra": {"endpoint_url": s3.url, "region_name": s3.region},
    }
    return {
        "AIRFLOW_CONN_LANDFAST_DEFAULT": json.dumps(ours),
        "AIRFLOW_CONN_MINIO": json.dumps(minio),
    }


def secrets(s3: Moto, registry_url: str) -> tuple[str, ...]:
    return (s3.secret_key, registry_url, "hush-hush")


def test_a_change_starts_the_consumer_once_and_no_change_never(scene: Scene) -> None:
    scene.put("corpus", "A")
    scene.airflow.run("produce")
    assert scene.read("consume", 1) == {"version": "v0", "text": "A"}

    scene.airflow.run("produce")

    scene.put("corpus", "B")
    scene.airflow.run("produce")
    assert scene.read("consume", 2) == {"version": "v1", "text": "B"}

    scene.put("corpus", "A")
    scene.airflow.run("produce")
    assert scene.read("consume", 3) == {"version": "v0", "text": "A"}

    events = scene.airflow.events("landfast://default/nlp/corpus")
    assert [event["extra"]["version"] for event in events] == ["v0", "v1", "v0"]
    assert [len(event["created_dagruns"]) for event in events] == [1, 1, 1]
    assert len(scene.airflow.runs("consume")) == 3


def test_a_change_whose_task_was_killed_is_announced_once_by_its_retry(scene: Scene) -> None:
    moments = ("committed", "executed")
    for moment in moments:
        scene.put(f"killed-{moment}", "A")
    runs = {moment: scene.airflow.trigger(f"killed_{moment}") for moment in moments}
    for moment, run in runs.items():
        scene.airflow.succeeded(f"killed_{moment}", run)
        assert scene.airflow.task(f"killed_{moment}", run, "snapshot")["try_number"] == 2
        assert scene.read(f"after_{moment}", 1) == {"version": "v0", "text": "A"}

    for moment in moments:
        scene.airflow.run(f"killed_{moment}")  # finds nothing new
        [event] = scene.airflow.events(f"landfast://default/nlp/killed-{moment}")
        [change] = scene.client.changes(name=f"nlp/killed-{moment}")
        assert event["extra"]["change"] == change.id
        assert len(scene.airflow.runs(f"after_{moment}")) == 1


def test_mend_33_every_partition_that_changed_reaches_the_consumer_once(scene: Scene) -> None:
    read = []
    for number, keys in enumerate(["abcd", "ae"], start=1):
        for key in keys:
            scene.put(f"orders/{key}", f"{key}{number}")
        scene.airflow.run("produce_orders", keys=list(keys))
        run = scene.airflow.nth_run("consume_orders", number)
        read.append(scene.airflow.xcom("consume_orders", run["dag_run_id"], "changed"))
    events = scene.airflow.events("landfast://default/sales/orders")
    # For DAGs without partitions; Airflow 3.2 and newer has one with a key beside each.
    assert len([event for event in events if not event.get("partition_key")]) == 6
    assert {event.get("partition_key") for event in events} - {None} in (set(), set("abcde"))
    versions = [[scene.client.get(uri) for uri in uris] for uris in read]
    assert [[f"{each.partition}{each.version}" for each in found] for found in versions] == [
        ["av0", "bv0", "cv0", "dv0"],
        ["av1", "ev0"],
    ]
    for each in [*versions[0], *versions[1]]:
        assert {record.key.node for record in each.used_by()} == {"changed", "read_one"}


@pytest.mark.skipif(IS_OLD, reason="Airflow has partitions of its own since 3.2")
def test_the_scheduler_starts_a_partitioned_dag_for_each_partition_that_changed(
    scene: Scene,
) -> None:
    def read(number: int) -> list[str]:
        run = scene.airflow.nth_run("by_partition", number)
        return list(scene.airflow.xcom("by_partition", run["dag_run_id"], "read_routed"))

    for key in "ab":
        scene.put(f"routed/{key}", f"{key}1")
    scene.airflow.run("produce_routed")
    assert sorted(map(read, (1, 2))) == [["a", "a", "a1"], ["b", "b", "b1"]]
    scene.put("routed/b", "b2")
    scene.airflow.run("produce_routed")
    assert read(3) == ["b", "b", "b2"]
    events = scene.airflow.events("landfast://default/sales/routed")
    keyed = [event["partition_key"] for event in events if event["partition_key"]]
    assert (sorted(keyed), len(scene.airflow.runs("by_partition"))) == (["a", "b", "b"], 3)


def test_a_deferred_sensor_wakes_on_a_version_that_its_dag_has_not_used(scene: Scene) -> None:
    for number, text in enumerate(["A", "B"]):
        run = scene.airflow.trigger("wait_for_version")
        scene.airflow.task_is("wait_for_version", run, "wait", "deferred")
        scene.put("awaited", text)
        version = scene.log("nlp/awaited", "awaited")
        scene.airflow.succeeded("wait_for_version", run)
        assert version.version == f"v{number}"
        assert scene.airflow.xcom("wait_for_version", run, "wait") == version.uri
        assert scene.airflow.xcom("wait_for_version", run, "read") == text


def test_a_deferred_sensor_wakes_when_a_place_differs_from_what_is_recorded(scene: Scene) -> None:
    scene.put("place", "A")
    scene.log("nlp/place", "place")
    run = scene.airflow.trigger("wait_for_place")
    scene.airflow.task_is("wait_for_place", run, "wait", "deferred")
    scene.put("place", "B")
    scene.airflow.succeeded("wait_for_place", run)
    found = scene.airflow.xcom("wait_for_place", run, "wait")
    assert scene.client.get("nlp/place").digest == found
    assert scene.client.get("nlp/place").version == "v1"


def test_a_watcher_goes_on_where_the_last_triggerer_stopped(scene: Scene) -> None:
    scene.put("prices", "A")
    scene.log("vendor/prices", "prices")
    assert scene.read("watch", 1) == {"version": "v0", "text": "A"}

    scene.airflow.stop_component("triggerer")
    scene.put("prices", "B")
    scene.log("vendor/prices", "prices")
    scene.airflow.start("triggerer")
    assert scene.read("watch", 2) == {"version": "v1", "text": "B"}

    events = scene.airflow.events("landfast://default/vendor/prices")
    assert [event["extra"]["payload"]["version"] for event in events] == ["v0", "v1"]


def test_a_changed_verdict_starts_a_dag_that_hears_of_it(scene: Scene) -> None:
    def is_followed() -> bool:
        return any("#verdicts" in each.name for each in scene.client.registry.consumers.records())

    scene.airflow.wait("the trigger looked", is_followed)
    scene.put("watched", "A")
    version = scene.log("vendor/watched", "watched")
    scene.client.verify_aliases("vendor/watched")
    (entry,) = version.entries()
    scene.s3.client.delete_object(
        Bucket="data", Key="watched/a.txt", VersionId=str(entry.version_id)
    )
    scene.client.verify_aliases("vendor/watched")
    run = scene.airflow.nth_run("alarm", 1)
    heard = scene.airflow.xcom("alarm", run["dag_run_id"], "hear")
    assert (heard["previous_verdict"], heard["verdict"]) == ("intact", "gone")
    assert heard["uri"] == version.uri
    assert len(scene.airflow.runs("alarm")) == 1


@pytest.mark.skipif(IS_OLD, reason="the pictures are of the newest Airflow")
def test_pictures_show_the_events_of_an_asset_a_task_and_a_connection(
    scene: Scene, browser: Browser
) -> None:
    asset = "landfast://default/nlp/pictured"
    scene.put("pictured", "A")
    run = scene.airflow.run("pictured")
    scene.put("pictured", "B")
    scene.airflow.run("pictured")
    assert scene.read("train", 2)["version"] == "v1"

    [found] = scene.airflow.get("assets", name_pattern=asset)["assets"]
    browser.open(f"{scene.airflow.url}/assets/{found['id']}", asset, "2 Asset Events")
    browser.picture("airflow-asset", "Source: pictured", "Triggered Dag Run: train")

    task = f"dags/pictured/runs/{run}/tasks/snapshot"
    browser.open(f"{scene.airflow.url}/{task}", "default/nlp/pictured: new version v0, ")
    browser.picture("airflow-task", "Landfast")

    browser.open(f"{scene.airflow.url}/connections", "Add Connection")
    browser.page.get_by_role("button", name="Add Connection").click()
    browser.page.get_by_role("combobox").last.click()
    browser.page.keyboard.type("landfast")
    browser.page.keyboard.press("Enter")
    browser.wait("Registry URL")
    browser.page.get_by_role("button", name="Extra Fields", exact=True).click()
    browser.picture("airflow-connection", "Postgres connection", "AWS connection", "Web UI URL")


def test_no_secret_is_in_logs_or_in_what_airflow_stores(scene: Scene) -> None:
    stored = b"".join(path.read_bytes() for path in scene.airflow.home.glob("airflow.db*"))
    logs = scene.airflow.task_logs()
    # Airflow 3.1 keeps only what its own loggers say.
    assert IS_OLD or "nlp/corpus:v1" in logs
    assert b"nlp/corpus:v1" in stored
    for secret in scene.secrets:
        assert secret not in logs
        assert secret.encode() not in stored


def test_every_page_of_what_the_dags_recorded(scene: Scene) -> None:
    visited = every_page(scene.client, previews="proxy")
    assert any(path.startswith("/-/run/") for path in visited)
