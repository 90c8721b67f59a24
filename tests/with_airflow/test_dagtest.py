"""DAGs run by `dag.test()` and by the scheduler's own steps: what fires, what is read, what is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from landfast_provider import artifact_asset

CORPUS = artifact_asset("nlp/corpus")

PIPELINE = """
    from airflow.sdk import DAG, dag, task
    from landfast_provider import artifact_asset, log_reference, use_artifact
    from landfast_provider.operators import LandfastSnapshotOperator

    with DAG("snapshots", schedule=None) as snapshots:
        LandfastSnapshotOperator(
            task_id="snapshot", artifact="nlp/corpus", uri={data!r}, on_unchanged={on_unchanged!r}
        )

    @dag(schedule=[artifact_asset("nlp/corpus")])
    def training():
        @task
        def train():
            corpus = use_artifact("nlp/corpus")
            with corpus.open("a.txt") as file:
                return [corpus.version, file.read().decode()]
        train()

    training = training()
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("A")
    return folder


@pytest.fixture
def pipeline(airflow: Any, data: Path) -> Any:
    airflow.add(PIPELINE.format(data=str(data), on_unchanged="no_event"))
    return airflow


def versions_of(airflow: Any) -> list[str]:
    return [extra["version"] for extra in airflow.events(CORPUS)]


def read_by(airflow: Any) -> list[Any]:
    """Run what the assets ask for, and return what each run read."""
    return [airflow.xcom(run, "train") for run in airflow.triggered("training")]


def test_a_change_fires_the_consumer_which_reads_the_version_that_fired_it(
    pipeline: Any, data: Path
) -> None:
    pipeline.run("snapshots")
    # Something newer is there before the consumer starts: it reads what fired it nevertheless.
    (data / "a.txt").write_text("newer")
    pipeline.client.log("nlp/corpus", str(data))
    (data / "a.txt").write_text("A")
    assert read_by(pipeline) == [["v0", "A"]]


def test_unchanged_content_fires_nothing_and_a_change_after_it_fires_once(
    pipeline: Any, data: Path
) -> None:
    pipeline.run("snapshots")
    assert read_by(pipeline) == [["v0", "A"]]
    pipeline.run("snapshots")
    assert read_by(pipeline) == []
    (data / "a.txt").write_text("B")
    pipeline.run("snapshots")
    assert read_by(pipeline) == [["v1", "B"]]
    assert read_by(pipeline) == []
    assert versions_of(pipeline) == ["v0", "v1"]


def test_content_a_b_a_fires_three_times_and_the_third_reads_v0(pipeline: Any, data: Path) -> None:
    read = []
    for content in "ABA":
        (data / "a.txt").write_text(content)
        pipeline.run("snapshots")
        read += read_by(pipeline)
    assert read == [["v0", "A"], ["v1", "B"], ["v0", "A"]]
    changes = [extra["change"] for extra in pipeline.events(CORPUS)]
    assert len(set(changes)) == 3


def test_clearing_a_task_reads_the_same_version_again_and_adds_no_edge(
    pipeline: Any, data: Path
) -> None:
    pipeline.run("snapshots")
    (run,) = pipeline.triggered("training")
    before = pipeline.client.used_by("nlp/corpus:v0")
    edges = pipeline.client.lineage("nlp/corpus:v0").edges
    (data / "a.txt").write_text("B")
    pipeline.client.log("nlp/corpus", str(data))
    (data / "a.txt").write_text("A")
    again = pipeline.clear("training", run.run_id, "train")
    assert pipeline.states(again) == {"train": "success"}
    assert pipeline.xcom(again, "train") == ["v0", "A"]
    after = pipeline.client.used_by("nlp/corpus:v0")
    assert [record.key for record in after] == [record.key for record in before]
    assert after[0].attempt > before[0].attempt
    assert pipeline.client.lineage("nlp/corpus:v0").edges == edges
