"""What OpenLineage is told: artifacts as datasets, with their versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import landfast
import pytest
from landfast_provider import artifact_asset
from landfast_provider.openlineage import convert_asset, lineage


@pytest.fixture
def logged(registry: str, tmp_path: Path) -> landfast.ArtifactVersion:
    (tmp_path / "a.txt").write_text("A")
    client = landfast.Client(registry)
    return client.log("nlp/corpus", tmp_path / "a.txt", partition="de/at")


def test_a_version_is_a_dataset_with_a_version_facet(logged: landfast.ArtifactVersion) -> None:
    found = lineage([logged, logged], [])
    (dataset,) = found.inputs
    assert (dataset.namespace, dataset.name) == ("landfast://default", "nlp/corpus~de%2Fat")
    assert dataset.facets["version"].datasetVersion == "v0"
    assert found.outputs == []


def test_an_asset_is_the_same_dataset_as_its_versions(logged: landfast.ArtifactVersion) -> None:
    dataset = convert_asset(artifact_asset("nlp/corpus~de%2Fat"), None)
    (version,) = lineage([logged], []).inputs
    assert (dataset.namespace, dataset.name) == (version.namespace, version.name)


def test_operators_and_the_decorated_task_report_what_they_read_and_wrote(
    airflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for folder in (data, out):
        folder.mkdir()
        (folder / "a.txt").write_text("A")
    reported = tmp_path / "reported.json"
    airflow.add(f"""
        import json
        from airflow.sdk import DAG, task
        from landfast_provider.operators import LandfastSnapshotOperator

        def report(context):
            # What the OpenLineage listener asks a task as it ends.
            found = context["ti"].task.get_openlineage_facets_on_complete(context["ti"])
            said = {{
                side: [[d.namespace, d.name, d.facets["version"].datasetVersion] for d in sets]
                for side, sets in (("inputs", found.inputs), ("outputs", found.outputs))
            }}
            with open({str(reported)!r}, "a") as file:
                file.write(json.dumps([context["ti"].task_id, said]) + "\\n")

        with DAG("d", schedule=None, default_args={{"on_success_callback": report}}) as d:
            snapshot = LandfastSnapshotOperator(
                task_id="snapshot", artifact="nlp/corpus", uri={str(data)!r}
            )

            @task.landfast(inputs={{"corpus": "nlp/corpus"}}, outputs="nlp/features")
            def features(corpus):
                return {str(out)!r}

            features(snapshot.output)
    """)
    airflow.run("d")
    corpus = ["landfast://default", "nlp/corpus", "v0"]
    features = ["landfast://default", "nlp/features", "v0"]
    assert dict(map(json.loads, reported.read_text().splitlines())) == {
        "snapshot": {"inputs": [], "outputs": [corpus]},
        "features": {"inputs": [corpus], "outputs": [features]},
    }


def test_a_plain_task_tells_airflows_lineage_collector_of_versions(
    airflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landfast_provider import taskflow

    try:
        from airflow.sdk.lineage import HookLineageCollector
    except ImportError:
        from airflow.lineage.hook import HookLineageCollector

    # Airflow has one only where something reads it, such as OpenLineage with a transport.
    collector = HookLineageCollector()
    monkeypatch.setattr(taskflow, "get_hook_lineage_collector", lambda: collector)
    (tmp_path / "a.txt").write_text("A")
    airflow.client.log("nlp/corpus", tmp_path / "a.txt")
    airflow.add(f"""
        from airflow.sdk import DAG, task
        from landfast_provider import log_reference, use_artifact

        with DAG("d", schedule=None) as d:
            @task
            def work():
                use_artifact("nlp/corpus:latest")
                log_reference("nlp/features", {str(tmp_path / "a.txt")!r})
            work()
    """)
    airflow.run("d")
    found = collector.collected_assets
    (read,) = [convert_asset(told.asset, None) for told in found.inputs]
    (written,) = [convert_asset(told.asset, None) for told in found.outputs]
    assert (read.name, read.facets["version"].datasetVersion) == ("nlp/corpus", "v0")
    assert (written.name, written.facets["version"].datasetVersion) == ("nlp/features", "v0")


def test_mend_37_what_looks_at_a_version_reports_it_as_input(airflow: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A")
    airflow.client.log("nlp/corpus", tmp_path / "a.txt", partition="de")
    reported = tmp_path / "reported.json"
    airflow.add(f"""
        import json
        from airflow.sdk import DAG
        from landfast_provider.operators import LandfastPromoteOperator, LandfastVerifyOperator
        from landfast_provider.sensors import LandfastArtifactSensor

        def report(context):
            found = context["ti"].task.get_openlineage_facets_on_complete(context["ti"])
            said = [context["ti"].task_id, [[d.name for d in side] for side in (found.inputs, found.outputs)]]
            with open({str(reported)!r}, "a") as file:
                file.write(json.dumps(said) + "\\n")

        with DAG("d", schedule=None, default_args={{"on_success_callback": report}}) as d:
            wait = LandfastArtifactSensor(task_id="wait", artifact="nlp/corpus~de", timeout=1)
            verify = LandfastVerifyOperator(task_id="verify", artifact=wait.output)
            LandfastPromoteOperator(task_id="promote", artifact=verify.output, alias="prod")
    """)
    assert airflow.run("d").state == "success"
    looked = [["nlp/corpus~de"], []]
    assert dict(map(json.loads, reported.read_text().splitlines())) == {
        "wait": looked,
        "verify": looked,
        "promote": looked,
    }


@pytest.mark.parametrize("partition", ["de", "a/b&c"])
def test_mend_37_a_plain_task_tells_the_partition_that_it_wrote(
    partition: str, airflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landfast_provider import taskflow

    try:
        from airflow.sdk.lineage import HookLineageCollector
    except ImportError:
        from airflow.lineage.hook import HookLineageCollector

    collector = HookLineageCollector()
    monkeypatch.setattr(taskflow, "get_hook_lineage_collector", lambda: collector)
    (tmp_path / "a.txt").write_text("A")
    airflow.add(f"""
        from airflow.sdk import DAG, task
        from landfast_provider import log_reference

        with DAG("d", schedule=None) as d:
            @task
            def work():
                log_reference("nlp/features", {str(tmp_path / "a.txt")!r}, partition={partition!r})
            work()
    """)
    airflow.run("d")
    (written,) = [convert_asset(told.asset, None) for told in collector.collected_assets.outputs]
    made = airflow.client.get(f"nlp/features~{quote(partition, safe='')}")
    (expected,) = lineage([], [made]).outputs
    assert (written.name, written.facets["version"].datasetVersion) == (expected.name, "v0")
    assert "~" in written.name
