"""sharded_reference_asset: a scan in parallel steps is the scan in one piece."""

import os
import warnings
from typing import Any, ClassVar

import dagster as dg
import landfast
import pytest
from dagster_landfast import LandfastResource, Reference, log_reference, sharded_reference_asset

from tests.with_dagster.edges import edges


def steps(result: dg.ExecuteInProcessResult) -> list[str]:
    return sorted(e.step_key for e in result.all_events if e.event_type_value == "STEP_SUCCESS")


def many(count: int) -> dict[str, str]:
    return {f"{number:03}.txt": str(number) for number in range(count)}


@pytest.fixture(params=["file", "s3", "gs"])
def place(request: pytest.FixtureRequest, data: Any) -> str:
    """A prefix with sixty objects."""
    if request.param == "file":
        return f"{data('many', **many(60))}/"
    server = request.getfixturevalue("s3" if request.param == "s3" else "gcs")
    if request.param == "s3":
        bucket = server.bucket("Enabled")
        for name, text in many(60).items():
            server.put(bucket, f"many/{name}", text.encode())
    else:
        bucket = server.bucket(versioning=True)
        for name, text in many(60).items():
            server.client.bucket(bucket).blob(f"many/{name}").upload_from_string(text)
    return f"{request.param}://{bucket}/many/"


def test_the_version_is_that_of_a_scan_in_one_piece(place, instance, client) -> None:
    photos = sharded_reference_asset("raw/photos", place, shards=4)
    dg.materialize([photos], instance=instance)
    # The manifest of the first gives even cuts to the second.
    result = dg.materialize([photos], instance=instance)
    assert steps(result) == ["raw__photos.log", "raw__photos.plan"] + [
        f"raw__photos.scan[{number}]" for number in range(4)
    ]
    version = client.get("raw.photos")
    assert (version.version, version.file_count) == ("v0", 60)
    assert version.digest == client.probe(place)
    (event,) = result.asset_materializations_for_node("raw__photos")
    assert event.metadata["landfast/artifact"].value == version.qualified_name
    assert event.tags["dagster/data_version"] == version.digest


@pytest.mark.parametrize("counts", [(1, 3, 7), pytest.param((2, 64), marks=pytest.mark.system)])
def test_one_version_one_run_and_one_edge_however_many_shards(
    instance, client, data, counts
) -> None:
    place = data("many", **many(20))
    for shards in counts:
        asset = sharded_reference_asset("photos", f"{place}/", shards=shards)
        assert dg.materialize([asset], instance=instance).success
    assert [version.version for version in client.versions("photos")] == ["v0"]
    assert client.get("photos").digest == client.probe(place)
    assert edges(client) == [("photos", "", "logged", "photos:v0")] * len(counts)
    assert len(list(client.runs())) == len(counts)


def test_only_a_change_makes_what_depends_on_it_stale(instance, client, data) -> None:
    place = data("many", **many(5))
    asset = sharded_reference_asset("photos", f"{place}/", shards=2)
    versions = []
    for text in ("a", "a", "b"):
        (place / "000.txt").write_text(text)
        result = dg.materialize([asset], instance=instance)
        (event,) = result.asset_materializations_for_node("photos")
        versions.append(event.tags["dagster/data_version"])
    assert versions[0] == versions[1] != versions[2]
    assert client.get("photos").version == "v1"


def test_what_it_depends_on_is_declared_and_what_reads_it_used(instance, client, data) -> None:
    source, place = data("source", a="1"), data("many", **many(5))

    @dg.asset
    def upload(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        return log_reference(context, f"{source}/")

    photos = sharded_reference_asset("photos", f"{place}/", shards=2, deps=[upload])

    @dg.asset(deps=[photos])
    def model(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        return log_reference(context, f"{source}/", artifact="model")

    result = dg.materialize([upload, photos, model], instance=instance)
    assert edges(client) == [
        ("model", "", "declared", "photos:v0"),
        ("model", "", "logged", "model:v0"),
        ("photos", "", "declared", "upload:v0"),
        ("photos", "", "logged", "photos:v0"),
        ("upload", "", "logged", "upload:v0"),
    ]
    (event,) = result.asset_materializations_for_node("model")
    assert event.tags["dagster/input_data_version/photos"] == client.get("photos").digest


class Flaky(LandfastResource):
    """Fails once, after the version is logged and before Dagster hears of it."""

    failures: ClassVar[list[str]] = []

    def url_of(self, version: landfast.ArtifactVersion) -> str | None:
        if not self.failures:
            self.failures.append(version.name)
            raise RuntimeError("the worker is gone")
        return None


def test_a_retried_step_adds_no_version_and_no_edge(instance, client, data) -> None:
    Flaky.failures.clear()
    place = data("many", **many(5))
    photos = sharded_reference_asset(
        "photos", f"{place}/", shards=2, retry_policy=dg.RetryPolicy(max_retries=2)
    )
    resources = {"landfast": Flaky(ui_url="https://landfast.internal")}
    result = dg.materialize([photos], instance=instance, resources=resources)
    assert result.success
    assert Flaky.failures == ["photos:v0"]
    assert len([e for e in result.all_events if e.event_type_value == "STEP_RESTARTED"]) == 1
    assert edges(client) == [("photos", "", "logged", "photos:v0")]
    (record,) = client.runs()
    assert record.attempt == 2


class LosesShard(LandfastResource):
    """The worker of one shard fails once."""

    failures: ClassVar[list[str]] = []

    def check_shared(self, context: Any) -> None:
        name = context.get_step_execution_context().step.key
        if name.endswith("scan[1]") and not self.failures:
            self.failures.append(name)
            raise RuntimeError("the worker is gone")


def test_a_lost_shard_is_listed_again_alone(instance, client, data) -> None:
    LosesShard.failures.clear()
    place = data("many", **many(20))
    photos = sharded_reference_asset(
        "photos", f"{place}/", shards=3, retry_policy=dg.RetryPolicy(max_retries=1)
    )
    result = dg.materialize([photos], instance=instance, resources={"landfast": LosesShard()})
    assert LosesShard.failures == ["photos.scan[1]"]
    starts = [e.step_key for e in result.all_events if e.event_type_value == "STEP_START"]
    assert sorted(starts) == ["photos.log", "photos.plan"] + [
        f"photos.scan[{number}]" for number in range(3)
    ]
    restarts = [e.step_key for e in result.all_events if e.event_type_value == "STEP_RESTARTED"]
    assert restarts == ["photos.scan[1]"]
    assert client.get("photos").digest == client.probe(place)
    assert edges(client) == [("photos", "", "logged", "photos:v0")]


def flaky_job() -> dg.JobDefinition:
    photos = sharded_reference_asset("photos", f"{os.environ['SHARDED_FOLDER']}/", shards=2)
    return dg.Definitions(
        [photos],
        jobs=[dg.define_asset_job("scan", executor_def=dg.in_process_executor)],
        resources={"landfast": Flaky(ui_url="https://landfast.internal")},
    ).resolve_job_def("scan")


def test_a_run_that_is_executed_again_from_its_failure_lists_nothing_again(
    disk_instance, client, data, monkeypatch
) -> None:
    Flaky.failures.clear()
    place = data("many", **many(8))
    monkeypatch.setenv("SHARDED_FOLDER", str(place))
    job = dg.reconstructable(flaky_job)
    with dg.execute_job(job, disk_instance) as first:
        assert not first.success
    (place / "later.txt").write_text("not in the scan")
    options = dg.ReexecutionOptions.from_failure(first.run_id, disk_instance)
    with dg.execute_job(job, disk_instance, reexecution_options=options) as again:
        assert again.success
        done = [e.step_key for e in again.all_events if e.event_type_value == "STEP_SUCCESS"]
    assert done == ["photos.log"]
    assert client.get("photos").file_count == 8
    assert edges(client) == [("photos", "", "logged", "photos:v0")] * 2


def test_each_partition_is_scanned_on_its_own(instance, client, data) -> None:
    for day in ("1", "2"):
        data(f"days/dt={day}", **many(int(day) * 3))
    root = data("days")
    daily = sharded_reference_asset(
        "daily",
        f"{root}/dt={{partition_key}}/",
        shards=2,
        partitions_def=dg.StaticPartitionsDefinition(["1", "2"]),
    )
    for day in ("2", "1"):
        assert dg.materialize([daily], instance=instance, partition_key=day).success
    found = {key: version.file_count for key, version in client.partitions("daily").items()}
    assert found == {"1": 3, "2": 6}
    assert edges(client) == [
        ("daily", "1", "logged", "daily~1:v0"),
        ("daily", "2", "logged", "daily~2:v0"),
    ]


def test_several_partitions_in_one_run_are_refused_before_anything_is_listed(
    instance, client, data
) -> None:
    daily = sharded_reference_asset(
        "daily",
        f"{data('days')}/dt={{partition_key}}/",
        partitions_def=dg.StaticPartitionsDefinition(["1", "2"]),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    span = {
        "dagster/asset_partition_range_start": "1",
        "dagster/asset_partition_range_end": "2",
    }
    with pytest.raises(landfast.InvalidInput, match=r"one partition in a run.*multi_run"):
        dg.materialize([daily], instance=instance, tags=span)
    assert client.collections() == []


def test_a_definition_says_what_the_artifact_is(instance, client, data) -> None:
    place = data("many", **many(5), skip="x")
    said = Reference(
        f"{place}/", include=["*.txt"], aliases=["raw"], tags=["big"], metadata={"owner": "ml"}
    )
    photos = sharded_reference_asset(
        "photos",
        said,
        shards=2,
        metadata={"landfast/artifact": "vision/pictures", "landfast/type": "images"},
        group_name="raw",
        kinds={"s3"},
    )
    assert photos.specs_by_key[dg.AssetKey("photos")].group_name == "raw"
    dg.materialize([photos], instance=instance)
    version = client.get("vision/pictures:raw")
    assert (version.file_count, version.type, version.tags) == (5, "images", ("big",))
    assert version.metadata == {"owner": "ml"}


def test_the_limit_counts_all_shards_together(instance, client, data) -> None:
    place = data("many", **many(20))
    photos = sharded_reference_asset("photos", Reference(f"{place}/", max_objects=19), shards=4)
    with pytest.raises(landfast.LimitExceeded, match="at most 19"):
        dg.materialize([photos], instance=instance)
    assert client.collections() == []


def test_what_is_no_single_place_is_refused_at_definition() -> None:
    with pytest.raises(landfast.InvalidInput, match="photos is not one place"):
        sharded_reference_asset("photos", Reference(uris=["s3://a/", "s3://b/"]))
    with pytest.raises(landfast.InvalidInput, match="at least one shard"):
        sharded_reference_asset("photos", "s3://a/", shards=0)
    with pytest.raises(landfast.InvalidInput, match="but not both"):
        sharded_reference_asset("photos", "s3://a/{partition_key}/")


def test_it_is_defined_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sharded_reference_asset("photos", "s3://a/")


def build_job() -> dg.JobDefinition:
    folder = os.environ["SHARDED_FOLDER"]
    defs = dg.Definitions(
        [sharded_reference_asset("photos", f"{folder}/", shards=2)],
        jobs=[dg.define_asset_job("all")],
        resources={"registry": LandfastResource(project="big")},
    )
    return defs.resolve_job_def("all")


@pytest.mark.system
def test_every_shard_in_a_process_of_its_own(disk_instance, data, monkeypatch) -> None:
    place = data("many", **many(30))
    monkeypatch.setenv("SHARDED_FOLDER", str(place))
    with dg.execute_job(dg.reconstructable(build_job), instance=disk_instance) as result:
        assert result.success
        done = [e for e in result.all_events if e.event_type_value == "STEP_SUCCESS"]
    assert len(done) == len({event.pid for event in done}) == 4
    client = landfast.Client(project="big")
    assert client.get("photos").digest == client.probe(place)
    assert edges(client) == [("photos", "", "logged", "photos:v0")]


def test_two_of_them_live_in_one_location(instance, client, data) -> None:
    place = data("many", **many(5))
    both = [sharded_reference_asset(key, f"{place}/", shards=2) for key in ("one", "two")]
    dg.Definitions.validate_loadable(dg.Definitions(both))
    dg.materialize(both, instance=instance)
    assert client.get("one").digest == client.get("two").digest
