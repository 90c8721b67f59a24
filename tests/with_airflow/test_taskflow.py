"""use_artifact and log_reference inside `@task`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from landfast_provider import artifact_asset

FEATURES = artifact_asset("nlp/features")

DAGS = """
    from airflow.sdk import DAG, task
    from landfast_provider import artifact_asset, log_reference, use_artifact

    with DAG("d", schedule=None) as d:
        @task({task})
        def work(**context):
            {body}
        work()
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("A")
    return folder


def add_task(airflow: Any, body: str, task: str = "") -> None:
    airflow.add(DAGS.format(task=task, body=body.replace("\n", "\n" + " " * 12)))


def pins(airflow: Any, node: str = "work") -> dict[str, Any]:
    """Return what the run of a task says of what it read, and why."""
    (record,) = [record for record in airflow.client.runs() if record.key.node == node]
    return record.config.get("pins", {})


def test_what_a_task_used_and_logged_is_in_the_lineage(airflow: Any, data: Path) -> None:
    airflow.client.log("nlp/corpus", str(data))
    add_task(
        airflow,
        f'use_artifact("nlp/corpus:latest")\nreturn log_reference("nlp/features", {str(data)!r}).uri',
        "outlets=[artifact_asset('nlp/features').on_change]",
    )
    run = airflow.run("d")
    assert airflow.xcom(run, "work") == "landfast://default/nlp/features?version=v0"
    lineage = airflow.client.lineage("nlp/features:v0")
    assert [str(name) for name in lineage.upstream] == ["default/nlp/corpus:v0"]
    assert [extra["version"] for extra in airflow.events(FEATURES)] == ["v0"]


def test_what_decided_is_recorded_with_the_run(airflow: Any, data: Path) -> None:
    airflow.client.log("nlp/corpus", str(data), aliases=["prod"])
    add_task(
        airflow,
        'use_artifact("nlp/corpus")\nuse_artifact("nlp/corpus:prod")',
        "inlets=[artifact_asset('nlp/corpus')]",
    )
    airflow.run("d")
    uri = "landfast://default/nlp/corpus?version=v0"
    assert pins(airflow) == {
        "default/nlp/corpus": {"uri": uri, "by": "registry"},
        "default/nlp/corpus:prod": {"uri": uri, "by": "explicit"},
    }


def test_the_newest_event_of_an_inlet_decides_before_the_registry(airflow: Any, data: Path) -> None:
    airflow.add(f"""
        from airflow.sdk import DAG, task
        from landfast_provider import artifact_asset, use_artifact
        from landfast_provider.operators import LandfastSnapshotOperator

        with DAG("d", schedule=None) as d:
            @task(inlets=[artifact_asset("nlp/corpus")])
            def work():
                return use_artifact("nlp/corpus").version
            work()

        with DAG("s", schedule=None) as s:
            LandfastSnapshotOperator(task_id="s", artifact="nlp/corpus", uri={str(data)!r})
    """)
    airflow.run("s")
    (data / "a.txt").write_text("B")
    airflow.client.log("nlp/corpus", str(data))  # nobody told Airflow
    assert airflow.xcom(airflow.run("d"), "work") == "v0"
    assert pins(airflow)["default/nlp/corpus"]["by"] == "inlet event"
    airflow.run("s")
    assert airflow.xcom(airflow.run("d"), "work") == "v1"


def test_a_cleared_task_reads_what_it_read_first_whatever_decided(airflow: Any, data: Path) -> None:
    airflow.client.log("nlp/corpus", str(data))
    add_task(
        airflow,
        'return use_artifact("nlp/corpus").version',
        "inlets=[artifact_asset('nlp/corpus')]",
    )
    run = airflow.run("d")
    (data / "a.txt").write_text("B")
    airflow.client.log("nlp/corpus", str(data))
    assert airflow.xcom(airflow.clear("d", run.run_id, "work"), "work") == "v0"
    assert pins(airflow)["default/nlp/corpus"]["by"] == "registry"
    assert airflow.client.used_by("nlp/corpus:v1") == []
    (used,) = [e for e in airflow.client.lineage("nlp/corpus:v0").edges if e.direction == "used"]
    assert used.run.node == "work"


def test_a_missing_inlet_fails_the_task_and_says_so(
    airflow: Any, data: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    airflow.client.log("nlp/corpus", str(data))
    add_task(airflow, 'use_artifact("nlp/corpus")')
    assert airflow.states(airflow.run("d")) == {"work": "failed"}
    out, err = capfd.readouterr()
    assert "inlets=[artifact_asset('default/nlp/corpus')]" in out + err + caplog.text


def test_unchanged_content_fails_a_task_whose_outlet_is_the_asset_itself(
    airflow: Any, data: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    add_task(
        airflow,
        f'log_reference("nlp/features", {str(data)!r})',
        "outlets=[artifact_asset('nlp/features')]",
    )
    assert airflow.states(airflow.run("d")) == {"work": "success"}
    assert airflow.states(airflow.run("d")) == {"work": "failed"}
    out, err = capfd.readouterr()
    assert "outlets=[artifact_asset('default/nlp/features').on_change]" in out + err + caplog.text
    (data / "a.txt").write_text("B")
    assert airflow.states(airflow.run("d")) == {"work": "success"}
    assert [extra["version"] for extra in airflow.events(FEATURES)] == ["v0", "v1"]


def test_a_try_that_ends_between_commit_and_event_is_announced_by_the_next_once(
    airflow: Any, data: Path
) -> None:
    add_task(
        airflow,
        f'version = log_reference("nlp/features", {str(data)!r})\n'
        'if context["ti"].try_number == 1: raise RuntimeError("lost power")\n'
        "return [version.version, version.changed]",
        "outlets=[artifact_asset('nlp/features').on_change], retries=1, retry_delay=0",
    )
    run = airflow.run("d")
    assert airflow.states(run) == {"work": "success"}
    assert airflow.xcom(run, "work") == ["v0", False]
    (change,) = airflow.client.changes()
    assert [extra["change"] for extra in airflow.events(FEATURES)] == [change.id]
    (record,) = airflow.client.runs()
    assert (record.attempt, record.status) == (2, "finished")
    airflow.run("d")
    assert len(airflow.events(FEATURES)) == 1


def test_a_failed_task_announces_nothing_and_the_next_run_does(airflow: Any, data: Path) -> None:
    flag = data.parent / "go"
    add_task(
        airflow,
        f'log_reference("nlp/features", {str(data)!r})\n'
        f"import os\nif not os.path.exists({str(flag)!r}): raise RuntimeError('not yet')",
        "outlets=[artifact_asset('nlp/features').on_change]",
    )
    assert airflow.states(airflow.run("d")) == {"work": "failed"}
    assert airflow.events(FEATURES) == []
    flag.touch()
    airflow.run("d")
    assert [extra["version"] for extra in airflow.events(FEATURES)] == ["v0"]


def test_the_indexes_of_a_mapped_task_are_runs_of_their_own(airflow: Any, data: Path) -> None:
    airflow.client.log("nlp/corpus", str(data))
    airflow.add("""
        from airflow.sdk import DAG, task
        from landfast_provider import use_artifact

        with DAG("d", schedule=None) as d:
            @task
            def work(number):
                use_artifact("nlp/corpus:latest")
            work.expand(number=[1, 2, 3])
    """)
    airflow.run("d")
    users = airflow.client.used_by("nlp/corpus:v0")
    assert sorted(record.key.part for record in users) == ["0", "1", "2"]


def test_outside_of_a_task_there_is_an_error_and_no_run(airflow: Any, data: Path) -> None:
    from landfast_provider import use_artifact

    with pytest.raises(RuntimeError, match="context"):
        use_artifact("nlp/corpus:latest")
    assert list(airflow.client.runs()) == []
