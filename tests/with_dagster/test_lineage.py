"""Who made what of what: edges by asset and partition, across runs, once."""

import ast
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dagster as dg
import dagster_landfast
import landfast
import pytest
from dagster_landfast import (
    ArtifactVersion,
    LandfastReferenceIOManager,
    LandfastResource,
    Reference,
    log_reference,
)

from tests.with_dagster import pipeline_job
from tests.with_dagster.running import asset, materialize

Data = Callable[..., Path]
Edges = set[tuple[str, str, str, str]]

PARTS = dg.StaticPartitionsDefinition(["a", "b", "c"])
RANGE = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "c"}


def edges(client: landfast.Client, runs: Iterable[str] | None = None) -> Edges:
    """Return every edge as node, part, direction and version; of some of Dagster's runs."""
    found = [run.key for run in client.runs() if runs is None or run.key.run_id in set(runs)]
    return {
        (edge.run.node, edge.run.part, str(edge.direction), edge_name(edge.version))
        for edge in client.registry.edges(runs=found)
    }


def edge_name(name: landfast.ArtifactName) -> str:
    return str(name).removeprefix("default/uncategorized/")


def made_of(client: landfast.Client, name: str) -> list[str]:
    return sorted(edge_name(version) for version in client.lineage(name).upstream)


def single(place: Path) -> list[dg.AssetsDefinition]:
    @asset
    def raw() -> Reference:
        return Reference(place)

    @asset
    def features(raw: ArtifactVersion) -> Reference:
        return Reference(place)

    @asset
    def model(features: ArtifactVersion) -> Reference:
        return Reference(place)

    return [raw, features, model]


def parted(place: Path, name: str = "raw", **more: Any) -> dg.AssetsDefinition:
    def make(context: dg.AssetExecutionContext) -> Any:
        keys = context.partition_keys
        found = {key: Reference(place / key) for key in keys}
        return found if len(keys) > 1 else found[keys[0]]

    return asset(make, name=name, partitions_def=PARTS, **more)


def test_a_chain_of_assets_in_one_run(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    assets = single(data("raw", a="1"))
    run_id = materialize(assets, instance).run_id
    assert edges(client) == {
        ("raw", "", "logged", "raw:v0"),
        ("features", "", "used", "raw:v0"),
        ("features", "", "logged", "features:v0"),
        ("model", "", "used", "features:v0"),
        ("model", "", "logged", "model:v0"),
    }
    assert {run.key.run_id for run in client.runs()} == {run_id}
    assert made_of(client, "model") == ["features:v0", "raw:v0"]


def test_a_run_says_what_it_was_and_how_it_ended(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    assets = single(data("raw", a="1"))
    result = materialize(
        assets, instance, deployment="prod", dagster_url="https://dagster.example/"
    )
    run = client.get("raw").logged_by()
    assert run is not None
    assert run.key == landfast.RunKey(
        system="dagster", deployment="prod", run_id=result.run_id, node="raw", part=""
    )
    assert run.link == f"https://dagster.example/runs/{result.run_id}"
    assert (run.attempt, run.status) == (1, landfast.RunStatus.FINISHED)


def test_the_deployment_is_the_instance_unless_it_is_set(
    disk_instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    materialize(single(place), disk_instance)
    materialize(single(place), disk_instance)
    deployments = {run.key.deployment for run in client.runs()}
    assert len(deployments) == 1
    with dg.DagsterInstance.ephemeral() as other:
        materialize(single(place), other)
    assert len({run.key.deployment for run in client.runs()}) == 2


def test_a_failed_step_keeps_what_it_read_and_is_marked(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")

    @asset
    def raw() -> Reference:
        return Reference(place)

    @asset
    def broken(raw: ArtifactVersion) -> Reference:
        raise OSError("disk on fire")

    assert not materialize([raw, broken], instance, raise_on_error=False).success
    assert ("broken", "", "used", "raw:v0") in edges(client)
    statuses = {run.key.node: run.status for run in client.runs()}
    assert statuses == {"raw": "finished", "broken": "failed"}


def test_partition_to_partition(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2", c="3")
    raw = parted(place)

    @asset(partitions_def=PARTS)
    def features(context: dg.AssetExecutionContext, raw: ArtifactVersion) -> Reference:
        return Reference(place / context.partition_key)

    materialize([raw, features], instance, partition_key="a")
    materialize([raw, features], instance, partition_key="b")
    assert made_of(client, "features~a") == ["raw~a:v0"]
    assert made_of(client, "features~b") == ["raw~b:v0"]
    assert ("features", "b", "used", "raw~b:v0") in edges(client)


def test_fan_in_of_all_partitions(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2", c="3")
    raw = parted(place)

    @asset
    def summary(raw: dict[str, ArtifactVersion]) -> Reference:
        return Reference(place)

    for key in PARTS.get_partition_keys():
        materialize([raw], instance, partition_key=key)
    materialize([raw, summary], instance, selection=[summary])
    assert made_of(client, "summary") == ["raw~a:v0", "raw~b:v0", "raw~c:v0"]


def test_two_dimensions_to_one(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    regions = dg.StaticPartitionsDefinition(["eu/west", "us:east 1"])
    days = dg.StaticPartitionsDefinition(["2026-05-01", "2026-05-02"])
    both = dg.MultiPartitionsDefinition({"region": regions, "day": days})

    @asset(partitions_def=regions)
    def raw() -> Reference:
        return Reference(place)

    @asset(partitions_def=both)
    def features(raw: ArtifactVersion) -> Reference:
        return Reference(place)

    @asset(partitions_def=days)
    def daily(features: dict[str, ArtifactVersion]) -> Reference:
        return Reference(place)

    assets = [raw, features, daily]
    for region in regions.get_partition_keys():
        materialize([raw], instance, partition_key=region)
        key = dg.MultiPartitionKey({"region": region, "day": "2026-05-01"})
        materialize(assets, instance, selection=[features], partition_key=key)
    materialize(assets, instance, selection=[daily], partition_key="2026-05-01")
    encoded = "features~2026-05-01%7Ceu%2Fwest"
    assert made_of(client, encoded) == ["raw~eu%2Fwest:v0"]
    assert made_of(client, "daily~2026-05-01") == [
        f"{encoded}:v0",
        "features~2026-05-01%7Cus%3Aeast%201:v0",
        "raw~eu%2Fwest:v0",
        "raw~us%3Aeast%201:v0",
    ]
    assert ("features", "2026-05-01|eu/west", "logged", f"{encoded}:v0") in edges(client)


def test_a_batch_relates_each_partition_to_its_own(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2", c="3")
    policy = dg.BackfillPolicy.single_run()
    raw = parted(place, backfill_policy=policy)

    @asset(partitions_def=PARTS, backfill_policy=policy)
    def features(context: dg.AssetExecutionContext, raw: dict[str, ArtifactVersion]) -> Any:
        return {key: Reference(place / key) for key in context.partition_keys}

    materialize([raw, features], instance, tags=RANGE)
    for key in PARTS.get_partition_keys():
        assert made_of(client, f"features~{key}") == [f"raw~{key}:v0"]
    assert {run.key.part for run in client.runs()} == {"a", "b", "c"}


def test_a_batch_over_time_windows_relates_each_day_to_the_day_before(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    days = dg.DailyPartitionsDefinition("2026-05-01", end_date="2026-05-05")
    policy = dg.BackfillPolicy.single_run()
    before = dg.TimeWindowPartitionMapping(
        start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
    )

    def answer(context: dg.AssetExecutionContext) -> Any:
        return dict.fromkeys(context.partition_keys, Reference(place))

    @asset(partitions_def=days, backfill_policy=policy)
    def raw(context: dg.AssetExecutionContext) -> Any:
        return answer(context)

    @asset(
        partitions_def=days,
        backfill_policy=policy,
        ins={"raw": dg.AssetIn(partition_mapping=before)},
    )
    def moved(context: dg.AssetExecutionContext, raw: dict[str, ArtifactVersion]) -> Any:
        return answer(context)

    ends = {
        "dagster/asset_partition_range_start": "2026-05-01",
        "dagster/asset_partition_range_end": "2026-05-03",
    }
    materialize([raw, moved], instance, tags=ends)
    assert made_of(client, "moved~2026-05-01") == []
    assert made_of(client, "moved~2026-05-02") == ["raw~2026-05-01:v0"]
    assert made_of(client, "moved~2026-05-03") == ["raw~2026-05-02:v0"]


def test_a_backfill_of_an_old_partition_moves_no_other_latest(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2", c="3")
    raw = parted(place)
    for key in PARTS.get_partition_keys():
        materialize([raw], instance, partition_key=key)
    position = client.head()
    data("raw", a="other", b="changed too", c="3")
    materialize([raw], instance, partition_key="a")
    assert [str(change.version.partition) for change in client.changes(after=position)] == ["a"]
    latest = {key: version.version for key, version in client.partitions("raw").items()}
    assert latest == {"a": "v1", "b": "v0", "c": "v0"}


def test_a_retry_adds_no_edge_and_counts_as_an_attempt(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    tries: list[int] = []

    @asset
    def raw() -> Reference:
        return Reference(place)

    @asset(retry_policy=dg.RetryPolicy(max_retries=2))
    def features(context: dg.AssetExecutionContext, raw: ArtifactVersion) -> Reference:
        LandfastResource().for_context(context).log("features", place)
        tries.append(context.retry_number)
        if len(tries) < 3:
            raise OSError("try again")
        return Reference(place)

    materialize([raw, features], instance)
    assert tries == [0, 1, 2]
    assert edges(client) == {
        ("raw", "", "logged", "raw:v0"),
        ("features", "", "used", "raw:v0"),
        ("features", "", "logged", "features:v0"),
    }
    run = client.get("features").logged_by()
    assert run is not None
    assert (run.attempt, run.status) == (3, landfast.RunStatus.FINISHED)


def test_a_re_execution_is_a_run_of_its_own_that_says_which_it_repeats(
    disk_instance: dg.DagsterInstance,
    client: landfast.Client,
    data: Data,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANDFAST_PIPELINE", str(data("raw", a="1")))
    (tmp_path / "data" / "fail").touch()
    job = dg.reconstructable(pipeline_job.in_process)
    with dg.execute_job(job, instance=disk_instance, raise_on_error=False) as first:
        assert not first.success
    (tmp_path / "data" / "fail").unlink()
    options = dg.ReexecutionOptions.from_failure(first.run_id, disk_instance)
    with dg.execute_job(job, instance=disk_instance, reexecution_options=options) as second:
        assert second.success
    assert edges(client, [first.run_id]) == {
        ("raw", "", "logged", "raw:v0"),
        ("features", "", "used", "raw:v0"),
    }
    assert edges(client, [second.run_id]) == {
        ("features", "", "used", "raw:v0"),
        ("features", "", "logged", "features:v0"),
    }
    run = client.get("features").logged_by()
    assert run is not None
    assert run.config["dagster/parent_run_id"] == first.run_id


def test_the_multiprocess_executor_leaves_the_same_edges(
    disk_instance: dg.DagsterInstance,
    client: landfast.Client,
    data: Data,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANDFAST_PIPELINE", str(data("raw", a="1")))
    job = dg.reconstructable(pipeline_job.multiprocess)
    with dg.execute_job(job, instance=disk_instance, raise_on_error=True) as result:
        assert result.success
    assert edges(client) == {
        ("raw", "", "logged", "raw:v0"),
        ("features", "", "used", "raw:v0"),
        ("features", "", "logged", "features:v0"),
    }
    assert {run.status for run in client.runs()} == {landfast.RunStatus.FINISHED}


def test_a_dependency_that_is_not_loaded_is_declared(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")

    @asset
    def raw() -> Reference:
        return Reference(place)

    @dg.asset
    def no_artifact() -> int:
        return 1

    @asset(deps=[raw, no_artifact])
    def features() -> Reference:
        return Reference(place)

    client.log("no_artifact", place)
    materialize([raw, no_artifact, features], instance)
    assert ("features", "", "declared", "raw:v0") in edges(client)
    assert len([edge for edge in edges(client) if edge[0] == "features"]) == 2


def test_declared_partitions_follow_the_mapping(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2", c="3")
    policy = dg.BackfillPolicy.single_run()
    raw = parted(place, backfill_policy=policy)

    @asset(partitions_def=PARTS, backfill_policy=policy, deps=[raw])
    def features(context: dg.AssetExecutionContext) -> Any:
        return {key: Reference(place / key) for key in context.partition_keys}

    materialize([raw, features], instance, tags=RANGE)
    found = {edge for edge in edges(client) if edge[2] == "declared"}
    assert found == {("features", key, "declared", f"raw~{key}:v0") for key in "abc"}


def test_a_step_that_makes_several_assets_relates_each_to_its_own_inputs(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    one = asset(lambda: Reference(place), name="one")
    two = asset(lambda: Reference(place), name="two")

    @dg.multi_asset(
        outs={
            "left": dg.AssetOut(io_manager_key="io"),
            "right": dg.AssetOut(io_manager_key="io"),
        },
        internal_asset_deps={"left": {dg.AssetKey("one")}, "right": {dg.AssetKey("two")}},
    )
    def both(one: ArtifactVersion, two: ArtifactVersion) -> Any:
        yield dg.Output(Reference(place), "left")
        yield dg.Output(Reference(place), "right")

    materialize([one, two, both], instance)
    assert made_of(client, "left") == ["one:v0"]
    assert made_of(client, "right") == ["two:v0"]


def test_assets_of_one_step_that_depend_on_each_other_are_related(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")

    @dg.multi_asset(
        specs=[dg.AssetSpec("first"), dg.AssetSpec("second", deps=["first"])],
    )
    def chain(context: dg.AssetExecutionContext) -> Any:
        yield log_reference(context, place, asset_key=dg.AssetKey("first"))
        yield log_reference(context, place, asset_key=dg.AssetKey("second"))

    materialize([chain], instance)
    assert ("second", "", "declared", "first:v0") in edges(client)


def test_an_asset_of_a_graph_is_made_of_what_its_inner_ops_read(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    raw = asset(lambda: Reference(place), name="raw")

    @dg.op
    def read(raw: ArtifactVersion) -> str:
        return raw.digest

    @dg.op(out=dg.Out(io_manager_key="io"))
    def write(digest: str) -> Reference:
        return Reference(place, metadata={"of": digest})

    @dg.graph_asset
    def features(raw: Any) -> Any:
        return write(read(raw))

    materialize([raw, features], instance, resources={"io_manager": dg.mem_io_manager})
    assert made_of(client, "features") == ["raw:v0"]


def test_a_downstream_in_another_run_is_made_of_what_the_first_run_logged(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    assets = single(data("raw", a="1"))
    raw, features, _ = assets
    first = materialize(assets, instance, selection=[raw]).run_id
    second = materialize(assets, instance, selection=[features]).run_id
    assert edges(client, [second]) == {
        ("features", "", "used", "raw:v0"),
        ("features", "", "logged", "features:v0"),
    }
    assert {run.run_id for run in client.lineage("features").runs} == {first, second}


def test_an_op_that_was_written_by_hand(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    client.log("vision/raw", place)

    @dg.op
    def train(context: dg.OpExecutionContext, registry: LandfastResource) -> None:
        mine = registry.for_context(context)
        mine.use("vision/raw")
        mine.log("model", place, type="model")

    @dg.job(resource_defs={"registry": LandfastResource()})
    def pipeline() -> None:
        train.alias("train_again")()

    run_id = pipeline.execute_in_process(instance=instance).run_id
    assert edges(client, [run_id]) == {
        ("train_again", "", "used", "default/vision/raw:v0"),
        ("train_again", "", "logged", "model:v0"),
    }
    statuses = {run.status for run in client.runs() if run.key.run_id == run_id}
    assert statuses == {landfast.RunStatus.FINISHED}


def test_an_asset_check_reads_what_it_checks(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    raw = asset(lambda: Reference(place), name="raw")

    @dg.asset_check(asset=raw)
    def not_empty(raw: ArtifactVersion) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=raw.file_count > 0)

    materialize([raw, not_empty], instance)
    assert edges(client) == {
        ("raw", "", "logged", "raw:v0"),
        ("raw_not_empty", "", "used", "raw:v0"),
    }


def test_a_hook_works_in_the_name_of_its_step(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    raw = asset(lambda: Reference(place), name="raw")

    @dg.success_hook(required_resource_keys={"registry"})
    def receipt(context: dg.HookContext) -> None:
        context.resources.registry.for_context(context).log("receipt", place)

    resources = {"io": LandfastReferenceIOManager(), "registry": LandfastResource()}
    job = dg.define_asset_job("pipeline", hooks={receipt})
    defs = dg.Definitions([raw], jobs=[job], resources=resources)
    defs.resolve_job_def("pipeline").execute_in_process(instance=instance)
    assert edges(client) == {
        ("raw", "", "logged", "raw:v0"),
        ("raw", "", "logged", "receipt:v0"),
    }


def test_a_process_that_a_step_forks_works_in_the_name_of_the_step(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1")
    client.log("given", place)

    @dg.asset
    def raw(context: dg.AssetExecutionContext, registry: LandfastResource) -> None:
        mine = registry.for_context(context)
        child = os.fork()
        if child == 0:
            try:
                mine.use("given")
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0

    materialize([raw], instance)
    assert ("raw", "", "used", "given:v0") in edges(client)


def test_dynamic_outputs_relate_each_to_its_own(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    place = data("raw", a="1", b="2")
    out = {"io_manager_key": "io"}

    @dg.op(out=dg.DynamicOut(**out, metadata={"landfast/artifact": "shard"}))
    def split() -> Any:
        for key in "ab":
            yield dg.DynamicOutput(Reference(place / key), mapping_key=key)

    @dg.op(out=dg.Out(**out, metadata={"landfast/artifact": "done"}))
    def work(shard: ArtifactVersion) -> Reference:
        return Reference(place / shard.partition)

    @dg.op(out=dg.Out(**out, metadata={"landfast/artifact": "all"}))
    def gather(parts: list[ArtifactVersion]) -> Reference:
        return Reference(place)

    @dg.job(resource_defs={"io": LandfastReferenceIOManager()})
    def pipeline() -> None:
        gather(split().map(work).collect())

    pipeline.execute_in_process(instance=instance)
    assert made_of(client, "done~a") == ["shard~a:v0"]
    assert made_of(client, "done~b") == ["shard~b:v0"]
    assert made_of(client, "all") == ["done~a:v0", "done~b:v0", "shard~a:v0", "shard~b:v0"]
    assert ("work", "a", "used", "shard~a:v0") in edges(client)


def test_the_inputs_of_an_asset_are_shown_with_it(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data
) -> None:
    result = materialize(single(data("raw", a="1")), instance)
    (event,) = result.asset_materializations_for_node("features")
    table = event.metadata["landfast/inputs"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [row.data for row in table.records] == [
        {
            "input": "raw",
            "artifact": "default/uncategorized/raw:v0",
            "partition": "",
            "resolved_by": "dagster",
            "registry_has": "",
        }
    ]


def test_no_observation_of_what_was_read_is_left_on_the_asset_upstream(
    instance: dg.DagsterInstance, data: Data
) -> None:
    # An observation without a data version makes a fresh asset stale.
    materialize(single(data("raw", a="1")), instance)
    assert instance.fetch_observations(dg.AssetKey("raw"), limit=9).records == []


SOURCES = sorted(Path(dagster_landfast.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_source_adds_input_metadata(path: Path) -> None:
    assert "add_input_metadata" not in path.read_text()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_private_parts_of_dagster_are_imported_in_one_module_only(path: Path) -> None:
    imported: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported.append(node.module or "")
            imported += [f"{node.module}.{alias.name}" for alias in node.names]
    private = [
        name
        for name in imported
        if name.split(".")[0].startswith("dagster")
        and any(part.startswith("_") for part in name.split("."))
    ]
    assert not private or path.name == "compat.py"
