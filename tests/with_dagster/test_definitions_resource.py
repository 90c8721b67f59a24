"""What is handed no resource takes that of the definitions: IO managers, and observed assets as inputs."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import dagster_landfast as lf
import landfast
import pytest

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
    (run_record,) = client.used_by("raw:v0")
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


@pytest.mark.parametrize("kind", [lf.LandfastReferenceIOManager, lf.LandfastObjectIOManager])
def test_an_io_manager_takes_the_resource_of_the_definitions(
    instance, tmp_path, monkeypatch, kind
) -> None:
    monkeypatch.setenv("LANDFAST_PROJECT", "environment")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("1")
    is_object = kind is lf.LandfastObjectIOManager

    @dg.asset
    def raw():
        return {"rows": 1} if is_object else lf.Reference(tmp_path / "data")

    @dg.asset
    def used(raw) -> None:
        assert raw == {"rows": 1} if is_object else raw.version == "v0"

    url = f"sqlite:///{tmp_path}/definitions.db"
    resources = {
        "registry": lf.LandfastResource(registry_url=url, project="definitions"),
        "io_manager": kind(),
    }
    run(dg.Definitions([raw, used], resources=resources), instance, "raw", "used")
    client = landfast.Client(url, project="definitions")
    assert client.get("raw").version == "v0"
    assert {each.status for each in client.runs()} == {landfast.RunStatus.FINISHED}
    (user,) = client.used_by("raw:v0")
    assert user.key.node == "used"
    assert not list(landfast.Client().runs())


def test_an_io_manager_among_resources_that_differ_has_to_be_handed_one(instance, tmp_path) -> None:
    (tmp_path / "a").write_text("1")
    one, other = (lf.LandfastResource(project=name) for name in ("one", "other"))

    @dg.asset
    def raw():
        return lf.Reference(tmp_path / "a")

    def made(manager):
        resources = {"one": one, "other": other, "io_manager": manager}
        return dg.Definitions([raw], resources=resources)

    with pytest.raises(landfast.InvalidInput, match=r"2 different LandfastResources.*landfast="):
        run(made(lf.LandfastReferenceIOManager()), instance, "raw")
    run(made(lf.LandfastReferenceIOManager(landfast=other)), instance, "raw")
    assert landfast.Client(project="other").get("raw").version == "v0"
