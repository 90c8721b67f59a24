"""External data as observable assets: the data version is the digest of what lies there, and it is logged."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import dagster_landfast as dl
import landfast
import pytest
from dagster_landfast.external import step_name
from kit.servers.faults import Status

DAYS = dg.DailyPartitionsDefinition("2026-05-01", end_date="2026-05-08")
BY_DAEMON = {"dagster/from_automation_condition": "true"}


def observe(
    instance: dg.DagsterInstance,
    *assets: dg.AssetsDefinition,
    select: list[str] | None = None,
    partition: str | None = None,
    tags: Mapping[str, str] | None = None,
    resources: Mapping[str, Any] | None = None,
    raises: bool = True,
) -> dict[tuple[str, str | None], dg.AssetObservation]:
    """Observe in one run; return the events by asset and partition."""
    defs = dg.Definitions(assets=assets, resources=resources)
    keys = [key for asset in assets for key in asset.keys]
    done = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey.from_user_string(key) for key in select] if select else keys,
        partition_key=partition,
        tags=dict(tags or {}),
        raise_on_error=raises,
    )
    assert done.success or not raises
    seen = [
        event.asset_observation_data.asset_observation
        for event in done.all_events
        if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION
    ]
    events = {(each.asset_key.to_user_string(), each.partition): each for each in seen}
    assert len(events) == len(seen)
    return events


def data_version(event: dg.AssetObservation) -> str:
    return str(event.tags["dagster/data_version"])


def orders(place: str, **options: Any) -> dg.AssetsDefinition:
    given = {"partitions_def": DAYS, **options}
    return dl.observable_prefix_asset("raw/orders", f"{place}/dt={{partition_key}}/", **given)


@pytest.fixture
def days(tmp_path: Path):
    """Write a day's file; None takes the day away."""

    def write(**contents: str | None) -> str:
        for name, text in contents.items():
            file = tmp_path / "orders" / f"dt=2026-05-{name[1:]}" / "part"
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
        return str(tmp_path / "orders")

    return write


# -- one place ------------------------------------------------------------------------------------


def test_an_observation_is_a_version_with_its_run_and_tells_dagster_what_it_is(
    instance, data, client
):
    raw = dl.observable_prefix_asset("raw/flowers", f"{data('there', a='A', b='BB')}/")
    event = observe(instance, raw)["raw/flowers", None]
    version = client.get("raw/flowers")
    assert data_version(event) == version.digest
    shown = {key: value.value for key, value in event.metadata.items()}
    assert shown["landfast/artifact"] == version.qualified_name
    assert (shown["landfast/files"], shown["landfast/bytes"]) == (2, 3)
    assert shown["landfast/change"] == "first version"
    assert shown["dagster/uri"].endswith("/there/")
    run = version.logged_by()
    assert (run.key.system, run.key.node) == ("dagster", "raw/flowers")
    assert run.key.run_id == instance.get_runs()[0].run_id

    again = observe(instance, raw)["raw/flowers", None]
    assert data_version(again) == version.digest
    assert again.metadata["landfast/change"].value == "unchanged"
    assert len(client.versions("raw/flowers")) == 1
    assert len(client.history("raw/flowers")) == 2


def test_a_run_is_over_when_the_place_was_observed(instance, data, days, client, tmp_path):
    observe(instance, dl.observable_prefix_asset("good", f"{data('there', a='A')}/"))
    observe(instance, orders(days(d01="1")), partition="2026-05-01")
    with pytest.raises(landfast.NotFound):
        observe(instance, dl.observable_prefix_asset("bad", f"{tmp_path}/nothing/"))
    ended = {run.key.node: run.status for run in client.runs()}
    assert ended == {
        "good": landfast.RunStatus.FINISHED,
        "raw/orders": landfast.RunStatus.FINISHED,
        "bad": landfast.RunStatus.FAILED,
    }


def test_everything_about_the_version_can_be_said(instance, data, client):
    folder = data("there", **{"a.csv": "A", "b.tmp": "B", "old.csv": "C"})
    raw = dl.observable_prefix_asset(
        ["raw", "labels"],
        [f"{folder}/"],
        artifact="vision/labels",
        type="labels",
        include=["*.csv"],
        exclude=["old*"],
        aliases=["newest"],
        version_tags=["vendor"],
        version_metadata={"owner": "us"},
        version_description="From the vendor.",
        max_objects=1,
        group_name="vendors",
        kinds={"csv"},
        owners=["team:vision"],
        tags={"tier": "raw"},
        metadata={"note": "n"},
        description="Labels.",
    )
    observe(instance, raw)
    version = client.get("vision/labels:newest")
    assert [entry.path for entry in version.entries()] == ["a.csv"]
    assert (version.type, version.tags, version.metadata) == (
        "labels",
        ("vendor",),
        {"owner": "us"},
    )
    assert version.description == "From the vendor."
    spec = next(iter(raw.specs))
    assert (spec.group_name, spec.kinds, list(spec.owners)) == ("vendors", {"csv"}, ["team:vision"])
    assert (spec.description, spec.tags["tier"]) == ("Labels.", "raw")
    assert spec.metadata.items() >= {"landfast/artifact": "vision/labels", "note": "n"}.items()


def test_nothing_there_fails_and_is_no_event(instance, tmp_path):
    raw = dl.observable_prefix_asset("raw", f"{tmp_path}/nothing/")
    with pytest.raises(landfast.NotFound):
        observe(instance, raw)
    assert not instance.fetch_observations(dg.AssetKey("raw"), limit=1).records


def test_what_may_be_empty_is_content_like_any_other(instance, data, client):
    folder = data("there", a="A")
    raw = dl.observable_prefix_asset("raw", f"{folder}/", allow_empty=True)
    full = observe(instance, raw)["raw", None]
    data("there")
    empty = observe(instance, raw)["raw", None]
    assert data_version(empty) == client.get("raw:v1").digest != data_version(full)


@pytest.mark.parametrize("kind", ["list-versions", "list-objects-v2"])
def test_a_listing_that_fails_raises_and_looks_like_nothing_at_all(instance, s3_proxy, kind):
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "data/a", b"A")
    raw = dl.observable_prefix_asset("raw", f"s3://{bucket}/data/", allow_empty=True)
    before = data_version(observe(instance, raw)["raw", None])
    for denied in ("list-versions", kind):
        s3_proxy.proxy.inject(Status(status=403, code="AccessDenied"), kind=denied)
    if kind == "list-versions":
        # The plain listing takes its place; only the version ids are missing.
        assert data_version(observe(instance, raw)["raw", None]) == before
    else:
        with pytest.raises(landfast.AccessDenied):
            observe(instance, raw)
        assert len(instance.fetch_observations(dg.AssetKey("raw"), limit=9).records) == 1


def test_more_than_the_limit_fails(instance, data):
    raw = dl.observable_prefix_asset("raw", f"{data('there', a='A', b='B')}/", max_objects=1)
    with pytest.raises(landfast.LimitExceeded, match="at most 1"):
        observe(instance, raw)


# -- partitions -----------------------------------------------------------------------------------


def test_one_listing_serves_all_partitions(instance, s3_proxy, client):
    bucket = s3_proxy.direct.bucket("Enabled")
    for day in DAYS.get_partition_keys():
        s3_proxy.direct.put(bucket, f"orders/dt={day}/part", day.encode())
    raw = orders(f"s3://{bucket}/orders")
    s3_proxy.proxy.clear()
    events = observe(instance, raw)
    assert dict(s3_proxy.proxy.counts) == {"get-bucket-versioning": 1, "list-versions": 1}
    assert [key for _, key in events] == list(DAYS.get_partition_keys())
    alone = {day: client.probe(f"s3://{bucket}/orders/dt={day}/") for _, day in events}
    assert {day: data_version(event) for (_, day), event in events.items()} == alone
    for (_, day), event in events.items():
        version = client.get(
            landfast.ArtifactName(project="raw", collection="orders", partition=day)
        )
        assert version.digest == alone[day]
        assert event.metadata["landfast/artifact"].value == version.qualified_name
        assert event.metadata["dagster/uri"].value == f"s3://{bucket}/orders/dt={day}/"
        run = version.logged_by().key
        assert (run.node, run.part) == ("raw/orders", day)


def test_only_the_partition_that_changed_gets_a_version(instance, days, client):
    raw = orders(days(d01="1", d02="2", d03="3"))
    first = observe(instance, raw)
    days(d02="other")
    second = observe(instance, raw)
    assert list(second) == [("raw/orders", "2026-05-02")]
    assert data_version(first["raw/orders", "2026-05-02"]) != data_version(*second.values())
    latest = {key: version.version for key, version in client.partitions("raw/orders").items()}
    assert latest == {"2026-05-01": "v0", "2026-05-02": "v1", "2026-05-03": "v0"}


@pytest.mark.parametrize(
    ("lookback", "partition", "tags", "asked"),
    [
        (None, None, {}, ["01", "02", "03", "04", "05", "06", "07"]),
        (2, None, {}, ["06", "07"]),
        (2, "2026-05-03", {}, ["03"]),
        (2, "2026-05-07", BY_DAEMON, ["06", "07"]),
        (99, "2026-05-02", BY_DAEMON, ["01", "02"]),
        (None, "2026-05-07", BY_DAEMON, ["07"]),
    ],
)
def test_a_run_looks_at_the_partitions_that_it_is_for_or_the_last_ones(
    instance, days, lookback, partition, tags, asked
):
    raw = orders(days(**{f"d0{n}": str(n) for n in range(1, 8)}), lookback=lookback)
    events = observe(instance, raw, partition=partition, tags=tags)
    assert [str(key)[-2:] for _, key in events] == asked


def test_a_run_over_a_range_looks_at_the_range(instance, days):
    raw = orders(days(d01="1", d02="2", d03="3"))
    ends = {
        "dagster/asset_partition_range_start": "2026-05-01",
        "dagster/asset_partition_range_end": "2026-05-02",
    }
    assert [key for _, key in observe(instance, raw, tags=ends)] == ["2026-05-01", "2026-05-02"]


def test_a_partition_that_is_not_there_yet_is_no_event(instance, days, client):
    raw = orders(days(d01="1", d03="3"))
    assert [key for _, key in observe(instance, raw)] == ["2026-05-01", "2026-05-03"]
    assert sorted(client.partitions("raw/orders")) == ["2026-05-01", "2026-05-03"]
    with pytest.raises(landfast.NotFound, match="dt=2026-05-02"):
        observe(instance, raw, partition="2026-05-02")


def test_a_partition_whose_content_is_gone_fails_after_the_others_were_observed(instance, days):
    raw = orders(days(d01="1", d02="2"))
    observe(instance, raw)
    days(d01="new", d02=None)
    with pytest.raises(landfast.NotFound, match="dt=2026-05-02/ holds no objects"):
        observe(instance, raw)
    kept = instance.fetch_observations(dg.AssetKey(["raw", "orders"]), limit=9).records
    assert [record.partition_key for record in kept] == ["2026-05-01", "2026-05-02", "2026-05-01"]


def test_a_place_without_a_final_slash_is_a_folder_or_an_object(instance, s3, client):
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "orders/2026-05-01/part", b"in a folder")
    s3.put(bucket, "orders/2026-05-02", b"an object")
    raw = dl.observable_prefix_asset(
        "raw", f"s3://{bucket}/orders/{{partition_key}}", partitions_def=DAYS
    )
    assert [key for _, key in observe(instance, raw)] == ["2026-05-01", "2026-05-02"]
    [entry] = client.get("raw~2026-05-02").entries()
    assert entry.path == "2026-05-02"


def test_several_places_make_one_version_of_a_partition_each_with_the_limit(instance, data, client):
    for day in ("2026-05-01", "2026-05-02"):
        data(f"x/{day}", a="A", b="B")
        folder = data(f"y/{day}", c="C", d=day).parents[1]
    options = {"partitions_def": DAYS, "max_objects": 2, "type": "orders", "aliases": ["newest"]}
    raw = dl.observable_prefix_asset(
        "raw", [f"{folder}/x/{{partition_key}}/", f"{folder}/y/{{partition_key}}/"], **options
    )
    events = observe(instance, raw)
    assert [event.metadata["landfast/files"].value for event in events.values()] == [4, 4]
    version = client.get("raw~2026-05-02:newest")
    assert (version.type, len(version.sources)) == ("orders", 2)
    data("y/2026-05-02")
    with pytest.raises(landfast.NotFound, match="y/2026-05-02/ holds no objects"):
        observe(instance, raw)


def test_no_partition_at_all_fails(instance, tmp_path):
    (tmp_path / "orders").mkdir()
    with pytest.raises(landfast.NotFound):
        observe(instance, orders(f"{tmp_path}/orders"))


def test_a_function_says_where_each_partition_lies(instance, data, client):
    folder = data("x/eu/2026-05-01", a="A").parents[1]
    data("x/us/2026-05-01", a="U")
    both = dg.MultiPartitionsDefinition(
        {"day": DAYS, "region": dg.StaticPartitionsDefinition(["eu", "us"])}
    )

    def place(key: str) -> str:
        assert isinstance(key, dg.MultiPartitionKey)
        return f"{folder}/{key.keys_by_dimension['region']}/{key.keys_by_dimension['day']}/"

    raw = dl.observable_prefix_asset("raw", place, partitions_def=both)
    assert [key for _, key in observe(instance, raw)] == ["2026-05-01|eu", "2026-05-01|us"]
    assert sorted(client.partitions("raw")) == ["2026-05-01|eu", "2026-05-01|us"]


def test_partition_keys_may_hold_anything(instance, tmp_path, client):
    keys = ["a/b", "a b", "50%", "a|b", "a:v1", "ä"]
    for number, key in enumerate(keys):
        (tmp_path / "x" / key).mkdir(parents=True)
        (tmp_path / "x" / key / "f").write_text(str(number))
    raw = dl.observable_prefix_asset(
        "raw",
        f"{tmp_path}/x/{{partition_key}}/",
        partitions_def=dg.StaticPartitionsDefinition(keys),
    )
    events = observe(instance, raw)
    assert {key for _, key in events} == set(client.partitions("raw")) == set(keys)
    assert len({data_version(event) for event in events.values()}) == len(keys)


def test_dynamic_partitions_are_those_that_the_instance_knows(instance, days):
    instance.add_dynamic_partitions("days", ["2026-05-01"])
    raw = orders(days(d01="1", d02="2"), partitions_def=dg.DynamicPartitionsDefinition(name="days"))
    assert [key for _, key in observe(instance, raw)] == ["2026-05-01"]


# -- several places -------------------------------------------------------------------------------


def test_one_step_observes_several_places_and_each_alone(instance, data, client):
    raw = dl.observable_prefix_assets(
        [dl.Prefix(f"raw/{name}", f"{data(name, f=name)}/") for name in ("a", "b")]
    )
    assert set(observe(instance, raw)) == {("raw/a", None), ("raw/b", None)}
    assert set(observe(instance, raw, select=["raw/b"])) == {("raw/b", None)}
    assert len(client.history("raw/a")) == 1


def test_the_others_are_observed_if_one_place_fails_and_the_step_fails(instance, data, tmp_path):
    raw = dl.observable_prefix_assets(
        [
            dl.Prefix("x", f"{tmp_path}/nothing/"),
            dl.Prefix("good", f"{data('good', a='A')}/"),
            dl.Prefix("y", f"{tmp_path}/nowhere/"),
        ]
    )
    with pytest.raises(landfast.NotFound, match="nothing") as caught:
        observe(instance, raw)
    assert "nowhere" in "".join(caught.value.__notes__)
    assert instance.fetch_observations(dg.AssetKey("good"), limit=1).records


# -- how it fits in -------------------------------------------------------------------------------


def test_what_is_below_reads_the_version_that_was_observed(instance, data, client):
    folder = data("there", a="A")
    raw = dl.observable_prefix_asset("raw", f"{folder}/")
    read = []

    @dg.asset
    def model(raw: dl.ArtifactVersion) -> None:
        read.append(raw.version)

    manager = {"io_manager": dl.LandfastReferenceIOManager()}
    observe(instance, raw)
    data("there", a="B")
    client.log("raw", folder)
    dg.materialize([raw, model], selection=[model], instance=instance, resources=manager)
    observe(instance, raw)
    dg.materialize([raw, model], selection=[model], instance=instance, resources=manager)
    assert read == ["v0", "v1"]


def test_the_resource_is_the_required_one_else_that_of_the_definitions(instance, data, tmp_path):
    folder = data("there", a="A")
    elsewhere = dl.LandfastResource(registry_url=f"sqlite:///{tmp_path}/elsewhere.db")
    raw = dl.observable_prefix_asset("raw", f"{folder}/")
    observe(instance, raw, resources={"any_name": elsewhere})
    assert elsewhere.client.get("raw").version == "v0"
    named = dl.observable_prefix_asset("named", f"{folder}/", resource_key="mine")
    observe(instance, named, resources={"mine": elsewhere, "other": dl.LandfastResource()})
    assert elsewhere.client.get("named").version == "v0"
    with pytest.raises(landfast.NotFound):
        landfast.Client().get("named")


def test_cron_is_left_to_the_automation_daemon(instance, days):
    raw = orders(days(d01="1"), cron="0 6 * * *", lookback=3)
    defs = dg.Definitions(assets=[raw])
    key = dg.AssetKey(["raw", "orders"])

    def asked(moment: datetime, cursor: Any = None) -> Any:
        return dg.evaluate_automation_conditions(
            defs, instance, cursor=cursor, evaluation_time=moment
        )

    begun = asked(datetime(2026, 5, 4, 5, tzinfo=UTC))
    before = asked(datetime(2026, 5, 4, 5, 30, tzinfo=UTC), begun.cursor)
    after = asked(datetime(2026, 5, 4, 6, 30, tzinfo=UTC), before.cursor)
    assert [before.total_requested, after.total_requested] == [0, 1]
    assert after.get_requested_partitions(key) == {"2026-05-03"}


def test_the_default_automation_sensor_watches_it_and_a_star_does_not(tmp_path):
    """As the docstring of `cron` says; a Dagster that mends it makes this fail."""
    raw = dl.observable_prefix_asset("raw", f"{tmp_path}/", cron="0 6 * * *")
    repository = dg.Definitions(assets=[raw]).get_repository_def()
    default = repository.get_sensor_def("default_automation_condition_sensor")
    graph = repository.asset_graph
    assert default.asset_selection.resolve(graph) == {raw.key}
    assert dg.AssetSelection.all(include_sources=True).resolve(graph) == {raw.key}
    assert dg.AssetSelection.from_coercible("*").resolve(graph) == set()


def test_users_hear_nothing_of_what_is_beta_in_dagster(tmp_path):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        raw = dl.observable_prefix_asset("raw", f"{tmp_path}/")
        dl.artifact_asset("vision/mnist")
        dl.build_snapshot_schedule([raw], "0 * * * *")
        dl.build_artifact_sensor([raw])
        dl.build_automation_sensor()
        dg.Definitions(assets=[raw]).resolve_implicit_global_asset_job_def()
    assert [str(each.message) for each in heard] == []
    # Their own use of the decorator still warns.
    with pytest.warns(dg.BetaWarning):
        dg.multi_observable_source_asset(specs=[dg.AssetSpec("x")])


def test_a_snapshot_of_the_file_is_a_prefix():
    config = landfast.SnapshotConfig(
        name="sales/orders",
        uris=[landfast.SnapshotUri(uri="s3://b/{partition_key}/", name="part")],
        schedule="0 6 * * *",
        partition="day-{partition_key}",
        aliases=("newest",),
        metadata={"a": 1},
        tags=("t",),
        options={"region": "eu"},
    )
    prefix = dl.Prefix.of_snapshot(config, partitions_def=DAYS)
    assert prefix.asset_key == dg.AssetKey(["sales", "orders"])
    assert prefix.cron == config.schedule
    described = replace(config.for_partition("2026-05-01"), schedule=None)
    assert prefix.snapshot("2026-05-01") == described
    assert prefix.spec().kinds == {"s3"}
    assert prefix.spec().automation_condition is not None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"uri": "s3://b/x/", "partitions_def": DAYS}, "no partition in its URI"),
        ({"uri": "s3://b/{partition_key}/"}, "but no partitions_def"),
        ({"uri": "s3://b/x/", "lookback": 3}, "lookback=3"),
        ({"uri": "s3://b/{partition_key}/", "partitions_def": DAYS, "lookback": 0}, "lookback=0"),
        ({"uri": "s3://b/{day}/", "partitions_def": DAYS}, "unknown placeholder"),
        ({"uri": "s3://b/x/", "artifact": "m:v3"}, "names a version"),
        (
            {"uri": "s3://b/", "cron": "0 * * * *", "automation_condition": dl.on_content_change()},
            "has cron and automation_condition",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_when_it_is_defined(options, told):
    with pytest.raises(landfast.InvalidInput, match=told):
        dl.observable_prefix_asset("raw", **options)


def test_places_with_different_partitions_are_refused():
    prefixes = [
        dl.Prefix("a", "s3://b/a/"),
        dl.Prefix("b", "s3://b/{partition_key}/", partitions_def=DAYS),
    ]
    with pytest.raises(landfast.InvalidInput, match="a and b have different partitions"):
        dl.observable_prefix_assets(prefixes)
    with pytest.raises(landfast.InvalidInput, match="no prefix"):
        dl.observable_prefix_assets([])


def test_steps_of_different_keys_have_different_names():
    keys = [["a", "b"], ["a__b"], ["a_b"], ["a-b"], ["ä"], ["a_", "b"], ["a", "_b"]]
    names = [step_name([dg.AssetKey(key)]) for key in keys]
    names.append(step_name([dg.AssetKey("a_b"), dg.AssetKey("c")]))
    assert len(set(names)) == len(names)
    assert names[0] == "observe__a__b"


def test_secrets_of_a_place_reach_no_event_and_no_definition(instance, http_script):
    place = http_script.url.replace("://", "://user:hunter2@") + "/x?X-Amz-Signature=hunter2"
    prefix = dl.Prefix("raw", place)
    assert "hunter2" not in repr(prefix) + repr(prefix.spec())
    with pytest.raises(landfast.NotFound) as caught:
        observe(instance, dl.observable_prefix_assets([prefix]))
    assert "hunter2" not in str(caught.value)
    events = [entry for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    assert events
    assert "hunter2" not in repr(events)
