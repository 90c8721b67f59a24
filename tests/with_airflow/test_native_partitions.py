"""Airflow's own partitions (3.2 and newer): a change of one starts DAGs with a partitioned timetable, by its key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import landfast
import pytest
from landfast_provider import artifact_asset

airflow_sdk = pytest.importorskip("airflow.sdk")
if not hasattr(airflow_sdk, "PartitionedAssetTimetable"):
    pytest.skip("this Airflow has no partitions of its own", allow_module_level=True)

ORDERS = artifact_asset("sales/orders")

DAGS = """
    from airflow.sdk import DAG, PartitionedAssetTimetable, PartitionedAtRuntime, dag, task
    from landfast_provider import artifact_asset, log_reference, use_artifact, use_artifacts
    from landfast_provider.operators import LandfastSnapshotOperator

    orders = artifact_asset("sales/orders")

    @dag(schedule=None)
    def produce():
        @task(outlets=[orders.on_change])
        def record(**context):
            for key, place in context["params"].items():
                log_reference(orders, place, partition=key or None)
        record()
    produce()

    with DAG("snapshot", schedule=None):
        LandfastSnapshotOperator(
            task_id="snapshot", artifact=orders, uri="{data}/{{{{ params.key }}}}/",
            partition="{{{{ params.key }}}}", params={{"key": "a"}},
        )

    @dag(schedule=PartitionedAssetTimetable(assets=orders))
    def by_partition():
        @task
        def read(dag_run=None):
            version = use_artifact(orders)
            every = [each.qualified_name for each in use_artifacts(orders, declared=True)]
            return [dag_run.partition_key, version.partition, version.qualified_name, every]
        read()
    by_partition()

    @dag(schedule=[orders])
    def by_change():
        @task
        def read():
            return sorted(version.qualified_name for version in use_artifacts(orders))
        read()
    by_change()
"""

Record = Callable[..., None]


@pytest.fixture
def shop(airflow: Any, tmp_path: Path) -> Any:
    airflow.add(DAGS.format(data=tmp_path / "data"))
    return airflow


@pytest.fixture
def record(shop: Any, tmp_path: Path) -> Record:
    """Write a text to each partition, and let one task log them all."""

    def record(**texts: str) -> None:
        places = {}
        for key, text in texts.items():
            folder = tmp_path / "data" / key
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "a.txt").write_text(text)
            places[key] = str(folder)
        shop.dag("produce").params = places
        assert shop.run("produce", run_conf=places).state == "success"

    return record


def routed(shop: Any) -> list[list[Any]]:
    """Run what partitions ask for; return key, partition and version of each run."""
    return sorted(shop.xcom(run, "read") for run in shop.triggered("by_partition"))


def read(key: str, version: str) -> list[Any]:
    name = f"default/sales/orders~{key}:{version}"
    return [key, key, name, [name]]


def test_a_partition_starts_a_partitioned_dag_with_its_key(shop: Any, record: Record) -> None:
    record(a="1")
    assert [said["partition"] for said in shop.events(ORDERS, keyed=True)] == ["a"]
    assert len(shop.events(ORDERS)) == 1
    assert routed(shop) == [read("a", "v0")]
    record(a="1")
    assert routed(shop) == []
    record(a="2")
    assert routed(shop) == [read("a", "v1")]


def test_each_of_several_partitions_of_one_task_starts_a_run_that_reads_it(
    shop: Any, record: Record
) -> None:
    record(a="1", b="1", c="1")
    assert routed(shop) == [read(key, "v0") for key in "abc"]
    record(a="1", b="2", c="2")
    assert routed(shop) == [read("b", "v1"), read("c", "v1")]


def test_dags_without_partitions_start_as_before(shop: Any, record: Record) -> None:
    record(a="1", b="1")
    names = ["default/sales/orders~a:v0", "default/sales/orders~b:v0"]
    assert [shop.xcom(run, "read") for run in shop.triggered("by_change")] == [names]
    record(b="2")
    found = [shop.xcom(run, "read") for run in shop.triggered("by_change")]
    assert found == [["default/sales/orders~b:v1"]]


def test_of_very_many_partitions_each_run_still_reads_its_own(
    shop: Any, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landfast_provider.events.MOST_SAID", 1)
    record(a="1", b="1")
    assert shop.events(ORDERS, keyed=True) == [{"partitions": {}}] * 2
    assert routed(shop) == [read("a", "v0"), read("b", "v0")]


def test_a_snapshot_says_its_partition_too(shop: Any, tmp_path: Path) -> None:
    (tmp_path / "data" / "a").mkdir(parents=True)
    (tmp_path / "data" / "a" / "x.txt").write_text("1")
    assert shop.run("snapshot").state == "success"
    assert routed(shop) == [read("a", "v0")]


def test_a_key_that_airflow_has_no_room_for_is_logged_without_one(
    shop: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.txt").write_text("1")
    places = {"k" * 251: str(tmp_path / "x.txt")}
    shop.dag("produce").params = places
    assert shop.run("produce", run_conf=places).state == "success"
    assert len(shop.events(ORDERS)) == 1
    assert "Airflow takes no partition" in caplog.text + "".join(capfd.readouterr())
    assert landfast.Client(shop.registry).partitions("sales/orders").keys() == {"k" * 251}
    assert routed(shop) == []
