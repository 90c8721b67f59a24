"""Two functions are enough for an asset that exists already."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import dagster_landfast as dl
import pytest
from dagster_landfast import LandfastReferenceIOManager, LandfastResource, Reference
from landfast import Client, Conflict, InvalidInput, NotFound

Data = Callable[..., Path]
PARTS = dg.StaticPartitionsDefinition(["a", "b"])
RANGE = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "b"}


def run(assets: list[Any], instance: dg.DagsterInstance, **how: Any) -> dg.ExecuteInProcessResult:
    return dg.materialize(assets, instance=instance, **how)


def event_of(result: dg.ExecuteInProcessResult, node: str) -> dg.AssetMaterialization:
    (event,) = result.asset_materializations_for_node(node)
    return event


def test_one_line_in_an_asset_records_what_it_wrote(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    place = data("features", a="1")

    @dg.asset
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, place, type="features", aliases=["candidate"])

    event = event_of(run([features], instance), "features")
    version = client.get("features:candidate")
    assert version.type == "features"
    assert (event.tags or {})["dagster/data_version"] == version.digest
    assert event.metadata["landfast/artifact"].value == "default/uncategorized/features:v0"
    run_record = version.logged_by()
    assert run_record is not None
    assert (run_record.key.node, str(run_record.status)) == ("features", "finished")


def test_one_line_reads_what_an_asset_upstream_wrote(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    place = data("raw", a="1")

    @dg.asset
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, place)

    @dg.asset(deps=[raw])
    def model(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        version = dl.use_artifact(context, "raw", type="dataset")
        return dl.log_reference(context, place, metadata={"from": version.version})

    event = event_of(run([raw, model], instance), "model")
    assert client.get("model").metadata == {"from": "v0"}
    table: Any = event.metadata["landfast/inputs"]
    (row,) = [record.data for record in table.records]
    assert (row["input"], row["resolved_by"]) == ("raw", "dagster")
    edges = [str(edge.direction) for edge in client.lineage("raw").edges]
    assert edges == ["logged", "used", "logged"]


def test_what_dagster_recorded_is_read_of_an_asset_upstream(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    place = data("raw", a="1")
    seen: list[str] = []

    @dg.asset
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, place)

    @dg.asset(deps=[raw])
    def model(context: dg.AssetExecutionContext) -> None:
        names: list[Any] = ["raw", dg.AssetKey("raw"), "raw:latest", "default/uncategorized/raw"]
        seen.extend(dl.use_artifact(context, name).version for name in names)

    run([raw], instance)
    data("raw", a="2")
    client.log("raw", place)
    run([raw, model], instance, selection=[model])
    assert seen == ["v0", "v0", "v1", "v0"]


def test_any_other_artifact_is_the_registrys_latest(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    client.log("vision/mnist", data("mnist", a="1"))

    @dg.asset
    def model(context: dg.AssetExecutionContext) -> None:
        assert dl.use_artifact(context, "vision/mnist").version == "v0"

    run([model], instance)
    (reader,) = client.used_by("vision/mnist")
    assert reader.key.node == "model"


def test_a_missing_artifact_and_another_type_are_errors(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    client.log("raw", data("raw", a="1"), type="dataset")

    @dg.asset
    def wrong_type(context: dg.AssetExecutionContext) -> None:
        dl.use_artifact(context, "raw", type="model")

    @dg.asset
    def missing(context: dg.AssetExecutionContext) -> None:
        dl.use_artifact(context, "nothing")

    with pytest.raises(Conflict, match="expected model, found dataset"):
        run([wrong_type], instance)
    with pytest.raises(NotFound, match="nothing"):
        run([missing], instance)
    assert client.used_by("raw") == []


def test_a_partition_reads_its_own_partition(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    place = data("raw", a="1", b="2")

    @dg.asset(partitions_def=PARTS)
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, place / context.partition_key)

    @dg.asset(partitions_def=PARTS, deps=[raw])
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        version = dl.use_artifact(context, "raw")
        return dl.log_reference(context, version.uris()[0])

    @dg.asset(deps=[raw])
    def summary(context: dg.AssetExecutionContext) -> None:
        with pytest.raises(InvalidInput, match="2 partitions of raw"):
            dl.use_artifact(context, "raw")
        assert dl.use_artifact(context, "raw", partition_key="b").partition == "b"
        assert dl.use_artifact(context, "raw~a").partition == "a"

    for key in "ab":
        run([raw, features], instance, partition_key=key)
    run([raw, summary], instance, selection=[summary])
    assert [str(name) for name in client.lineage("features~b").upstream] == [
        "default/uncategorized/raw~b:v0"
    ]


def test_a_batch_gives_a_place_for_each_partition(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    place = data("raw", a="1", b="2")
    policy = dg.BackfillPolicy.single_run()

    @dg.asset(partitions_def=PARTS, backfill_policy=policy)
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(
            context, {key: Reference(place / key) for key in context.partition_keys}
        )

    @dg.asset(partitions_def=PARTS, backfill_policy=policy)
    def wrong(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, place)

    result = run([raw], instance, tags=RANGE)
    shown = {
        event.partition: event.metadata["landfast/artifact"].value
        for event in result.asset_materializations_for_node("raw")
    }
    assert shown == {key: f"default/uncategorized/raw~{key}:v0" for key in "ab"}
    with pytest.raises(InvalidInput, match=r"asset wrong makes 2 partitions.*one URI"):
        run([wrong], instance, tags=RANGE)


def test_the_definition_may_name_the_artifact_and_its_type(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    place = data("raw", a="1")

    @dg.asset(metadata={"landfast/artifact": "vision/mnist", "landfast/type": "images"})
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, place)

    run([raw], instance)
    assert client.get("vision/mnist").type == "images"


def test_a_reference_may_be_refined_in_the_call(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    place = data("raw", a="1", b="2")

    @dg.asset
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, Reference(place), exclude=["b"])

    run([raw], instance)
    assert client.get("raw").file_count == 1


def test_a_step_of_several_assets_has_to_say_which(
    instance: dg.DagsterInstance, data: Data
) -> None:
    place = data("raw", a="1")

    @dg.multi_asset(specs=[dg.AssetSpec("one"), dg.AssetSpec("two")])
    def both(context: dg.AssetExecutionContext) -> Any:
        yield dl.log_reference(context, place)

    with pytest.raises(InvalidInput, match=r"asset_key=.*one, two"):
        run([both], instance)


def test_an_op_is_told_what_to_call_instead(instance: dg.DagsterInstance, data: Data) -> None:
    place = data("raw", a="1")

    @dg.op
    def work(context: dg.OpExecutionContext) -> None:
        dl.log_reference(context, place)

    @dg.job
    def pipeline() -> None:
        work()

    with pytest.raises(InvalidInput, match="for_context"):
        pipeline.execute_in_process(instance=instance)


def test_an_op_reads_an_artifact(instance: dg.DagsterInstance, client: Client, data: Data) -> None:
    client.log("raw", data("raw", a="1"))

    @dg.op
    def work(context: dg.OpExecutionContext) -> None:
        dl.use_artifact(context, "raw")

    @dg.job
    def pipeline() -> None:
        work()

    pipeline.execute_in_process(instance=instance)
    assert [record.key.node for record in client.used_by("raw")] == ["work"]


# -- which resource ---------------------------------------------------------------------------


def logged_to(
    instance: dg.DagsterInstance, data: Data, resources: dict[str, Any], **how: Any
) -> None:
    place = data("raw", a="1")

    @dg.asset
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, place)

    run([raw], instance, resources=resources, **how)


def test_the_resource_of_the_definitions_is_found(
    instance: dg.DagsterInstance, data: Data, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    monkeypatch.setenv("OTHER_REGISTRY", url)
    resource = LandfastResource(registry_url=dg.EnvVar("OTHER_REGISTRY"), project="vision")
    logged_to(instance, data, {"registry": resource})
    assert Client(url).get("vision/raw").version == "v0"


def test_the_resource_of_the_definitions_is_configured_as_in_the_run(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    config = {"resources": {"registry": {"config": {"project": "other"}}}}
    logged_to(instance, data, {"registry": LandfastResource()}, run_config=config)
    assert client.get("other/raw").version == "v0"


def test_the_resource_of_an_io_manager_is_found(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    manager = LandfastReferenceIOManager(landfast=LandfastResource(project="vision"))
    logged_to(instance, data, {"io_manager": manager})
    assert client.get("vision/raw").version == "v0"


def test_several_resources_that_differ_are_an_error_unless_one_is_required(
    instance: dg.DagsterInstance, client: Client, data: Data
) -> None:
    two = {"one": LandfastResource(project="one"), "two": LandfastResource(project="two")}
    with pytest.raises(InvalidInput, match="2 different LandfastResources"):
        logged_to(instance, data, two)
    place = data("raw", a="1")

    @dg.asset
    def raw(context: dg.AssetExecutionContext, two: LandfastResource) -> dg.MaterializeResult:
        return dl.log_reference(context, place)

    run([raw], instance, resources=two)
    assert client.get("two/raw").version == "v0"


# -- outside a run ----------------------------------------------------------------------------


def test_an_asset_can_be_called_as_a_plain_function(client: Client, data: Data) -> None:
    place = data("raw", a="1")

    @dg.asset
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        dl.use_artifact(context, "given")
        return dl.log_reference(context, place, asset_key=dg.AssetKey("raw"))

    client.log("given", place)
    result: Any = raw(dg.build_asset_context())
    assert result.data_version == dg.DataVersion(client.get("raw").digest)


def test_a_partition_can_be_called_as_a_plain_function(client: Client, data: Data) -> None:
    place = data("raw", a="1")

    @dg.asset(partitions_def=PARTS)
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dl.log_reference(context, place)

    raw(dg.build_asset_context(partition_key="a"))
    assert client.get("raw~a").version == "v0"
