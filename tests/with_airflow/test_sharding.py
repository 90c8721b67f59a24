"""A large scan in mapped tasks: one version, and the digest of an unsharded one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from landfast_provider import artifact_asset


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for number in range(40):
        path = folder / f"part-{number % 4}" / f"{number:03} ä.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    return folder


def add_shards(airflow: Any, data: Path, shards: int, more: str = "") -> None:
    airflow.add(f"""
        from airflow.sdk import DAG
        from landfast_provider.operators import LandfastPromoteOperator, sharded_snapshot

        with DAG("d", schedule=None) as d:
            last = sharded_snapshot(
                "big", artifact="web/logs", uri={f"{data}/"!r}, shards={shards}, {more}
            )
            LandfastPromoteOperator(task_id="promote", artifact=last.output, alias="prod")
    """)


def test_mapped_shards_make_one_version_with_the_digest_of_an_unsharded_scan(
    airflow: Any, data: Path
) -> None:
    add_shards(airflow, data, 3)
    run = airflow.run("d")
    states = airflow.states(run)
    assert set(states.values()) == {"success"}
    assert {name for name in states if name.startswith("big.scan")} == {
        f"big.scan[{number}]" for number in range(3)
    }
    (version,) = airflow.client.versions("web/logs")
    assert version.file_count == 40
    assert version.digest == airflow.client.probe(f"{data}/")
    assert airflow.client.get("web/logs:prod") == version
    assert version.logged_by().key.node == "big.commit"


@pytest.mark.system
def test_any_number_of_shards_is_one_version(airflow: Any, data: Path) -> None:
    for shards in (1, 2, 7, 64):
        add_shards(airflow, data, shards)
        assert set(airflow.states(airflow.run("d")).values()) == {"success"}
    (version,) = airflow.client.versions("web/logs")
    assert version.digest == airflow.client.probe(f"{data}/")


def test_only_the_commit_announces_and_only_a_change(airflow: Any, data: Path) -> None:
    add_shards(airflow, data, 2)
    asset = artifact_asset("web/logs")
    airflow.run("d")
    airflow.run("d")
    assert len(airflow.events(asset)) == 1
    (data / "part-3" / "new.csv").write_text("new")
    airflow.run("d")
    assert [extra["version"] for extra in airflow.events(asset)] == ["v0", "v1"]


def test_filters_and_limits_hold_for_all_shards_together(airflow: Any, data: Path) -> None:
    add_shards(airflow, data, 2, 'scan={"include": ["part-0/*"], "max_objects": 10}')
    assert set(airflow.states(airflow.run("d")).values()) == {"success"}
    assert airflow.client.get("web/logs").file_count == 10
    add_shards(airflow, data, 2, 'scan={"max_objects": 39}')
    states = airflow.states(airflow.run("d"))
    assert states["promote"] == "upstream_failed"
    assert len(airflow.client.versions("web/logs")) == 1


def test_what_travels_by_xcom_does_not_grow_with_the_number_of_objects(
    airflow: Any, data: Path
) -> None:
    add_shards(airflow, data, 2)
    run = airflow.run("d")
    small = [len(airflow.xcom(run, "big.plan")[0]), len(airflow.xcom(run, "big.scan"))]
    for number in range(400):
        (data / f"more-{number:03}.csv").write_text("x")
    run = airflow.run("d")
    large = [len(airflow.xcom(run, "big.plan")[0]), len(airflow.xcom(run, "big.scan"))]
    assert max(b - a for a, b in zip(small, large, strict=True)) < 200
