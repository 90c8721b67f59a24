"""@task.landfast: inputs as versions, the return value as what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import landfast
import pytest
from landfast_provider import artifact_asset
from landfast_provider.assets import outlets_of


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("A")
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def add_features(airflow: Any, data: Path, out: Path, call: str = "features()") -> None:
    airflow.add(f"""
        from pathlib import Path
        from airflow.sdk import DAG, task
        from landfast_provider.operators import LandfastSnapshotOperator

        with DAG("d", schedule=None) as d:
            snapshot = LandfastSnapshotOperator(
                task_id="snapshot", artifact="nlp/corpus", uri={str(data)!r}
            )

            @task.landfast(inputs={{"corpus": "nlp/corpus"}}, outputs="nlp/features")
            def features(corpus):
                with corpus.open("a.txt") as file:
                    Path({str(out)!r}, "f.txt").write_bytes(file.read() * 2)
                return {str(out)!r}

            made = {call}
            snapshot >> made
    """)


def events(airflow: Any, name: str = "nlp/features") -> list[str]:
    return [extra["version"] for extra in airflow.events(artifact_asset(name))]


def test_the_function_gets_the_version_and_its_return_value_is_logged(
    airflow: Any, data: Path, out: Path
) -> None:
    add_features(airflow, data, out)
    run = airflow.run("d")
    assert set(airflow.states(run).values()) == {"success"}
    assert airflow.xcom(run, "features") == "landfast://default/nlp/features?version=v0"
    assert (out / "f.txt").read_text() == "AA"
    lineage = airflow.client.lineage("nlp/features")
    assert [str(name) for name in lineage.upstream] == ["default/nlp/corpus:v0"]
    assert events(airflow) == ["v0"]
    airflow.run("d")
    assert events(airflow) == ["v0"]


def test_the_call_may_say_the_version(airflow: Any, data: Path, out: Path) -> None:
    for call in ("features(snapshot.output)", "features(corpus=snapshot.output)"):
        add_features(airflow, data, out, call)
        run = airflow.run("d")
        assert set(airflow.states(run).values()) == {"success"}
    records = [r for r in airflow.client.runs() if r.key.node == "features"]
    uri = "landfast://default/nlp/corpus?version=v0"
    assert [r.config["pins"] for r in records] == 2 * [
        {"default/nlp/corpus:v0": {"uri": uri, "by": "explicit"}}
    ]


def test_inputs_are_inlets_and_outputs_announce_changes_only(data: Path, out: Path) -> None:
    from airflow.sdk import DAG, task

    with DAG("d", schedule=None):

        @task.landfast(inputs={"a": "nlp/corpus", "b": "nlp/words:prod"}, outputs="nlp/features")
        def features(a: Any, b: Any) -> str:
            return "s3://bucket/features/"

        operator = features().operator
    assert operator.inlets == [artifact_asset("nlp/corpus")]
    assert operator.outlets == outlets_of(artifact_asset("nlp/features"))


def test_several_outputs_are_returned_by_name(airflow: Any, tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
    airflow.add(f"""
        from airflow.sdk import DAG, task

        with DAG("d", schedule=None) as d:
            @task.landfast(outputs=["nlp/train", "nlp/test"], type="split")
            def split():
                base = {str(tmp_path)!r}
                return {{"nlp/train": base + "/train", "nlp/test": base + "/test"}}
            split()
    """)
    run = airflow.run("d")
    assert airflow.xcom(run, "split") == {
        "default/nlp/train": "landfast://default/nlp/train?version=v0",
        "default/nlp/test": "landfast://default/nlp/test?version=v0",
    }
    assert airflow.client.get("nlp/train").type == "split"
    assert events(airflow, "nlp/train") == events(airflow, "nlp/test") == ["v0"]


@pytest.mark.parametrize("returned", ["None", "42"])
def test_a_return_value_that_is_no_place_fails_the_task_and_says_what_is_expected(
    airflow: Any, returned: str, caplog: Any, capfd: Any
) -> None:
    airflow.add(f"""
        from airflow.sdk import DAG, task

        with DAG("d", schedule=None) as d:
            @task.landfast(outputs="nlp/features")
            def features():
                return {returned}
            features()
    """)
    assert airflow.states(airflow.run("d")) == {"features": "failed"}
    said = "".join(capfd.readouterr()) + caplog.text
    assert "the URI where it wrote default/nlp/features" in said


def test_a_version_that_the_function_logged_itself_is_taken(airflow: Any, data: Path) -> None:
    airflow.add(f"""
        from airflow.sdk import DAG, task
        from landfast_provider import log_reference

        with DAG("d", schedule=None) as d:
            @task.landfast(outputs="nlp/features")
            def returned():
                return log_reference("nlp/features", {str(data)!r}, aliases=["mine"])

            @task.landfast(outputs="nlp/features")
            def silent():
                log_reference("nlp/features", {str(data)!r})

            returned() >> silent()
    """)
    run = airflow.run("d")
    uri = "landfast://default/nlp/features?version=v0"
    assert airflow.xcom(run, "returned") == airflow.xcom(run, "silent") == uri
    assert events(airflow) == ["v0"]


def test_an_input_that_is_no_parameter_is_refused_as_the_dag_is_read() -> None:
    from airflow.sdk import DAG, task

    with DAG("d", schedule=None):

        @task.landfast(inputs={"data": "nlp/corpus"})
        def features(corpus: Any) -> None: ...

        with pytest.raises(landfast.InvalidInput, match="no parameter 'data'"):
            features()


def test_the_decorated_function_can_be_mapped(airflow: Any, data: Path) -> None:
    airflow.client.log("nlp/corpus", str(data))
    airflow.add("""
        from airflow.sdk import DAG, task

        with DAG("d", schedule=None) as d:
            @task.landfast(inputs={"corpus": "nlp/corpus:latest"})
            def count(number, corpus):
                return [number, corpus.version]
            count.expand(number=[1, 2])
    """)
    run = airflow.run("d")
    assert airflow.states(run) == {"count[0]": "success", "count[1]": "success"}
    assert len(airflow.client.used_by("nlp/corpus:v0")) == 2
