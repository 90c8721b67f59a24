"""The sensor tells Dagster of every change that anybody logged, in order, at least once, without a run."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import dagster as dg
import dagster_landfast as dl
import landfast
import pytest

TWO = dg.StaticPartitionsDefinition(["p1", "p2"])


class Daemon:
    """What Dagster's sensor daemon does with a sensor's answer."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        *assets: dg.AssetsDefinition,
        resources: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.instance = instance
        self.cursor: str | None = None
        self.follow(*assets, resources=resources, **options)

    def follow(
        self,
        *assets: dg.AssetsDefinition,
        resources: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.sensor = dl.build_artifact_sensor(assets, **options)
        self.repository = dg.Definitions(
            assets=assets, sensors=[self.sensor], resources=resources
        ).get_repository_def()

    def look(self) -> Any:
        """Evaluate the sensor, and do nothing about it."""
        with dg.build_sensor_context(
            self.instance, cursor=self.cursor, repository_def=self.repository
        ) as context:
            return self.sensor.evaluate_tick(context)

    def tick(self, *, crash: bool = False) -> list[tuple[str, str | None, str]]:
        """Look, store the events, then the cursor unless it crashes; return asset, partition and version."""
        answer = self.look()
        assert not answer.run_requests
        for event in answer.asset_events:
            self.instance.report_runless_asset_event(event)
        for request in answer.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(
                request.partitions_def_name, list(request.partition_keys)
            )
        if not crash:
            self.cursor = answer.cursor
        return [
            (
                event.asset_key.to_user_string(),
                event.partition,
                event.metadata["landfast/artifact"].value.rpartition(":")[2],
            )
            for event in answer.asset_events
        ]

    def drain(self) -> list[tuple[str, str | None, str]]:
        told = []
        while events := self.tick():
            told += events
        return told


@pytest.fixture
def log(client, data):
    """Log a text as the content of an artifact."""

    def write(name: str, text: str, partition: str | None = None, **options: Any):
        return client.log(name, data(f"of-{name}-{text}", f=text), partition=partition, **options)

    return write


def test_the_first_look_tells_what_there_is_and_then_what_changes(instance, log):
    mnist = dl.artifact_asset("vision/mnist")
    log("vision/mnist", "A")
    log("vision/mnist", "B")
    daemon = Daemon(instance, mnist)
    assert daemon.tick() == [("vision/mnist", None, "v1")]
    assert daemon.tick() == []
    log("vision/mnist", "B")
    assert daemon.tick() == []
    log("vision/mnist", "A")
    log("vision/mnist", "C")
    log("vision/mnist", "A")
    told = [("vision/mnist", None, version) for version in ("v0", "v2", "v0")]
    assert daemon.tick() == told
    assert daemon.tick() == []
    assert instance.get_runs() == []


def test_an_event_says_what_dagster_and_its_readers_need(instance, log, client):
    daemon = Daemon(instance, dl.artifact_asset("vision/mnist"))
    daemon.tick()
    version = log("vision/mnist", "A")
    daemon.tick()
    [record] = instance.fetch_observations(dg.AssetKey(["vision", "mnist"]), limit=2).records
    event = record.event_log_entry.asset_observation
    assert event.tags["dagster/data_version"] == version.digest
    shown = {key: value.value for key, value in event.metadata.items()}
    assert shown["landfast/artifact"] == "default/vision/mnist:v0"
    assert shown["landfast/digest"] == version.digest
    assert shown["landfast/files"] == 1
    assert shown["landfast/change"].startswith("created by script/")


def test_what_another_process_logs_is_told(instance, data):
    daemon = Daemon(instance, dl.artifact_asset("vision/mnist"))
    daemon.tick()
    put = [
        sys.executable,
        "-m",
        "landfast",
        "put",
        "--name",
        "vision/mnist",
        str(data("there", f="A")),
    ]
    subprocess.run(put, check=True, capture_output=True)
    assert daemon.tick() == [("vision/mnist", None, "v0")]


def test_what_is_logged_while_the_sensor_is_off_is_told_later(instance, log):
    daemon = Daemon(instance, dl.artifact_asset("vision/mnist"))
    daemon.tick()
    for text in "ABC":
        log("vision/mnist", text)
    assert [version for *_, version in daemon.tick()] == ["v0", "v1", "v2"]


def test_a_crash_between_events_and_cursor_tells_nothing_again_and_loses_nothing(instance, log):
    daemon = Daemon(instance, dl.artifact_asset("vision/mnist"))
    daemon.tick()
    log("vision/mnist", "A")
    assert daemon.tick(crash=True) == [("vision/mnist", None, "v0")]
    log("vision/mnist", "B")
    log("vision/mnist", "A")
    assert [version for *_, version in daemon.tick()] == ["v1", "v0"]
    assert daemon.tick() == []


def test_one_tick_tells_no_more_than_it_may_and_the_next_goes_on(instance, log):
    mnist = dl.artifact_asset("vision/mnist", partitions_def=TWO)
    flowers = dl.artifact_asset("flowers")
    for key in ("p1", "p2"):
        log("vision/mnist", key, key)
    log("flowers", "A")
    daemon = Daemon(instance, mnist, flowers, most_events=1)
    log("vision/mnist", "late", "p1")
    assert [daemon.tick() for _ in range(4)] == [
        [("vision/mnist", "p1", "v1")],
        [("vision/mnist", "p2", "v0")],
        [("flowers", None, "v0")],
        [],
    ]
    log("flowers", "B")
    log("vision/mnist", "later", "p2")
    assert [daemon.tick() for _ in range(3)] == [
        [("flowers", None, "v1")],
        [("vision/mnist", "p2", "v1")],
        [],
    ]


def test_one_event_a_tick_gets_past_partitions_that_are_none_of_the_asset(instance, log):
    for partition in (None, "p1", "p2"):
        log("mnist", "A", partition)
    daemon = Daemon(instance, dl.artifact_asset("mnist"), most_events=1)
    assert [daemon.tick() for _ in range(2)] == [[("mnist", None, "v0")], []]
    log("mnist", "B")
    assert daemon.tick() == [("mnist", None, "v1")]


def test_a_sensor_that_may_tell_nothing_is_refused():
    with pytest.raises(landfast.InvalidInput, match="most_events=0"):
        dl.build_artifact_sensor([dl.artifact_asset("mnist")], most_events=0)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_story_dagster_knows_what_the_registry_knows(instance, log, client, seed):
    chance = random.Random(seed)
    names = ["one", "two", "vision/three"]
    assets = [dl.artifact_asset(name, partitions_def=TWO) for name in names]
    daemon = Daemon(instance, *assets[:2], most_events=2)
    log("one", "A", "p1")
    for step in range(30):
        if step == 15:
            daemon.follow(*assets, most_events=3)
        if chance.random() < 0.6:
            log(chance.choice(names), chance.choice("ABC"), chance.choice(["p1", "p2", "p3"]))
        elif chance.random() < 0.8:
            daemon.tick(crash=chance.random() < 0.3)
        else:
            kept = client.versions(landfast.ArtifactName(collection="one", partition="p1"))
            if len(kept) > 1:
                chance.choice(kept).delete(delete_aliases=True)
    while daemon.look().cursor != daemon.cursor:
        daemon.tick()
    for name, asset in zip(names, assets, strict=True):
        latest = {key: v.digest for key, v in client.partitions(name).items() if key != "p3"}
        assert {key: known(instance, asset.key, key) for key in latest} == latest


def known(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str) -> str | None:
    wanted = dg.AssetRecordsFilter(key, asset_partitions=[partition])
    [record] = instance.fetch_observations(wanted, limit=1).records
    return record.event_log_entry.asset_observation.tags["dagster/data_version"]


def test_an_alias_is_followed_wherever_it_moves(instance, log, client):
    old, new = log("mnist", "A", aliases=["prod"]), log("mnist", "B")
    daemon = Daemon(
        instance, dl.artifact_asset("mnist:prod"), dl.artifact_asset("mnist", key="newest")
    )
    assert daemon.tick() == [("mnist", None, "v0"), ("newest", None, "v1")]
    new.promote("prod")
    log("mnist", "C")
    assert daemon.tick() == [("mnist", None, "v1"), ("newest", None, "v2")]
    old.promote("prod")
    assert daemon.tick() == [("mnist", None, "v0")]


def test_latest_that_falls_back_because_its_version_is_deleted_is_told(instance, log):
    daemon = Daemon(instance, dl.artifact_asset("mnist"))
    log("mnist", "A")
    gone = log("mnist", "B")
    daemon.tick()
    gone.delete(delete_aliases=True)
    assert daemon.tick() == [("mnist", None, "v0")]


def test_a_version_that_is_deleted_before_it_is_told_stops_nothing(instance, log):
    daemon = Daemon(instance, dl.artifact_asset("mnist"))
    daemon.tick()
    log("mnist", "A")
    log("mnist", "B").delete(delete_aliases=True)
    assert [version for *_, version in daemon.tick()] == ["v0", "v1", "v0"]


def test_new_partitions_are_added(instance, log):
    days = dg.DynamicPartitionsDefinition(name="days")
    mnist = dl.artifact_asset("mnist", partitions_def=days)
    log("mnist", "A", "2026-05-01")
    daemon = Daemon(instance, mnist)
    assert daemon.tick() == [("mnist", "2026-05-01", "v0")]
    assert instance.get_dynamic_partitions("days") == ["2026-05-01"]
    log("mnist", "A", "2026-05-02")
    log("mnist", "B", "2026-05-02")
    answer = daemon.look()
    assert [list(each.partition_keys) for each in answer.dynamic_partitions_requests] == [
        ["2026-05-02"]
    ]
    daemon.tick()
    log("mnist", "B", "2026-05-01")
    assert not daemon.look().dynamic_partitions_requests
    assert instance.get_dynamic_partitions("days") == ["2026-05-01", "2026-05-02"]


def test_what_can_be_no_partition_of_the_asset_is_passed_over(instance, log):
    days = dg.DynamicPartitionsDefinition(name="days")
    daemon = Daemon(
        instance,
        dl.artifact_asset("mnist", key="whole"),
        dl.artifact_asset("mnist", key="two", partitions_def=TWO),
        dl.artifact_asset("mnist", key="any", partitions_def=days),
    )
    for partition in (None, "p1", "p3", "a...b"):
        log("mnist", "A", partition)
    expected = [
        ("any", "p1", "v0"),
        ("any", "p3", "v0"),
        ("two", "p1", "v0"),
        ("whole", None, "v0"),
    ]
    assert sorted(daemon.drain()) == expected
    for partition in (None, "p1", "p3", "a...b"):
        log("mnist", "B", partition)
    assert sorted(daemon.drain()) == [(*event[:2], "v1") for event in expected]


def test_partition_keys_may_hold_anything(instance, log):
    keys = ["a/b", "a b", "50%", "a|b", "a:v1", "x@y", "ä", "~"]
    mnist = dl.artifact_asset("mnist", partitions_def=dg.StaticPartitionsDefinition(keys))
    daemon = Daemon(instance, mnist)
    for key in keys:
        log("mnist", key.replace("/", ""), key)
    assert [key for _, key, _ in daemon.drain()] == sorted(keys)


def test_partitions_of_a_prefix_that_are_named_otherwise_are_told_by_dagsters_key(instance, log):
    raw = dl.observable_prefix_asset(
        "raw", "s3://b/{partition_key}/", partition="day-{partition_key}!", partitions_def=TWO
    )
    daemon = Daemon(instance, raw)
    log("raw", "A", "day-p1!")
    log("raw", "A", "p1")
    assert daemon.drain() == [("raw", "p1", "v0")]


def test_changes_of_other_artifacts_are_read_past(instance, log):
    daemon = Daemon(instance, dl.artifact_asset("mnist"))
    daemon.tick()
    before = daemon.cursor
    log("other", "A")
    log("other/mnist", "A")
    assert daemon.tick() == []
    assert daemon.cursor != before
    assert "nothing new after position" in str(daemon.look().skip_message)


def test_an_asset_that_joins_or_follows_another_artifact_is_told_what_there_is(instance, log):
    log("mnist", "A")
    log("flowers", "A")
    log("flowers", "B")
    daemon = Daemon(instance, dl.artifact_asset("mnist"))
    assert daemon.drain() == [("mnist", None, "v0")]
    daemon.follow(dl.artifact_asset("mnist"), dl.artifact_asset("flowers"))
    assert daemon.drain() == [("flowers", None, "v1")]
    daemon.follow(dl.artifact_asset("flowers"))
    daemon.tick()
    log("mnist", "B")
    daemon.tick()
    daemon.follow(dl.artifact_asset("mnist"), dl.artifact_asset("flowers"))
    assert daemon.drain() == [("mnist", None, "v1")]
    daemon.follow(dl.artifact_asset("flowers", key="mnist"))
    assert daemon.drain() == [("mnist", None, "v1")]


def test_another_registry_begins_at_its_own_beginning(instance, log, data, tmp_path):
    mnist = dl.artifact_asset("mnist")
    for text in "ABC":
        log("mnist", text)
    daemon = Daemon(instance, mnist)
    daemon.tick()
    other = dl.LandfastResource(registry_url=f"sqlite:///{tmp_path}/other.db")
    other.client.log("mnist", data("x", f="X"))
    daemon.follow(mnist, resources={"anything": other})
    assert daemon.drain() == [("mnist", None, "v0")]


def test_a_cursor_that_somebody_edited_begins_anew(instance, log):
    daemon = Daemon(instance, dl.artifact_asset("mnist"))
    for number, cursor in enumerate(("", "17", "[]", "{}", '{"registry": 1}', "nonsense")):
        log("mnist", f"text {number}")
        daemon.cursor = cursor
        assert daemon.tick() == [("mnist", None, f"v{number}")]
        daemon.cursor = cursor
        assert daemon.tick() == []


def observe(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, **how: Any) -> None:
    job = dg.Definitions(assets=[asset]).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(
        instance=instance, asset_selection=list(asset.keys), **how
    ).success


class Observed:
    """A folder that is observed by runs, and followed by a sensor."""

    def __init__(self, instance, data, most_events: int = 200, **options: Any) -> None:
        self.instance, self.data = instance, data
        self.asset = dl.observable_prefix_asset("raw", f"{data('raw', f='0')}/", **options)
        self.daemon = Daemon(instance, self.asset, most_events=most_events)

    def observe(self, text: str) -> None:
        self.data("raw", f=text)
        observe(self.instance, self.asset)

    @property
    def shown(self) -> dict[str, Any]:
        [record] = self.instance.fetch_observations(self.asset.key, limit=1).records
        event = record.event_log_entry.asset_observation
        return {key: value.value for key, value in event.metadata.items()}


@pytest.mark.parametrize("most_events", [1, 2, 200])
def test_mend_22_the_sensor_never_puts_dagster_back_to_older_content(instance, data, most_events):
    raw = Observed(instance, data, most_events)
    raw.observe("A")
    raw.daemon.tick()
    for text in ("B", "C", "D"):
        raw.observe(text)
    for _ in range(4):
        assert raw.daemon.tick() == []
        assert raw.shown["landfast/artifact"].endswith(":v3")
    assert len(instance.fetch_observations(raw.asset.key, limit=99).records) == 4


def test_mend_22_what_a_run_of_dagster_observed_is_recorded_once_and_richly(instance, data):
    raw = Observed(instance, data)
    for text in ("A", "B"):
        raw.observe(text)
        assert raw.daemon.tick() == []
        assert raw.daemon.tick() == []
    assert raw.shown["landfast/change"] == "1 modified"
    assert "landfast/diff" in raw.shown


def test_mend_22_what_others_logged_after_an_observation_is_told_and_what_they_did_before_is_not(
    instance, data, client
):
    raw = Observed(instance, data, 1)
    raw.daemon.tick()
    for text in ("A", "B"):
        client.log("raw", data("raw", f=text))
    raw.observe("C")
    client.log("raw", data("raw", f="A"))
    client.log("raw", data("raw", f="D"))
    assert raw.daemon.drain() == [("raw", None, "v0"), ("raw", None, "v3")]
    # Also where the last look changed nothing, because somebody else had logged that content.
    client.log("raw", data("raw", f="E"))
    client.log("raw", data("raw", f="F"))
    raw.observe("F")
    assert raw.daemon.drain() == []


def test_mend_22_partitions_and_aliases_that_a_run_looked_up_are_not_told_again(
    instance, log, client
):
    mnist = dl.artifact_asset("mnist:prod", partitions_def=TWO)
    daemon = Daemon(instance, mnist, most_events=1)
    versions = {key: [log("mnist", f"{key}{n}", key) for n in "01"] for key in ("p1", "p2")}
    for key in versions:
        versions[key][0].promote("prod")
    daemon.drain()
    for key in versions:
        versions[key][1].promote("prod")
    observe(instance, mnist, partition_key="p1")
    assert daemon.drain() == [("mnist", "p2", "v1")]
    versions["p1"][0].promote("prod")
    assert daemon.drain() == [("mnist", "p1", "v0")]
    daemon.follow(dl.artifact_asset("mnist", partitions_def=TWO), most_events=1)
    assert daemon.drain() == [("mnist", "p1", "v1")]


def test_mend_22_a_record_that_does_not_say_how_far_it_reaches_is_believed(instance, log):
    mnist = dl.artifact_asset("mnist")
    daemon = Daemon(instance, mnist, most_events=1)
    daemon.tick()
    versions = [log("mnist", text) for text in "ABC"]
    instance.report_runless_asset_event(
        dg.AssetObservation(mnist.key, tags={"dagster/data_version": versions[1].digest})
    )
    assert daemon.drain() == [("mnist", None, "v2")]


def test_two_resources_need_to_be_told_apart(instance, log, tmp_path):
    mnist = dl.artifact_asset("mnist")
    log("mnist", "A")
    two = {"a": dl.LandfastResource(project="x"), "b": dl.LandfastResource()}
    daemon = Daemon(instance, mnist, resources=two)
    with pytest.raises(landfast.InvalidInput, match=r"a, b.*resource_key"):
        daemon.look()
    daemon.follow(mnist, resources=two, resource_key="b")
    with dg.build_sensor_context(
        instance, repository_def=daemon.repository, resources=two
    ) as context:
        assert len(daemon.sensor.evaluate_tick(context).asset_events) == 1
