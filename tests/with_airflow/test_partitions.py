"""Consumers of an artifact with partitions: nothing that is new is lost, nothing is read that nobody asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import landfast
import pytest
from landfast_provider import artifact_asset

ORDERS = artifact_asset("sales/orders")

DAGS = """
    from pathlib import Path

    from airflow.sdk import dag, task
    from landfast_provider import artifact_asset, log_reference, use_artifact, use_artifacts

    orders = artifact_asset("sales/orders")
    broken = Path({broken!r})

    @dag(schedule=None)
    def produce():
        @task(outlets=[orders.on_change])
        def record(**context):
            for key, place in context["params"].items():
                log_reference(orders, place, partition=key)
        record()
    produce()

    @dag(schedule=[orders])
    def consume():
        @task
        def changed():
            return [version.uri for version in use_artifacts(orders, declared=True)]
        @task
        def work(uri):
            if broken.exists():
                raise RuntimeError("broken")
            return use_artifact(uri).qualified_name
        work.expand(uri=changed())
    consume()

    @dag(schedule=[orders])
    def read_all():
        @task
        def read():
            return [version.qualified_name for version in use_artifacts(orders)]
        read()
    read_all()

    @dag(schedule=[orders])
    def read_one():
        @task
        def read():
            return use_artifact(orders).qualified_name
        read()
    read_one()
"""

Record = Callable[..., None]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return tmp_path / "broken"


@pytest.fixture
def shop(airflow: Any, broken: Path) -> Any:
    airflow.add(DAGS.format(broken=str(broken)))
    return airflow


@pytest.fixture
def record(shop: Any, tmp_path: Path) -> Record:
    """Write a text to each partition, and let one task log them all."""

    def record(**texts: str) -> None:
        for key, text in texts.items():
            (tmp_path / key).mkdir(exist_ok=True)
            (tmp_path / key / "a.txt").write_text(text)
        places = {key: str(tmp_path / key) for key in texts}
        shop.dag("produce").params = places
        assert shop.run("produce", run_conf=places).state == "success"

    return record


def read(shop: Any, dag_id: str = "read_all", task_id: str = "read") -> list[Any]:
    """Run what the assets ask for, and return what each run read."""
    return [shop.xcom(run, task_id) for run in shop.triggered(dag_id)]


def used(shop: Any, direction: landfast.Direction, dag_id: str) -> list[str]:
    """Return what the registry says that a DAG used."""
    by = landfast.RunKey(system="airflow", deployment="", run_id=f"{dag_id}/")
    found = [
        edge
        for record in shop.client.runs()
        if record.key.run_id.startswith(by.run_id)
        for edge in shop.client.registry.edges(runs=[record.key])
    ]
    return sorted(str(edge.version) for edge in found if edge.direction is direction)


def names(*keys: str, version: str = "v0") -> list[str]:
    return [f"default/sales/orders~{key}:{version}" for key in keys]


def test_mend_33_all_partitions_that_one_task_logged_reach_the_consumer(
    shop: Any, record: Record
) -> None:
    record(a="1", b="1", c="1", d="1")
    assert read(shop) == [names("a", "b", "c", "d")]


def test_mend_33_what_a_run_read_is_not_read_again_by_the_next(shop: Any, record: Record) -> None:
    record(a="1", b="1", c="1")
    assert read(shop) == [names("a", "b", "c")]
    # Airflow hands the events of b and c to this run.
    record(d="1", b="2")
    assert read(shop) == [[*names("d"), *names("b", version="v1")]]
    record(a="1", b="2")
    assert read(shop) == []


def test_mend_33_the_newest_change_of_each_partition_counts_and_content_that_returns_is_one(
    shop: Any, record: Record
) -> None:
    record(a="1", b="1")
    assert read(shop) == [names("a", "b")]
    record(a="2")
    record(b="2")
    record(a="1")
    found = read(shop)
    assert [sorted(one) for one in found] == [sorted([*names("a"), *names("b", version="v1")])]


def test_mend_33_partitions_are_mapped_over_and_lineage_says_who_read_them(
    shop: Any, record: Record
) -> None:
    record(a="1", b="1", c="1")
    [run] = shop.triggered("consume")
    assert shop.states(run) == {
        "changed": "success",
        **{f"work[{index}]": "success" for index in range(3)},
    }
    assert used(shop, landfast.Direction.USED, "consume") == names("a", "b", "c")
    readers = shop.client.used_by("sales/orders~b:v0")
    assert ("work", "1") in [(each.key.node, each.key.part) for each in readers]


def test_mend_33_what_a_failed_run_was_to_read_comes_with_the_next(
    shop: Any, record: Record, broken: Path
) -> None:
    broken.touch()
    record(a="1", b="1")
    [failed] = shop.triggered("consume")
    assert failed.state == "failed"
    broken.unlink()
    record(c="1")
    [found] = read(shop, "consume", "changed")
    assert found == [f"landfast://default/sales/orders?version=v0&partition={key}" for key in "abc"]


def test_mend_33_a_cleared_task_reads_the_same_partitions_again(shop: Any, record: Record) -> None:
    record(a="1", b="1")
    [run] = shop.triggered("read_all")
    record(a="2", c="1")
    again = shop.clear("read_all", run.run_id, "read")
    assert shop.xcom(again, "read") == names("a", "b")
    assert used(shop, landfast.Direction.USED, "read_all") == names("a", "b")


def test_mend_33_one_asked_for_and_several_triggered_is_an_error_that_names_them(
    shop: Any, record: Record, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    record(a="1", b="1", c="1")
    [run] = shop.triggered("read_one")
    assert run.state == "failed"
    out, err = capfd.readouterr()
    told = out + err + caplog.text
    assert "3 partitions of default/sales/orders triggered this run" in told
    assert "use_artifacts('default/sales/orders')" in told
    assert used(shop, landfast.Direction.USED, "read_one") == []
    assert used(shop, landfast.Direction.DECLARED, "read_one") == []


def test_mend_33_one_partition_alone_is_read_by_who_asks_for_one(shop: Any, record: Record) -> None:
    for key in ("a", "b"):
        record(**{key: "1"})
        assert read(shop, "read_one") == names(key)
    assert used(shop, landfast.Direction.USED, "read_one") == names("a", "b")


def test_mend_33_a_run_by_hand_reads_what_no_successful_run_has_read(
    shop: Any, record: Record
) -> None:
    record(a="1", b="1")
    assert read(shop) == [names("a", "b")]
    record(b="2", c="1")
    by_hand = shop.run("read_all")
    assert shop.xcom(by_hand, "read") == [*names("b", version="v1"), *names("c")]
    assert shop.xcom(shop.run("read_all"), "read") == []
