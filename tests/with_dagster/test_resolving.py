"""What is read is what Dagster calls current, unless somebody pinned another version."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import landfast
import pytest
from dagster_landfast import ArtifactVersion, Reference, records, resolving
from dagster_landfast.metadata import version_metadata
from dagster_landfast.resolving import ResolvedBy
from dagster_landfast.resource import LandfastResource

from tests.with_dagster.running import asset, materialize, metadata_of

Data = Callable[..., Path]
KEY = dg.AssetKey("raw")
PARTS = dg.StaticPartitionsDefinition([f"p{number:02}" for number in range(12)])


@pytest.fixture
def place(data: Data) -> Path:
    return data("raw", a="1")


@pytest.fixture
def raw(place: Path) -> dg.AssetsDefinition:
    return asset(lambda: Reference(place), name="raw")


def reader(seen: list[ArtifactVersion], **pin: Any) -> dg.AssetsDefinition:
    @asset(ins={"raw": dg.AssetIn(metadata=pin)})
    def read(raw: ArtifactVersion) -> Reference:
        seen.append(raw)
        return Reference(raw.sources[0].uri)

    return read


def resolve(client: landfast.Client, instance: dg.DagsterInstance | None, **how: Any) -> Any:
    name = landfast.ArtifactName(collection="raw")
    return resolving.resolve(client, name, asset_key=KEY, instance=instance, **how)


def observed(
    version: landfast.ArtifactVersion, partition: str | None = None
) -> dg.AssetObservation:
    shown = version_metadata(LandfastResource(), version)
    return dg.AssetObservation(KEY, partition=partition, metadata=shown)


def materialized(
    version: landfast.ArtifactVersion, partition: str | None = None
) -> dg.AssetMaterialization:
    shown = version_metadata(LandfastResource(), version)
    return dg.AssetMaterialization(KEY, partition=partition, metadata=shown)


def test_the_version_of_dagsters_record_is_read_though_the_registry_is_ahead(
    instance: dg.DagsterInstance,
    client: landfast.Client,
    raw: dg.AssetsDefinition,
    data: Data,
    place: Path,
) -> None:
    seen: list[ArtifactVersion] = []
    read = reader(seen)
    materialize([raw, read], instance, selection=[raw])
    data("raw", a="2")
    client.log("raw", place)
    data("raw", a="1")
    shown = metadata_of(materialize([raw, read], instance, selection=[read]), "read")
    assert [version.version for version in seen] == ["v0"]
    (row,) = [row.data for row in shown["landfast/inputs"]]
    assert (row["resolved_by"], row["registry_has"]) == ("dagster", "v1")


@pytest.mark.parametrize(
    ("pin", "version"), [("v0", "v0"), ("prod", "v0"), ("latest", "v1"), ("raw:v0", "v0")]
)
def test_an_explicit_pin_wins(
    instance: dg.DagsterInstance,
    client: landfast.Client,
    raw: dg.AssetsDefinition,
    data: Data,
    pin: str,
    version: str,
) -> None:
    seen: list[ArtifactVersion] = []
    read = reader(seen, **{"landfast/version": pin})
    materialize([raw], instance)
    client.promote("raw:v0", "prod")
    data("raw", a="2")
    materialize([raw], instance)
    shown = metadata_of(materialize([raw, read], instance, selection=[read]), "read")
    assert [each.version for each in seen] == [version]
    assert shown["landfast/inputs"][0].data["resolved_by"] == "pin"


def test_a_digest_is_a_pin(
    instance: dg.DagsterInstance, client: landfast.Client, raw: dg.AssetsDefinition, data: Data
) -> None:
    seen: list[ArtifactVersion] = []
    materialize([raw], instance)
    digest = client.get("raw").digest
    data("raw", a="2")
    materialize([raw], instance)
    read = reader(seen, **{"landfast/version": digest})
    materialize([raw, read], instance, selection=[read])
    assert [version.version for version in seen] == ["v0"]


def test_run_config_pins_a_version_without_a_change_of_code(
    instance: dg.DagsterInstance, raw: dg.AssetsDefinition, data: Data
) -> None:
    seen: list[ArtifactVersion] = []
    read = reader(seen)
    materialize([raw], instance)
    data("raw", a="2")
    materialize([raw], instance)
    config = {"resources": {"io": {"config": {"versions": {"raw": "v0"}}}}}
    materialize([raw, read], instance, selection=[read], run_config=config)
    materialize([raw, read], instance, selection=[read], versions={"raw": "v0"})
    materialize([raw, read], instance, selection=[read])
    assert [version.version for version in seen] == ["v0", "v0", "v1"]


def test_a_pin_that_is_not_there_is_an_error_that_names_it(
    instance: dg.DagsterInstance, raw: dg.AssetsDefinition
) -> None:
    materialize([raw], instance)
    read = reader([], **{"landfast/version": "v7"})
    with pytest.raises(landfast.NotFound, match="v7"):
        materialize([raw, read], instance, selection=[read])


def test_a_fresh_instance_reads_the_registrys_latest_and_says_so(
    instance: dg.DagsterInstance, client: landfast.Client, raw: dg.AssetsDefinition, place: Path
) -> None:
    client.log("raw", place)
    seen: list[ArtifactVersion] = []
    read = reader(seen)
    shown = metadata_of(materialize([raw, read], instance, selection=[read]), "read")
    assert shown["landfast/inputs"][0].data["resolved_by"] == "registry"
    assert seen[0].version == "v0"


def test_a_record_of_another_registry_is_not_believed(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data, tmp_path: Path
) -> None:
    other = landfast.Client(f"sqlite:///{tmp_path}/other.db")
    theirs = other.log("raw", data("theirs", a="theirs"))
    ours = client.log("raw", data("raw", a="ours"))
    instance.report_runless_asset_event(materialized(theirs))
    (found,) = resolve(client, instance)
    assert (found.by, found.version.digest) == (ResolvedBy.REGISTRY, ours.digest)


def test_a_deleted_version_falls_back_to_the_registry(
    instance: dg.DagsterInstance, client: landfast.Client, place: Path, data: Data
) -> None:
    first = client.log("raw", place)
    instance.report_runless_asset_event(materialized(first))
    data("raw", a="2")
    client.log("raw", place)
    client.delete(first, delete_aliases=True)
    (found,) = resolve(client, instance)
    assert (found.by, found.version.version) == (ResolvedBy.REGISTRY, "v1")


def test_nothing_at_all_is_an_error_that_names_the_artifact(
    instance: dg.DagsterInstance, client: landfast.Client
) -> None:
    with pytest.raises(landfast.NotFound, match="raw"):
        resolve(client, instance)
    assert resolve(client, instance, missing_ok=True) == []


def test_a_record_that_names_no_version_is_passed_over(
    instance: dg.DagsterInstance, client: landfast.Client, place: Path
) -> None:
    client.log("raw", place)
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
    (found,) = resolve(client, instance)
    assert found.by is ResolvedBy.REGISTRY


@pytest.mark.parametrize(("observable", "version"), [(True, "v0"), (False, "v1"), (None, "v1")])
def test_of_two_kinds_of_records_the_kind_of_the_asset_decides_else_the_newer_one(
    instance: dg.DagsterInstance,
    client: landfast.Client,
    place: Path,
    data: Data,
    observable: bool | None,
    version: str,
) -> None:
    instance.report_runless_asset_event(observed(client.log("raw", place)))
    data("raw", a="2")
    instance.report_runless_asset_event(materialized(client.log("raw", place)))
    (found,) = resolve(client, instance, observable=observable)
    assert (found.by, found.version.version) == (ResolvedBy.DAGSTER, version)


def test_the_latest_observation_decides_also_when_it_names_an_older_version(
    instance: dg.DagsterInstance, client: landfast.Client, place: Path, data: Data
) -> None:
    first = client.log("raw", place)
    data("raw", a="2")
    second = client.log("raw", place)
    for version in (first, second, first):
        instance.report_runless_asset_event(observed(version))
    (found,) = resolve(client, instance, observable=True)
    assert (found.version.version, found.latest) == ("v0", "v1")


class Counting:
    """An instance whose queries are counted."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._instance, name)


def test_many_partitions_take_few_queries(
    instance: dg.DagsterInstance, client: landfast.Client, data: Data, place: Path
) -> None:
    keys = list(PARTS.get_partition_keys())
    old = {key: client.log("raw", place, partition=key) for key in keys}
    data("raw", a="2")
    for key in keys:
        instance.report_runless_asset_event(materialized(old[key], key))
    client.log("raw", place, partition="p03")
    counting: Any = Counting(instance)
    found = {each.partition_key: each for each in resolve(client, counting, partition_keys=keys)}
    assert len(counting.calls) <= 4
    assert list(found) == keys
    assert {each.by for each in found.values()} == {ResolvedBy.DAGSTER}
    assert {each.version.version for each in found.values()} == {"v0"}
    assert [key for key, each in found.items() if each.latest] == ["p03"]


def test_each_partition_is_resolved_by_what_there_is_of_it(
    instance: dg.DagsterInstance, client: landfast.Client, place: Path, data: Data
) -> None:
    keys = list(PARTS.get_partition_keys())[:6]
    first = {key: client.log("raw", place, partition=key) for key in keys[:5]}
    instance.report_runless_asset_event(materialized(first["p00"], "p00"))
    instance.report_runless_asset_event(observed(first["p01"], "p01"))
    data("raw", a="2")
    client.log("raw", place, partition="p02")
    found = resolve(
        client, instance, partition_keys=keys, pin={"p02": "v0", "p03": "raw:v0"}, missing_ok=True
    )
    assert [(each.partition_key, str(each.by)) for each in found] == [
        ("p00", "dagster"),
        ("p01", "dagster"),
        ("p02", "pin"),
        ("p03", "pin"),
        ("p04", "registry"),
    ]
    assert [each.version.version for each in found] == ["v0"] * 5


def test_a_pin_for_all_partitions_may_except_some(
    instance: dg.DagsterInstance, client: landfast.Client, place: Path, data: Data
) -> None:
    for key in ("p00", "p01"):
        client.log("raw", place, partition=key)
    data("raw", a="2")
    for key in ("p00", "p01"):
        client.log("raw", place, partition=key)
    pin = {"*": "v0", "p01": "v1"}
    found = resolve(client, instance, partition_keys=["p00", "p01"], pin=pin)
    assert [each.version.version for each in found] == ["v0", "v1"]


def test_records_of_several_hundred_partitions_are_read_in_chunks(
    instance: dg.DagsterInstance, client: landfast.Client, place: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(records, "_CHUNK", 5)
    keys = list(PARTS.get_partition_keys())
    for key in keys:
        version = client.log("raw", place, partition=key)
        instance.report_runless_asset_event(materialized(version, key))
    found = records.latest(instance, KEY, keys)
    assert set(found) == set(keys)
    assert all(f"~{key}:v0" in said.artifact for key, said in found.items())
