"""An observed asset is an input like any other, without an IO manager of the user's for it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import dagster_landfast as lf
import landfast

STATIONS = dg.StaticPartitionsDefinition(["bergen", "oslo"])


def run(defs: dg.Definitions, instance: dg.DagsterInstance, *keys: str, partition=None):
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(key) for key in keys],
        partition_key=partition,
    )


def test_an_observed_asset_is_loaded_with_the_resource_of_the_definitions(instance, data) -> None:
    folder = data("raw", a="1")
    raw = lf.observable_prefix_asset("raw", str(folder))
    other = lf.observable_prefix_asset("other", str(folder))

    @dg.asset
    def used(raw: lf.ArtifactVersion, other: Path) -> str:
        return f"{raw.qualified_name} {sorted(path.name for path in other.iterdir())}"

    defs = dg.Definitions(
        assets=[raw, other, used], resources={"landfast": lf.LandfastResource(project="vision")}
    )
    run(defs, instance, "raw", "other")
    made = run(defs, instance, "used").output_for_node("used")
    assert made.startswith("default/vision/raw:v0 ['")
    assert "'a'" in made
    client = landfast.Client(project="vision")
    (run_record,) = client.runs_using("raw:v0")
    assert run_record.key.node == "used"


def test_a_partition_and_all_of_them_are_loaded(instance, data) -> None:
    for station in STATIONS.get_partition_keys():
        folder = data(station, a=station)
    raw = lf.observable_prefix_asset(
        "raw", f"{folder.parent}/{{partition_key}}", partitions_def=STATIONS
    )

    @dg.asset(partitions_def=STATIONS)
    def one(raw: lf.ArtifactVersion) -> str:
        return raw.partition

    @dg.asset
    def every(raw: dict[str, lf.ArtifactVersion]) -> list[str]:
        return sorted(raw)

    defs = dg.Definitions(assets=[raw, one, every])
    run(defs, instance, "raw")
    assert run(defs, instance, "one", partition="oslo").output_for_node("one") == "oslo"
    assert run(defs, instance, "every").output_for_node("every") == ["bergen", "oslo"]


def test_what_only_the_registry_knows_is_loaded_too(instance, data) -> None:
    landfast.Client().log("vision/mnist", data("raw", a="1"))
    mnist = lf.artifact_asset("vision/mnist")

    @dg.asset(ins={"mnist": dg.AssetIn(["vision", "mnist"])})
    def used(mnist: list[str]) -> int:
        return len(mnist)

    defs = dg.Definitions(assets=[mnist, used])
    assert run(defs, instance, "used").output_for_node("used") == 1
