"""One key is one artifact, however it is declared; what earlier releases called otherwise goes on."""

from pathlib import Path
from typing import Any

import dagster as dg
import dagster_landfast as dl
import landfast
import pytest

SHOP = {"landfast": dl.LandfastResource(project="shop")}


def observe(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition, **how: Any) -> None:
    defs = dg.Definitions(assets=assets, resources=SHOP)
    keys = [key for asset in assets for key in asset.keys]
    job = defs.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance, asset_selection=keys, **how).success


def artifact(asset: dg.AssetsDefinition) -> str:
    (spec,) = asset.specs
    return str(spec.metadata["landfast/artifact"])


@pytest.mark.parametrize("key", ["drop", "raw/drop", "my-data/a.b_c", "us/raw/drop"])
def test_mend_27_the_same_key_is_the_same_artifact_in_python_and_in_yaml(
    instance, client, data, key
):
    place = f"{data('x', a='A')}/"
    python = dl.observable_prefix_asset(key, place)
    config = landfast.SnapshotConfig(name=key, uris=(landfast.SnapshotUri(uri=place),))
    yaml = dl.observable_prefix_assets([dl.Prefix.of_snapshot(config)])
    looked_up = dl.artifact_asset(key)
    assert python.keys == yaml.keys == looked_up.keys
    assert artifact(python) == artifact(yaml) == artifact(looked_up) == key
    observe(instance, python)
    version = landfast.Client(settings=landfast.load_settings(project="shop")).get(key)
    assert version.qualified_name.endswith(f"{'' if '/' in key else 'shop/'}{key}:v0")
    observe(instance, yaml)
    observe(instance, looked_up)
    assert len(client.versions(version.full_name.bare())) == 1


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (["a", "b", "c", "d"], "a.b.c.d"),
        (["a b"], "a-20b"),
        (["x:v1"], "x-3av1"),
        (["a/b"], "a-2fb"),
    ],
)
def test_mend_27_a_key_that_is_no_name_is_escaped_as_ever(key, name):
    assert str(dl.Prefix(key, "s3://b/").name) == name


@pytest.mark.parametrize("part", [None, "p1"])
def test_mend_27_an_artifact_in_use_under_its_former_name_goes_on(instance, data, part):
    shop = landfast.Client(settings=landfast.load_settings(project="shop"))
    old = shop.log("raw.drop", data("x", a="A"), partition=part)
    place = f"{data('x', a='A')}/" if part is None else f"{data('x').parent}/{{partition_key}}/"
    data("p1", a="A")
    definition = None if part is None else dg.StaticPartitionsDefinition(["p1"])
    raw = dl.observable_prefix_asset("raw/drop", place, partitions_def=definition)
    observe(instance, raw, partition_key=part)
    data("x" if part is None else part, a="B")
    observe(instance, raw, partition_key=part)
    newest = shop.get(landfast.ArtifactName(collection="raw.drop", partition=part or ""))
    assert (old.version, newest.version) == ("v0", "v1")
    assert shop.collections("raw") == []
    # Read by what is below, by its key and by either name, also without a record of Dagster's.
    read: list[str] = []

    @dg.asset(partitions_def=definition, ins={"given": dg.AssetIn(key=["raw", "drop"])})
    def below(context: dg.AssetExecutionContext, given: dl.ArtifactVersion) -> None:
        for name in ("raw/drop", "raw.drop", dg.AssetKey(["raw", "drop"])):
            read.append(dl.use_artifact(context, name).qualified_name)
        read.append(given.qualified_name)

    resources = {**SHOP, "io_manager": dl.LandfastReferenceIOManager()}
    how = {"selection": [below], "resources": resources, "partition_key": part}
    for upstream in (raw, dg.AssetSpec(["raw", "drop"], partitions_def=definition)):
        dg.materialize([upstream, below], instance=instance, **how)
        with dg.DagsterInstance.ephemeral() as new:
            dg.materialize([upstream, below], instance=new, **how)
    assert read == [newest.qualified_name] * 16


def test_mend_27_the_sensor_follows_the_name_in_use(instance, data):
    shop = landfast.Client(settings=landfast.load_settings(project="shop"))
    shop.log("raw.drop", data("x", a="A"))
    raw = dl.observable_prefix_asset("raw/drop", f"{data('x', a='A')}/")
    new = dl.observable_prefix_asset("raw/new", f"{data('x', a='A')}/")
    sensor = dl.build_artifact_sensor([raw, new])
    shop.log("raw/new", data("x", a="A"))
    repository = dg.Definitions(
        assets=[raw, new], sensors=[sensor], resources=SHOP
    ).get_repository_def()
    with dg.build_sensor_context(instance, repository_def=repository) as context:
        events = sensor.evaluate_tick(context).asset_events
    named = [event.metadata["landfast/artifact"].value for event in events]
    assert named == ["default/shop/raw.drop:v0", "default/raw/new:v0"]


def test_mend_27_the_address_of_managed_objects_can_be_opened(instance, client, tmp_path):
    @dg.asset
    def managed() -> dict[str, int]:
        return {"a": 1}

    @dg.asset
    def placed() -> dict[str, int]:
        return {"a": 1}

    for asset, base in ((managed, None), (placed, str(tmp_path / "place"))):
        manager = dl.LandfastObjectIOManager(base_uri=base)
        done = dg.materialize([asset], instance=instance, resources={"io_manager": manager})
        (event,) = done.get_asset_materialization_events()
        shown = event.materialization.metadata["dagster/uri"].value
        version = client.get(str(asset.key.to_user_string()))
        expected = version.uri if base is None else version.sources[0].uri
        assert shown == expected
        assert not shown.startswith("blob:")
    assert client.get(client.get("managed").uri) == client.get("managed")


DOWN = "postgresql://nobody@127.0.0.1:1/landfast"


@pytest.mark.parametrize("how", ["manager", "given", "required"])
def test_mend_27_a_registry_that_is_down_is_found_out_before_the_work(
    instance, data, monkeypatch, how
):
    done: list[str] = []
    down = dl.LandfastResource(registry_url=DOWN)
    managers: dict[str, Any] = {"io_manager": dl.LandfastObjectIOManager()}
    if how == "manager":
        monkeypatch.setenv("LANDFAST_REGISTRY_URL", DOWN)
    elif how == "given":
        managers = {"io_manager": dl.LandfastReferenceIOManager(landfast=down)}
    else:
        managers = {"registry": down}

    @dg.asset(required_resource_keys={"registry"} if how == "required" else set())
    def work() -> str:
        done.append("hours of work")
        return "x"

    with pytest.raises(dg.DagsterError) as failed:
        dg.materialize([work], instance=instance, resources=managers)
    assert isinstance(failed.value.__cause__, landfast.Unavailable)
    assert "127.0.0.1:1" in str(failed.value.__cause__)
    assert done == []


def test_mend_27_a_registry_that_is_not_made_yet_is_made_by_the_first_record(
    instance, tmp_path, monkeypatch
):
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path}/new/registry.db")

    @dg.asset
    def words() -> dict[str, int]:
        return {"a": 1}

    resources = {"io_manager": dl.LandfastObjectIOManager()}
    assert dg.materialize([words], instance=instance, resources=resources).success
    assert Path(tmp_path, "new", "registry.db").exists()


def test_mend_27_a_missing_partition_is_an_error_or_left_out_if_asked(instance, client, data):
    parts = dg.StaticPartitionsDefinition(["a", "b"])
    raw = dl.observable_prefix_asset(
        "raw", f"{data('p').parent}/{{partition_key}}/", partitions_def=parts
    )
    data("a", f="A")
    observe(instance, raw)
    seen: list[list[str]] = []
    succeeded: list[bool] = []

    def fan_in(**metadata: bool) -> dg.AssetsDefinition:
        @dg.asset(ins={"raw": dg.AssetIn(metadata=metadata)})
        def whole(raw: dict[str, dl.ArtifactVersion]) -> None:
            seen.append(list(raw))

        return whole

    resources = {**SHOP, "io_manager": dl.LandfastReferenceIOManager()}
    for asset in (fan_in(allow_missing_partitions=True), fan_in()):
        done = dg.materialize(
            [raw, asset],
            selection=[asset],
            instance=instance,
            resources=resources,
            raise_on_error=False,
        )
        succeeded.append(done.success)
    assert (succeeded, seen) == ([True, False], [["a"]])
