"""An artifact of the registry as an asset: to observe it is a look-up, and no listing."""

from __future__ import annotations

from typing import Any

import dagster as dg
import dagster_landfast as dl
import landfast
import pytest

TWO = dg.StaticPartitionsDefinition(["p1", "p2"])


def observe(
    instance: dg.DagsterInstance, asset: dg.AssetsDefinition, partition: str | None = None
) -> dict[str | None, str]:
    """Observe; return the version that each event names, by partition."""
    done = (
        dg.Definitions(assets=[asset])
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=instance, asset_selection=list(asset.keys), partition_key=partition
        )
    )
    events = [
        event.asset_observation_data.asset_observation
        for event in done.all_events
        if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION
    ]
    return {
        each.partition: each.metadata["landfast/artifact"].value.rpartition(":")[2]
        for each in events
    }


@pytest.mark.parametrize(
    ("artifact", "options", "key"),
    [
        ("mnist", {}, "mnist"),
        ("vision/mnist", {}, "vision/mnist"),
        ("us/vision/mnist", {}, "us/vision/mnist"),
        ("vision/mnist:prod", {}, "vision/mnist"),
        ("vision/mnist", {"key": "raw/data"}, "raw/data"),
        ("vision/mnist", {"key": ["raw", "a-b"]}, "raw/a-b"),
    ],
)
def test_its_key_is_project_and_collection_unless_given(artifact, options, key):
    assert dl.artifact_asset(artifact, **options).key.to_user_string() == key


def test_an_observation_looks_the_artifact_up_and_lists_nothing(instance, s3_proxy, client):
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "data/a", b"A")
    version = client.log("vision/mnist", f"s3://{bucket}/data/")
    s3_proxy.proxy.clear()
    assert observe(instance, dl.artifact_asset("vision/mnist")) == {None: "v0"}
    assert not s3_proxy.proxy.counts
    # To look is not to use: nothing was read.
    assert version.used_by() == []
    assert len(client.history("vision/mnist")) == 1


def test_it_follows_latest_or_an_alias(instance, client, data):
    client.log("mnist", data("a", f="A"), aliases=["prod"])
    client.log("mnist", data("b", f="B"))
    assert observe(instance, dl.artifact_asset("mnist")) == {None: "v1"}
    assert observe(instance, dl.artifact_asset("mnist:latest")) == {None: "v1"}
    assert observe(instance, dl.artifact_asset("mnist:prod")) == {None: "v0"}


def test_what_is_not_there_fails_and_is_no_event(instance, client, data):
    with pytest.raises(landfast.NotFound):
        observe(instance, dl.artifact_asset("mnist"))
    client.log("mnist", data("a", f="A"))
    with pytest.raises(landfast.NotFound, match="prod"):
        observe(instance, dl.artifact_asset("mnist:prod"))
    assert not instance.fetch_observations(dg.AssetKey("mnist"), limit=1).records


def test_partitions_are_those_that_the_artifact_has(instance, client, data):
    for partition in ("p1", "p2", "p3"):
        client.log("mnist", data("a", f=partition), partition=partition)
    client.log("mnist", data("a", f="other"), partition="p2")
    mnist = dl.artifact_asset("mnist", partitions_def=TWO)
    assert observe(instance, mnist) == {"p1": "v0", "p2": "v1"}
    assert observe(instance, mnist, partition="p1") == {"p1": "v0"}
    last = dl.artifact_asset("mnist", partitions_def=TWO, lookback=1)
    assert observe(instance, last) == {}
    every = dl.artifact_asset("mnist", partitions_def=TWO, lookback=1, record_unchanged=True)
    assert observe(instance, every) == {"p2": "v1"}
    client.promote("mnist~p2:v0", "prod")
    assert observe(instance, dl.artifact_asset("mnist:prod", partitions_def=TWO)) == {"p2": "v0"}


def test_dynamic_partitions_that_are_new_are_added(instance, client, data):
    days = dg.DynamicPartitionsDefinition(name="days")
    for partition in ("2026-05-01", "a...b"):
        client.log("mnist", data("a", f="A"), partition=partition)
    mnist = dl.artifact_asset("mnist", partitions_def=days)
    assert observe(instance, mnist) == {"2026-05-01": "v0"}
    assert instance.get_dynamic_partitions("days") == ["2026-05-01"]


def test_what_is_below_reads_what_was_observed(instance, client, data):
    mnist = dl.artifact_asset("vision/mnist", key="raw")
    read: list[Any] = []

    @dg.asset
    def model(raw: dl.ArtifactVersion) -> None:
        read.append(raw.version)

    first = client.log("vision/mnist", data("a", f="A"))
    observe(instance, mnist)
    client.log("vision/mnist", data("b", f="B"))
    resources = {"io_manager": dl.LandfastReferenceIOManager()}
    dg.materialize([mnist, model], selection=[model], instance=instance, resources=resources)
    assert read == ["v0"]
    assert [run.key.node for run in first.used_by()] == ["model"]


def said(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, part: str | None = None) -> str:
    """Observe, and return what the latest event says of the change."""
    observe(instance, asset, part)
    wanted = dg.AssetRecordsFilter(asset.key, asset_partitions=None if part is None else [part])
    [record] = instance.fetch_observations(wanted, limit=1).records
    return record.event_log_entry.asset_observation.metadata["landfast/change"].value


@pytest.mark.parametrize("part", [None, "p1"])
def test_mend_23_an_observation_says_what_changed_since_the_one_before(
    instance, client, data, part
):
    mnist = dl.artifact_asset("mnist", partitions_def=TWO if part else None)

    def log(**files: str) -> None:
        client.log("mnist", data("x", **files), partition=part)

    log(a="A")
    assert said(instance, mnist, part) == "first version"
    assert said(instance, mnist, part) == "unchanged"
    log(a="A", b="B")
    log(a="A", b="B", c="C")
    assert said(instance, mnist, part) == "2 added, 1 unchanged"
    log(a="other")
    log(a="A", b="B", c="C")
    assert said(instance, mnist, part) == "unchanged"
    log(a="A")
    assert said(instance, mnist, part) == "2 removed, 1 unchanged"


def test_mend_23_a_first_look_at_what_is_there_already_is_not_unchanged(instance, client, data):
    for text in "AB":
        client.log("mnist", data("x", f=text), aliases=["prod"])
    assert said(instance, dl.artifact_asset("mnist:prod")) == "first seen"
    raw = dl.observable_prefix_asset("raw", f"{data('x', f='B')}/", artifact="mnist")
    assert said(instance, raw) == "first seen"


def test_its_definition_says_what_it_follows():
    mnist = dl.artifact_asset(
        "vision/mnist:prod",
        cron="0 * * * *",
        group_name="g",
        description="d",
        metadata={"n": 1},
        tags={"t": "1"},
        kinds={"s3"},
        owners=["team:x"],
    )
    spec = next(iter(mnist.specs))
    said = {"landfast/artifact": "vision/mnist", "landfast/alias": "prod", "n": 1}
    assert spec.metadata.items() >= said.items()
    assert (spec.group_name, spec.description, spec.kinds) == ("g", "d", {"s3"})
    assert spec.automation_condition is not None


@pytest.mark.parametrize(
    ("artifact", "options", "told"),
    [
        ("mnist:v3", {}, "says a version, which never changes"),
        (f"mnist@lf1:{'0' * 64}", {}, "says a version, which never changes"),
        ("a/b/c/d", {}, "not an artifact name"),
        (
            "mnist",
            {"cron": "@daily", "automation_condition": dl.on_content_change()},
            "has cron and",
        ),
    ],
)
def test_what_can_not_be_followed_is_refused(artifact, options, told):
    with pytest.raises(landfast.InvalidInput, match=told):
        dl.artifact_asset(artifact, **options)
