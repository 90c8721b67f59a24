"""Sensors: what counts as news, in all three modes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import landfast
import pytest
from airflow.models.dagrun import DagRun
from airflow.sdk import DAG
from landfast_provider import artifact_asset
from landfast_provider.sensors import LandfastArtifactSensor, LandfastPrefixSensor

WAITING = """
    from airflow.sdk import DAG, task
    from landfast_provider import artifact_asset, use_artifact
    from landfast_provider.sensors import LandfastArtifactSensor, LandfastPrefixSensor

    with DAG("waiting", schedule=None, default_args={{"retries": 0}}) as waiting:
        wait = {sensor}

        @task
        def after(found):
            {after}

        after(wait.output)
"""

MODES = {
    "poke": 'mode="poke", poke_interval=0.05',
    "reschedule": 'mode="reschedule", poke_interval=0.05',
}
DEFERRED = "deferrable=True, poke_interval=0.05"  # in `dag.test()` nothing ends a trigger's wait


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("A")
    return folder


class Waiting:
    """A DAG with a sensor, and the data that it waits for."""

    def __init__(self, airflow: Any, data: Path) -> None:
        self.airflow = airflow
        self.data = data
        self.client: landfast.Client = airflow.client

    def add(self, kind: str, arguments: str, after: str = "return found") -> None:
        sensor = f'{kind}(task_id="wait", {arguments})'
        self.airflow.add(WAITING.format(sensor=sensor, after=after))

    def log(self, text: str, **options: Any) -> landfast.ArtifactVersion:
        (self.data / "a.txt").write_text(text)
        return self.client.log("nlp/corpus", self.data, **options)

    def run(self) -> DagRun:
        return self.airflow.run("waiting")

    def found(self) -> Any:
        """Run the DAG; return what its sensor found, None if it gave up waiting."""
        run = self.run()
        states = self.airflow.states(run)
        if states["wait"] == "success":
            assert run.state == "success", states
            return self.airflow.xcom(run, "wait")
        assert states == {"wait": "failed", "after": "upstream_failed"}
        return None

    def found_after(self, change: Callable[[], object]) -> Any:
        """Run the DAG; let something change once its sensor waits in the triggerer."""
        with ThreadPoolExecutor(1) as beside:
            changed = beside.submit(lambda: (time.sleep(2), change()))
            found = self.found()
            changed.result()
        return found


@pytest.fixture
def waiting(airflow: Any, data: Path) -> Waiting:
    return Waiting(airflow, data)


@pytest.mark.parametrize("mode", MODES)
def test_a_version_is_news_until_a_successful_run_of_the_dag_had_it(
    waiting: Waiting, mode: str
) -> None:
    waiting.add("LandfastArtifactSensor", f'artifact="nlp/corpus", timeout=0.5, {MODES[mode]}')
    assert waiting.found() is None
    first = waiting.log("A")
    assert waiting.found() == first.uri
    assert waiting.found() is None
    second = waiting.log("B")
    assert waiting.found() == second.uri
    waiting.log("A")
    assert waiting.found() == first.uri
    assert waiting.found() is None


def test_a_deferred_sensor_finds_the_version_that_comes_in(waiting: Waiting) -> None:
    waiting.add("LandfastArtifactSensor", f'artifact="nlp/corpus", {DEFERRED}')
    first = waiting.log("A")
    assert waiting.found() == first.uri
    found = waiting.found_after(lambda: waiting.log("B"))
    assert found == waiting.client.get("nlp/corpus:v1").uri
    [*_, edge] = waiting.client.uses("nlp/corpus")
    assert (edge.run.node, edge.direction.value, edge.version.index) == ("wait", "declared", 1)


def test_a_deferred_sensor_finds_what_is_written_at_a_place(waiting: Waiting) -> None:
    place = f'uri={str(waiting.data)!r}, against="nlp/corpus"'
    waiting.add("LandfastPrefixSensor", f"{place}, {DEFERRED}")
    waiting.log("A")
    new = waiting.data.parent / "b.txt"
    new.write_text("B")
    # At once: the sensor may look at any moment.
    found = waiting.found_after(lambda: new.rename(waiting.data / "a.txt"))
    assert found == waiting.client.probe(waiting.data)


def test_a_version_stays_news_while_the_runs_that_had_it_fail(waiting: Waiting) -> None:
    waiting.add(
        "LandfastArtifactSensor",
        'artifact="nlp/corpus", timeout=0.5, poke_interval=0.05',
        after="1 / 0",
    )
    version = waiting.log("A")
    for _ in range(2):
        run = waiting.run()
        assert waiting.airflow.states(run) == {"wait": "success", "after": "failed"}
        assert waiting.airflow.xcom(run, "wait") == version.uri


def test_what_a_task_used_counts_more_than_what_came_in_meanwhile(waiting: Waiting) -> None:
    waiting.add(
        "LandfastArtifactSensor",
        'artifact="nlp/corpus", timeout=0.5, poke_interval=0.05',
        after="return use_artifact(found).version",
    )
    first = waiting.log("A")
    assert waiting.found() == first.uri
    second = waiting.log("B")
    assert waiting.found() == second.uri
    [*_, edge] = waiting.client.uses("nlp/corpus")
    assert (edge.run.node, edge.direction.value, edge.version.index) == ("after", "used", 1)


def test_after_says_which_version_is_no_news(waiting: Waiting) -> None:
    version = waiting.log("A")
    for after in ("v0", "nlp/corpus:v0", version.uri):
        waiting.add(
            "LandfastArtifactSensor",
            f'artifact="nlp/corpus", after={after!r}, timeout=0, poke_interval=0.05',
        )
        assert waiting.found() is None
    second = waiting.log("B")
    assert waiting.found() == second.uri
    assert waiting.found() == second.uri


def test_a_partition_is_waited_for_alone(waiting: Waiting) -> None:
    waiting.add(
        "LandfastArtifactSensor",
        'artifact=artifact_asset("nlp/corpus"), partition="{{ dag.dag_id }}", timeout=0,'
        " poke_interval=0.05",
    )
    waiting.log("A", partition="other")
    assert waiting.found() is None
    version = waiting.log("A", partition="waiting")
    assert waiting.found() == version.uri


@pytest.mark.parametrize("mode", MODES)
def test_a_place_is_compared_with_what_is_recorded(waiting: Waiting, mode: str) -> None:
    waiting.add(
        "LandfastPrefixSensor",
        f'uri={str(waiting.data)!r}, against="nlp/corpus", timeout=0.5, {MODES[mode]}',
    )
    first = waiting.found()
    assert first == waiting.log("A").digest
    assert waiting.found() is None
    (waiting.data / "a.txt").write_text("B")
    assert waiting.found() == waiting.client.probe(waiting.data)
    assert waiting.found() is not None, "it has no memory: what is not recorded is news"
    waiting.log("B")
    assert waiting.found() is None


def test_a_place_that_is_missing_is_waited_for(waiting: Waiting) -> None:
    missing = waiting.data.parent / "missing"
    waiting.add(
        "LandfastPrefixSensor",
        f'uri="{missing}/", against="nlp/corpus", include=["*.txt"], timeout=0, poke_interval=0.05',
    )
    assert waiting.found() is None
    missing.mkdir()
    (missing / "b.csv").write_text("not included")
    assert waiting.found() is None
    (missing / "b.txt").write_text("B")
    assert waiting.found() == waiting.client.probe(missing, include=["*.txt"])


def test_a_sensor_that_times_out_softly_is_skipped(waiting: Waiting) -> None:
    for mode in MODES.values():
        waiting.add(
            "LandfastArtifactSensor", f'artifact="nlp/corpus", timeout=0, soft_fail=True, {mode}'
        )
        assert waiting.airflow.states(waiting.run()) == {"wait": "skipped", "after": "skipped"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"artifact": "nlp/corpus:v3"}, "the version that is no news goes into after="),
        ({"artifact": "nlp/corpus", "after": "nlp/other:v1"}, "a version of default/nlp/corpus"),
    ],
)
def test_what_makes_no_sense_is_said(registry: str, arguments: dict[str, Any], said: str) -> None:
    sensor = LandfastArtifactSensor(task_id="wait", **arguments)
    with pytest.raises(landfast.InvalidInput, match=said):
        sensor.question(landfast.Client(registry), {"ti": None})


def test_a_sensor_survives_serialization() -> None:
    from tests.with_airflow.parsing import stored

    with DAG("waiting", schedule=None) as dag:
        LandfastArtifactSensor(task_id="a", artifact=artifact_asset("nlp/corpus"), deferrable=True)
        LandfastPrefixSensor(task_id="b", uri="s3://b/p/", against="nlp/corpus", mode="reschedule")
    again = stored(dag)
    assert {task.task_id: task.task_type for task in again.tasks} == {
        "a": "LandfastArtifactSensor",
        "b": "LandfastPrefixSensor",
    }


def test_waiting_in_the_triggerer_is_the_default_where_airflow_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not LandfastArtifactSensor(task_id="wait", artifact="nlp/corpus").deferrable
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert LandfastArtifactSensor(task_id="wait", artifact="nlp/corpus").deferrable
