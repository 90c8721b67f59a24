"""snapshot_dags: what Airflow finds in a file that calls it, and what the DAGs do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import landfast
import pytest
from landfast_provider import artifact_asset

CONFIG = """
snapshots:
  - name: vision/flowers
    uri: {data}/flowers/
    schedule: "0 6 * * *"
    include: ["*.jpg"]
    aliases: [newest]
    description: Pictures
  - name: sales/orders
    uri: {data}/orders/dt={{partition_key}}/
"""
DAGS = """
    # Airflow looks for DAGs in files that have both words.
    from landfast_provider import snapshot_dags

    found = snapshot_dags("snapshots.yaml")
    flowers, orders = found.values()
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for path in ("flowers/a.jpg", "flowers/notes.txt", "orders/dt=2026-05-01/a.csv"):
        file = tmp_path / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    return tmp_path / "data"


@pytest.fixture
def snapshots(airflow: Any, data: Path) -> Any:
    (airflow.dags / "snapshots.yaml").write_text(CONFIG.format(data=data))
    airflow.add(DAGS)
    return airflow


def test_airflow_finds_a_dag_for_each_entry(snapshots: Any) -> None:
    from tests.with_airflow.parsing import parse

    bag = parse(snapshots.dags)
    assert not bag.import_errors
    assert {dag.dag_id: dag.description for dag in bag.dags.values()} == {
        "snapshot.vision.flowers": "Pictures",
        "snapshot.sales.orders": "Record sales/orders",
    }
    flowers, orders = bag.dags["snapshot.vision.flowers"], bag.dags["snapshot.sales.orders"]
    assert flowers.schedule == "0 6 * * *"
    assert orders.schedule is None
    assert not flowers.catchup
    assert flowers.default_args["retries"] == 2


def test_a_run_records_what_the_entry_says_and_announces_it(snapshots: Any) -> None:
    run = snapshots.run("snapshot.vision.flowers")
    assert run.state == "success"
    version = snapshots.client.get("vision/flowers:newest")
    assert [entry.path for entry in version.entries()] == ["a.jpg"]
    assert version.description == "Pictures"
    snapshots.run("snapshot.vision.flowers")
    [event] = snapshots.events(artifact_asset("vision/flowers"))
    assert event["uri"] == version.uri


def test_a_partition_is_named_by_hand_or_is_the_day_of_the_run(snapshots: Any, data: Path) -> None:
    from datetime import UTC, datetime

    day = data / "orders" / "dt=2026-05-02"
    day.mkdir()
    (day / "a.csv").write_text("other")
    of_the_day = snapshots.run(
        "snapshot.sales.orders", logical_date=datetime(2026, 5, 2, 3, tzinfo=UTC)
    )
    assert of_the_day.state == "success"
    by_hand = snapshots.run("snapshot.sales.orders", run_conf={"partition_key": "2026-05-01"})
    assert by_hand.state == "success"
    assert sorted(snapshots.client.partitions("sales/orders")) == ["2026-05-01", "2026-05-02"]


def test_a_mistake_in_the_file_is_an_import_error_that_names_the_line(
    snapshots: Any, data: Path
) -> None:
    from tests.with_airflow.parsing import parse

    (snapshots.dags / "snapshots.yaml").write_text(CONFIG.format(data=data) + "    shedule: x\n")
    bag = parse(snapshots.dags)
    [error] = bag.import_errors.values()
    assert "snapshots.yaml" in error
    assert "unknown key 'shedule'" in error


def test_arguments_go_to_every_dag_and_operator(snapshots: Any) -> None:
    from landfast_provider import snapshot_dags

    made = snapshot_dags(
        snapshots.dags / "snapshots.yaml",
        prefix="nightly.",
        aws_conn_id="minio",
        partition_key="{{ macros.ds_add(ds, -1) }}",
        tags=["team"],
    )
    assert list(made) == ["nightly.vision.flowers", "nightly.sales.orders"]
    for dag in made.values():
        assert dag.tags == {"team"}
        assert dag.task_dict["snapshot"].aws_conn_id == "minio"
    orders = made["nightly.sales.orders"].task_dict["snapshot"]
    assert orders.partition_key == "{{ macros.ds_add(ds, -1) }}"


def test_a_file_that_is_missing_is_named(registry: str, tmp_path: Path) -> None:
    from landfast_provider import snapshot_dags

    with pytest.raises(landfast.NotFound, match=r"no\.yaml"):
        snapshot_dags(tmp_path / "no.yaml")


VERIFY = """
verify:
  - name: vision/flowers
    aliases: [newest, latest]
    schedule: "0 * * * *"
  - aliases: [newest]
    fail_on: never
"""


def test_what_the_file_verifies_is_a_dag_that_fails_as_it_says(airflow: Any, data: Path) -> None:
    from tests.with_airflow.parsing import parse

    (airflow.dags / "snapshots.yaml").write_text(CONFIG.format(data=data) + VERIFY)
    airflow.add("""
        # Airflow looks for DAGs in files that have both words.
        from landfast_provider import snapshot_dags

        found = snapshot_dags("snapshots.yaml")
        flowers, orders, of_flowers, of_project = found.values()
    """)
    bag = parse(airflow.dags)
    assert not bag.import_errors
    one, every = bag.dags["verify.vision.flowers.newest-latest"], bag.dags["verify.newest"]
    assert (one.schedule, every.schedule) == ("0 * * * *", None)
    assert one.description == "Verify vision/flowers:newest,latest"
    airflow.run("snapshot.vision.flowers")
    assert airflow.run(one.dag_id).state == "success"
    (data / "flowers" / "a.jpg").write_text("other")
    run = airflow.run(one.dag_id)
    assert airflow.states(run) == {"verify": "failed"}
    (told,) = airflow.xcom(run, "verify", "report")
    assert (told["version"], told["verdict"]) == ("default/vision/flowers:v0", "changed")
    airflow.client.log("corpus", str(data), aliases=["newest"])
    assert airflow.run(every.dag_id).state == "success"
    changes = airflow.client.changes(verdicts=True)
    assert [row.verdict.verdict for row in changes if row.verdict] == ["changed"]


def test_a_mistake_in_what_is_verified_names_the_line(snapshots: Any) -> None:
    from tests.with_airflow.parsing import parse

    wrong = "verify:\n  - aliases: [prod]\n    every: 1h\n"
    (snapshots.dags / "snapshots.yaml").write_text(wrong)
    [error] = parse(snapshots.dags).import_errors.values()
    assert "snapshots.yaml, line 3: unknown key 'every'" in error
