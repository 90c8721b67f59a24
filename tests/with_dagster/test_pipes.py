"""Dagster Pipes: an external process logs and uses in the name of the step that launched it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import landfast
import pytest
from dagster_landfast import (
    LandfastObjectIOManager,
    LandfastReferenceIOManager,
    LandfastResource,
    log_reference,
    pipes_env,
    pipes_results,
)

from tests.with_dagster.edges import edges

# A process that knows nothing of Dagster.
TRAIN = """
import sys, landfast
with landfast.init() as run:
    raw = run.use_artifact("raw:latest")
    with run.client.open(raw, "a") as stream:
        text = stream.read().decode()
    open("weights", "w").write(text * 2)
    run.log_artifact("weights", name="model", type="model")
"""
# One that speaks Pipes as well, and gets the variables as an extra.
REPORT = """
import os, sys, landfast
from dagster_pipes import open_dagster_pipes
with open_dagster_pipes() as pipes:
    os.environ.update(pipes.get_extra("landfast"))
    with landfast.init() as run:
        version = run.log_artifact(sys.argv[1], name="model", type="model")
        pipes.report_asset_materialization(
            data_version=version.digest, metadata={"loss": 0.5, "landfast/note": version.name}
        )
"""


@pytest.fixture
def raw(data: Any) -> dg.AssetsDefinition:
    folder = data("raw", a="text")

    @dg.asset
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        return log_reference(context, f"{folder}/")

    return raw


def trainer(command: Sequence[str], *, extras: bool = False, **options: Any) -> dg.AssetsDefinition:
    """An asset whose work is done by a command."""

    @dg.asset(name="model", deps=["raw"], **options)
    def model(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient) -> Any:
        given = pipes_env(context)
        how: dict[str, Any] = {"extras": {"landfast": given}} if extras else {"env": given}
        done = pipes.run(context=context, command=list(command), **how)
        return pipes_results(context, done)

    return model


def run(*assets: Any, instance: dg.DagsterInstance, **how: Any) -> dg.ExecuteInProcessResult:
    resources = {"pipes": dg.PipesSubprocessClient(), **how.pop("resources", {})}
    return dg.materialize(list(assets), instance=instance, resources=resources, **how)


def materialization(result: dg.ExecuteInProcessResult, node: str = "model") -> Any:
    (event,) = result.asset_materializations_for_node(node)
    return event


def test_a_process_that_knows_only_landfast_joins_the_run(raw, instance, client) -> None:
    model = trainer([sys.executable, "-c", TRAIN])
    result = run(raw, model, instance=instance)
    assert edges(client) == [
        ("model", "", "logged", "model:v0"),
        ("model", "", "used", "raw:v0"),
        ("raw", "", "logged", "raw:v0"),
    ]
    assert {r.key.run_id for r in client.runs()} == {result.run_id}
    event = materialization(result)
    version = client.get("model")
    assert event.tags["dagster/data_version"] == version.digest
    assert event.metadata["landfast/artifact"].value == version.qualified_name
    (row,) = event.metadata["landfast/inputs"].records
    assert row.data["artifact"] == client.get("raw").qualified_name
    again = materialization(run(raw, model, instance=instance))
    assert again.tags["dagster/data_version"] == version.digest
    assert [version.version for version in client.versions("model")] == ["v0"]


def test_the_command_line_joins_the_run(raw, instance, client, tmp_path) -> None:
    (tmp_path / "weights").write_text("w")
    landfast_cli = str(Path(sys.executable).with_name("landfast"))
    script = f"{landfast_cli} get raw --root got && {landfast_cli} put {tmp_path}/weights --name model -t model"
    result = run(raw, trainer(["bash", "-ec", script]), instance=instance)
    assert ("model", "", "logged", "model:v0") in edges(client)
    assert ("model", "", "used", "raw:v0") in edges(client)
    assert materialization(result).tags["dagster/data_version"] == client.get("model").digest


def test_a_reported_data_version_and_metadata_are_kept(raw, instance, client, tmp_path) -> None:
    (tmp_path / "weights").write_text("w")
    command = [sys.executable, "-c", REPORT, str(tmp_path / "weights")]
    event = materialization(run(raw, trainer(command, extras=True), instance=instance))
    version = client.get("model")
    assert event.tags["dagster/data_version"] == version.digest
    assert event.metadata["loss"].value == 0.5
    assert event.metadata["landfast/note"].value == version.name
    assert event.metadata["landfast/artifact"].value == version.qualified_name
    assert edges(client) == [
        ("model", "", "declared", "raw:v0"),
        ("model", "", "logged", "model:v0"),
        ("raw", "", "logged", "raw:v0"),
    ]


FAIL_ONCE = (
    TRAIN
    + """
import os
if not os.path.exists("failed"):
    open("failed", "w").close()
    sys.exit(3)
"""
)


def test_a_retry_of_a_process_adds_no_edge(python, raw, instance, client) -> None:
    retry = dg.RetryPolicy(max_retries=1)
    model = trainer([*python, "-c", FAIL_ONCE], retry_policy=retry)
    assert run(raw, model, instance=instance).success
    assert edges(client) == [
        ("model", "", "logged", "model:v0"),
        ("model", "", "used", "raw:v0"),
        ("raw", "", "logged", "raw:v0"),
    ]
    (record,) = [r for r in client.runs() if r.key.node == "model"]
    assert record.attempt == 2


OTHER_EACH_TIME = """
import os, sys, landfast
tries = [name for name in ("one", "two") if os.path.exists(name)]
open(("one", "two")[len(tries)] if len(tries) < 2 else "three", "w").close()
with landfast.init() as run:
    open("weights", "w").write(["a", "b", "a"][len(tries)])
    run.log_artifact("weights", name="model", type="model")
sys.exit(3 if len(tries) < 2 else 0)
"""


def test_the_version_of_the_last_attempt_counts(python, raw, instance, client) -> None:
    retry = dg.RetryPolicy(max_retries=2)
    model = trainer([*python, "-c", OTHER_EACH_TIME], retry_policy=retry)
    event = materialization(run(raw, model, instance=instance))
    assert len(client.versions("model")) == 2
    assert event.tags["dagster/data_version"] == client.get("model:v0").digest


def test_a_partition_joins_as_its_own_run(python, raw, instance, client) -> None:
    code = """
import sys, landfast
with landfast.init() as run:
    open("weights", "w").write(sys.argv[1])
    run.log_artifact("weights", name="model", type="model", partition=sys.argv[1])
"""

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b/c d"]))
    def model(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient) -> Any:
        command = [*python, "-c", code, context.partition_key]
        done = pipes.run(context=context, command=command, env=pipes_env(context))
        return pipes_results(context, done)

    event = materialization(run(model, instance=instance, partition_key="b/c d"))
    assert event.tags["dagster/data_version"] == client.partitions("model")["b/c d"].digest
    assert edges(client) == [("model", "b/c d", "logged", "model~b%2Fc%20d:v0")]


def test_a_batch_of_partitions_is_one_process_with_a_version_each(python, instance, client) -> None:
    code = """
import landfast, sys
with landfast.init() as run:
    for key in sys.argv[1:]:
        open("weights", "w").write(key)
        run.log_artifact("weights", name="model", type="model", partition=key)
"""

    @dg.asset(
        partitions_def=dg.StaticPartitionsDefinition(["a", "b"]),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def model(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient) -> Any:
        command = [*python, "-c", code, *context.partition_keys]
        done = pipes.run(context=context, command=command, env=pipes_env(context))
        return pipes_results(context, done)

    tags = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "b"}
    result = run(model, instance=instance, tags=tags)
    named = {
        event.partition: event.metadata["landfast/artifact"].value
        for event in result.asset_materializations_for_node("model")
    }
    assert named == {key: client.partitions("model")[key].qualified_name for key in ("a", "b")}


def test_mend_23_an_event_says_what_the_process_changed(
    python, raw, instance, client, tmp_path
) -> None:
    code = """
import landfast, sys
for name, text in zip("abc", sys.argv[1]):
    open(name, "w").write(text)
with landfast.init() as run:
    draft = landfast.Artifact("model", "model")
    for name in "abc"[: len(sys.argv[1])]:
        draft.add_file(name)
    run.log_artifact(draft)
"""
    said = []
    for texts in ("AB", "AB", "AX", "AXC", "AB"):
        model = trainer([*python, "-c", code, texts])
        event = materialization(run(raw, model, instance=instance))
        said.append(event.metadata["landfast/change"].value)
    assert said == [
        "first version",
        "unchanged",
        "1 modified, 1 unchanged",
        "1 added, 2 unchanged",
        "1 removed, 1 modified, 1 unchanged",
    ]
    assert [row.data for row in event.metadata["landfast/diff"].records] == [
        {"change": "modified", "path": "b"},
        {"change": "removed", "path": "c"},
    ]


def test_mend_23_a_batch_says_how_many_partitions_the_process_changed(
    python, instance, client
) -> None:
    code = """
import landfast, sys
with landfast.init() as run:
    for pair in sys.argv[1:]:
        key, text = pair.split("=")
        open("weights", "w").write(text)
        run.log_artifact("weights", name="model", type="model", partition=key)
"""
    contents = {"a": "1", "b": "2"}

    @dg.asset(
        partitions_def=dg.StaticPartitionsDefinition(["a", "b"]),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def model(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient) -> Any:
        pairs = [f"{key}={text}" for key, text in contents.items()]
        command = [*python, "-c", code, *pairs]
        done = pipes.run(context=context, command=command, env=pipes_env(context))
        return pipes_results(context, done)

    tags = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "b"}
    said = []
    for text in ("2", "3"):
        contents["b"] = text
        result = run(model, instance=instance, tags=tags)
        events = result.asset_materializations_for_node("model")
        for event in sorted(events, key=lambda event: str(event.partition)):
            shown = {key: value.value for key, value in event.metadata.items()}
            said.append((event.partition, shown["landfast/change"], shown["landfast/batch"]))
    assert said == [
        ("a", "first version", "2 of 2 partitions changed"),
        ("b", "first version", "2 of 2 partitions changed"),
        ("a", "unchanged", "1 of 2 partitions changed"),
        ("b", "1 modified", "1 of 2 partitions changed"),
    ]


@pytest.mark.parametrize("manager", [LandfastReferenceIOManager, LandfastObjectIOManager])
@pytest.mark.parametrize("annotation", [object, Any, dg.MaterializeResult])
def test_mend_24_a_result_without_a_value_is_nothing_to_store(
    python, raw, instance, client, manager, annotation
) -> None:
    command = [*python, "-c", "import landfast; landfast.Client().log('model', 'raw.txt')"]
    Path("raw.txt").write_text("text")

    def model(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient):
        done = pipes.run(context=context, command=command, env=pipes_env(context))
        return pipes_results(context, done)

    model.__annotations__["return"] = annotation
    below = dg.asset(name="below", deps=["raw"])(lambda: None)
    resources = {"io_manager": manager()}
    result = run(raw, dg.asset(model, deps=["raw"]), below, instance=instance, resources=resources)
    event = materialization(result)
    assert event.metadata["landfast/artifact"].value == client.get("model").qualified_name
    assert event.tags["dagster/data_version"] == client.get("model").digest
    assert len(client.versions("model")) == 1


def test_mend_24_partitions_and_several_assets_without_a_value_are_nothing_to_store(
    instance, client
) -> None:
    @dg.multi_asset(outs={"one": dg.AssetOut(dagster_type=object), "two": dg.AssetOut()})
    def both():
        yield dg.MaterializeResult(asset_key="one")
        yield dg.MaterializeResult(asset_key="two")

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
    def parts() -> object:
        return dg.MaterializeResult()

    for manager in (LandfastReferenceIOManager(), LandfastObjectIOManager()):
        resources = {"io_manager": manager}
        assert dg.materialize([both], instance=instance, resources=resources).success
        assert dg.materialize(
            [parts], instance=instance, resources=resources, partition_key="a"
        ).success
    assert client.collections() == []


def test_a_process_that_logs_nothing_is_an_ordinary_materialization(raw, instance, client) -> None:
    event = materialization(run(raw, trainer(["true"]), instance=instance))
    assert "landfast/artifact" not in event.metadata
    assert edges(client) == [
        ("model", "", "declared", "raw:v0"),
        ("raw", "", "logged", "raw:v0"),
    ]


def test_of_several_logged_versions_the_one_with_the_assets_name_is_it(
    python, raw, instance, client
) -> None:
    code = """
import landfast
with landfast.init() as run:
    for name in ("report", "model", "other"):
        open(name, "w").write(name)
        run.log_artifact(name, name=name, type="model")
"""
    event = materialization(run(raw, trainer([*python, "-c", code]), instance=instance))
    assert event.metadata["landfast/artifact"].value == client.get("model").qualified_name


def test_the_variables_say_where_and_which_run(instance) -> None:
    seen: dict[str, str] = {}

    @dg.op
    def ask(context: dg.OpExecutionContext) -> None:
        seen.update(pipes_env(context))

    @dg.job(resource_defs={"registry": LandfastResource(project="vision", entity="lab")})
    def asking() -> None:
        ask()

    assert asking.execute_in_process(instance=instance).success
    assert (seen["LANDFAST_PROJECT"], seen["LANDFAST_ENTITY"]) == ("vision", "lab")
    assert seen["LANDFAST_REGISTRY_URL"].startswith("sqlite:///")
    key = landfast.RunKey.decode(seen["LANDFAST_RUN"])
    assert (key.system, key.node) == ("dagster", "ask")


def test_a_registry_password_is_not_among_the_variables(instance, postgres_url) -> None:
    from landfast.registry.opener import init_registry

    init_registry(postgres_url, store_url=os.fspath(Path.cwd() / "store"))
    scheme, _, rest = postgres_url.partition("://")
    user, _, place = rest.rpartition("@")
    url = f"{scheme}://{user.partition(':')[0]}:hunter2@{place}"
    seen: dict[str, str] = {}

    @dg.asset
    def ask(context: dg.AssetExecutionContext) -> None:
        seen.update(pipes_env(context))

    result = dg.materialize(
        [ask], instance=instance, resources={"registry": LandfastResource(registry_url=url)}
    )
    assert result.success
    assert "LANDFAST_REGISTRY_URL" not in seen
    assert "hunter2" not in str(seen)
