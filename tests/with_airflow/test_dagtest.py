"""A DAG run by `dag.test()`: what fires, what is read, what is left in the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from landfast_provider import artifact_asset

SNAPSHOT = """
    from airflow.sdk import DAG
    from landfast_provider.operators import LandfastSnapshotOperator

    with DAG("snapshots", schedule=None) as snapshots:
        LandfastSnapshotOperator(task_id="snapshot", artifact="nlp/corpus", uri={data!r})
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("one")
    return folder


def test_a_snapshot_emits_an_event_for_a_change_only(airflow, data: Path) -> None:
    airflow.add(SNAPSHOT.format(data=str(data)))
    run = airflow.run("snapshots")
    assert airflow.states(run) == {"snapshot": "success"}
    assert [e["version"] for e in airflow.events(artifact_asset("nlp/corpus"))] == ["v0"]
    airflow.run("snapshots")
    assert [e["version"] for e in airflow.events(artifact_asset("nlp/corpus"))] == ["v0"]
