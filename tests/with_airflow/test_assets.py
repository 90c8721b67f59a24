"""artifact_asset: one canonical asset per artifact, and its outlet that emits only on change."""

from __future__ import annotations

import landfast
import pytest
from airflow.sdk import DAG, Asset, AssetAlias
from landfast import full_name
from landfast_provider import artifact_asset
from landfast_provider.assets import inlets_of, is_artifact, name_of


def test_the_same_artifact_is_the_same_asset_however_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANDFAST_PROJECT", "nlp")
    asset = artifact_asset("nlp/corpus")
    assert asset == artifact_asset("default/nlp/corpus") == artifact_asset("corpus")
    assert asset == artifact_asset(asset) == artifact_asset(asset.artifact)
    assert (asset.name, asset.uri) == ("landfast://default/nlp/corpus",) * 2


def test_an_asset_written_by_hand_is_not_a_rival_of_the_canonical_one() -> None:
    by_hand = Asset("landfast://default/nlp/corpus")
    canonical = artifact_asset("nlp/corpus")
    assert (by_hand.name, by_hand.uri) == (canonical.name, canonical.uri)
    assert name_of(by_hand) == canonical.artifact


@pytest.mark.parametrize("partition", ["de", "2026-05/01", "a b+c&d=e~#?", "ä€", "%2F"])
def test_every_partition_survives_the_way_airflow_writes_uris(partition: str) -> None:
    name = landfast.ArtifactName(
        entity="default", project="nlp", collection="corpus", partition=partition
    )
    asset = artifact_asset(name)
    assert asset.name == asset.uri == name.collection_uri
    assert asset.artifact == name
    assert Asset(asset.uri).uri == asset.uri


@pytest.mark.parametrize("name", ["nlp/corpus:v3", "nlp/corpus:prod", "nlp/corpus@lf1:" + "0" * 64])
def test_an_asset_is_no_version(name: str) -> None:
    with pytest.raises(landfast.InvalidInput, match="an asset is the whole artifact"):
        artifact_asset(name)


@pytest.mark.parametrize(
    "uri",
    [
        "landfast://nlp/corpus",
        "landfast://default/nlp/corpus/more",
        "landfast://default/nlp/corpus?version=v1",
    ],
)
def test_airflow_refuses_a_uri_that_is_no_artifact(uri: str) -> None:
    with pytest.raises(ValueError, match="the URI of an artifact's asset"):
        Asset(uri)


def test_another_asset_is_not_taken_for_an_artifact() -> None:
    table = Asset("x-table://warehouse/sales")
    assert not is_artifact(table)
    with pytest.raises(landfast.InvalidInput, match="is not an artifact's"):
        artifact_asset(table)


def test_on_change_is_one_alias_per_artifact() -> None:
    first, second = artifact_asset("nlp/corpus").on_change, artifact_asset("nlp/corpus").on_change
    assert isinstance(first, AssetAlias)
    assert first == second
    assert first != artifact_asset("nlp/other").on_change


def test_project_and_entity_come_from_the_environment_and_never_from_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert str(full_name("corpus")) == "default/uncategorized/corpus"
    monkeypatch.setenv("LANDFAST_PROJECT", "nlp")
    monkeypatch.setenv("LANDFAST_ENTITY", "team")
    assert str(full_name("corpus:v1")) == "team/nlp/corpus:v1"


def test_only_a_literal_name_without_a_version_is_an_inlet() -> None:
    asset = artifact_asset("nlp/corpus")
    assert inlets_of("nlp/corpus") == inlets_of(asset) == [asset]
    assert inlets_of("nlp/corpus:prod") == []
    assert inlets_of("{{ ti.xcom_pull('snapshot') }}") == []


def test_an_asset_survives_the_serialization_of_its_dag() -> None:
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialization
    except ImportError:
        from airflow.serialization.serialized_objects import SerializedDAG as Serialization
    from landfast_provider.operators import LandfastSnapshotOperator

    asset = artifact_asset("nlp/corpus")
    with DAG("d", schedule=[asset]) as dag:
        LandfastSnapshotOperator(task_id="s", artifact=asset, uri="s3://b/c/")
    read = Serialization.deserialize_dag(Serialization.serialize_dag(dag))
    told, produced = read.task_dict["s"].outlets
    assert told.name == asset.on_change.name
    assert (produced.name, produced.uri) == (asset.name, asset.uri)
    (scheduled,) = [found for _, found in read.timetable.asset_condition.iter_assets()]
    assert (scheduled.name, scheduled.uri) == (asset.name, asset.uri)
