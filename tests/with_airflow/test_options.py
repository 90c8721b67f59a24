"""What a DAG's author writes: options that mean nothing are refused, and what is said is shown and done."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import landfast
import pytest
from airflow.models.asset import AssetModel
from airflow.sdk import DAG, task
from airflow.utils.session import create_session
from landfast_provider import artifact_asset, operators, sensors
from sqlalchemy import select

CORPUS = artifact_asset("nlp/corpus")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("A")
    return folder


def add(airflow: Any, body: str) -> None:
    head = """
from datetime import timedelta
from airflow.sdk import DAG, task
from landfast_provider import artifact_asset, log_reference, use_artifact
from landfast_provider.operators import *
from landfast_provider.sensors import *

with DAG("d", schedule=None, params={"key": "", "none": None}) as d:
"""
    airflow.add(head + "\n".join("    " + line for line in body.strip().splitlines()))


# -- gates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fail_on", ["Drift", "DRIFT", "", "error", None, True])
def test_mend_37_a_gate_that_means_nothing_is_refused(fail_on: Any) -> None:
    with pytest.raises(landfast.InvalidInput, match=r"'drift', 'loss', 'never'"):
        operators.LandfastVerifyOperator(task_id="v", artifact="nlp/corpus", fail_on=fail_on)


@pytest.mark.parametrize("on_unchanged", ["skipp", "Skip", "", None])
def test_mend_37_what_to_do_when_unchanged_means_something(on_unchanged: Any) -> None:
    options: dict[str, Any] = {"task_id": "s", "artifact": "nlp/corpus"}
    with pytest.raises(landfast.InvalidInput, match=r"'no_event', 'event', 'skip'"):
        operators.LandfastSnapshotOperator(uri="s3://b/", on_unchanged=on_unchanged, **options)
    with pytest.raises(landfast.InvalidInput, match="on_unchanged"):
        operators.LandfastCommitOperator(scans=[], on_unchanged=on_unchanged, **options)


def test_mend_37_a_mapped_gate_that_means_nothing_fails(airflow: Any, data: Path) -> None:
    airflow.client.log("nlp/corpus", data)
    add(
        airflow,
        "LandfastVerifyOperator.partial(task_id='v', fail_on='Drift').expand(artifact=['nlp/corpus:v0'])",
    )
    assert airflow.run("d").state == "failed"


# -- what is no artifact --------------------------------------------------------------------------


def test_mend_37_another_tasks_output_is_no_artifact_of_a_snapshot() -> None:
    with DAG("d"):

        @task
        def name() -> str:
            return "nlp/corpus"

        made = name()
        with pytest.raises(landfast.InvalidInput, match="parsed"):
            operators.LandfastSnapshotOperator(task_id="s", artifact=made, uri="s3://b/")
        with pytest.raises(landfast.InvalidInput, match="parsed"):
            operators.sharded_snapshot("g", artifact=made, uri="s3://b/", shards=2)
        with pytest.raises(landfast.InvalidInput, match="parsed"):
            task.landfast(outputs=made)(lambda: None)
        for nothing in (None, 3, b"nlp/corpus"):
            with pytest.raises(landfast.InvalidInput):
                artifact_asset(nothing)  # type: ignore[arg-type]


# -- partitions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  ", "{{ params.key }}", "{{ params.none }}"])
@pytest.mark.parametrize(
    "operator",
    [
        "LandfastSnapshotOperator(task_id='t', artifact='nlp/corpus', uri={data!r}, partition={text!r})",
        "LandfastArtifactSensor(task_id='t', artifact='nlp/corpus', partition={text!r}, timeout=1)",
        "LandfastPrefixSensor(task_id='t', uri={data!r}, against='nlp/corpus', partition={text!r}, timeout=1)",
        "task.landfast(task_id='t', outputs='nlp/corpus', partition={text!r})(lambda: {data!r})()",
    ],
    ids=["snapshot", "sensor", "place", "decorator"],
)
def test_mend_37_an_empty_partition_is_refused(
    operator: str, text: str, airflow: Any, data: Path, caplog: Any, capfd: Any
) -> None:
    add(airflow, operator.format(data=str(data), text=text))
    assert airflow.run("d").state == "failed"
    out, err = capfd.readouterr()
    assert "the partition is empty" in out + err + caplog.text
    assert airflow.client.collections() == []


def test_mend_37_an_empty_partition_of_a_function_is_refused(airflow: Any, data: Path) -> None:
    add(
        airflow,
        f"""
@task
def work():
    log_reference("nlp/corpus", {str(data)!r}, partition="")
work()
""",
    )
    assert airflow.run("d").state == "failed"
    assert airflow.client.collections() == []


# -- time to live ---------------------------------------------------------------------------------


def test_mend_37_an_operator_takes_a_time_to_live(airflow: Any, data: Path) -> None:
    add(
        airflow,
        f"""
LandfastSnapshotOperator(task_id="s", artifact="nlp/a", uri={str(data)!r}, ttl=timedelta(days=3))
sharded_snapshot("g", artifact="nlp/b", uri={str(data)!r}, shards=1, ttl=timedelta(days=3))
""",
    )
    assert airflow.run("d").state == "success"
    assert [airflow.client.get(name).ttl for name in ("nlp/a", "nlp/b")] == [timedelta(days=3)] * 2


# -- the asset graph ------------------------------------------------------------------------------

SNAPSHOTS = {
    "plain": "LandfastSnapshotOperator(task_id='s', artifact='nlp/corpus', uri={data!r})",
    "mapped": "LandfastSnapshotOperator.partial(task_id='s', artifact='nlp/corpus').expand(uri=[{data!r}])",
    "decorator": "task.landfast(task_id='s', outputs='nlp/corpus')(lambda: {data!r})()",
    "mapped decorator": (
        "task.landfast(outputs='nlp/corpus', task_id='s')(lambda uri: uri).expand(uri=[{data!r}])"
    ),
}


@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_mend_37_an_asset_has_its_producing_task_and_events_only_of_changes(
    snapshot: str, airflow: Any, data: Path
) -> None:
    add(airflow, snapshot.format(data=str(data)))
    with create_session() as session:
        found = session.scalar(select(AssetModel).where(AssetModel.uri == CORPUS.uri))
        assert [reference.dag_id for reference in found.producing_tasks] == ["d"]
    for text, events in [("A", ["v0"]), ("A", ["v0"]), ("B", ["v0", "v1"])]:
        (data / "a.txt").write_text(text)
        assert airflow.run("d").state == "success"
        assert [extra["version"] for extra in airflow.events(CORPUS)] == events


@pytest.mark.parametrize(
    "operator",
    [
        operators.LandfastDownloadOperator.partial(task_id="t", artifact="nlp/corpus"),
        operators.LandfastVerifyOperator.partial(task_id="t", artifact="nlp/corpus"),
        operators.LandfastPromoteOperator.partial(task_id="t", artifact="nlp/corpus"),
    ],
    ids=lambda each: each.operator_class.__name__,
)
def test_mend_37_a_mapped_reader_has_its_inlet(operator: Any) -> None:
    assert operator.kwargs["inlets"] == [CORPUS]
    operator._expand_called = True  # or Airflow warns of a partial that was never expanded


# -- sensors --------------------------------------------------------------------------------------


def test_mend_37_a_sensor_reads_no_more_than_its_last_run(
    airflow: Any, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = (
        "LandfastArtifactSensor(task_id='t', artifact='nlp/corpus', timeout=1, poke_interval=1)"
    )
    add(airflow, sensor)
    for text in "ABCD":
        (data / "a.txt").write_text(text)
        airflow.client.log("nlp/corpus", data)
        assert airflow.run("d").state == "success"
    read: list[Any] = []
    latest_uses = landfast.Client.latest_uses

    def counted(*args: Any, **options: Any) -> Any:
        for edge in latest_uses(*args, **options):
            read.append(edge)
            yield edge

    def never(*_args: Any, **_options: Any) -> Any:
        raise AssertionError("all versions were read")

    monkeypatch.setattr(landfast.Client, "latest_uses", counted)
    monkeypatch.setattr(landfast.Client, "uses", never)
    monkeypatch.setattr(landfast.Client, "versions", never)
    assert airflow.run("d").state == "failed"  # nothing is new
    assert {edge.version.index for edge in read[:2]} == {3}


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize(
    "sensor",
    [
        sensors.LandfastArtifactSensor(task_id="t", artifact="nlp/corpus", poke_interval=0.05),
        sensors.LandfastPrefixSensor(
            task_id="t", uri="/nowhere", against="nlp/corpus", poke_interval=0.05
        ),
    ],
    ids=lambda each: type(each).__name__,
)
def test_mend_37_a_sensor_outlives_a_registry_that_is_away(
    sensor: Any, deferrable: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    try:
        from airflow.sdk.exceptions import TaskDeferred
    except ImportError:
        from airflow.exceptions import TaskDeferred
    from kit.servers.process import free_port

    url = f"postgresql://127.0.0.1:{free_port()}/landfast"
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    (tmp_path / "a.txt").write_text("A")
    sensor.uri = str(tmp_path / "a.txt")
    monkeypatch.setattr(sensor, "deferrable", deferrable)

    class Instance:
        dag_id, run_id, task_id = "d", "r", "t"

    if not deferrable:
        assert not sensor.poke({"ti": Instance()}).is_done
        return
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute({"ti": Instance()})
    assert deferred.value.method_name == "ask_again"
    until = deferred.value.kwargs["until"]
    with pytest.raises(TaskDeferred):
        sensor.ask_again({"ti": Instance()}, None, until=until)
    with pytest.raises(landfast.Unavailable):
        sensor.ask_again({"ti": Instance()}, None, until="2020-01-01T00:00:00+00:00")
