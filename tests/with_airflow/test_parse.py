"""What reading a DAG file costs, and what the provider's code may touch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import landfast_provider
import pytest

SOURCE = Path(landfast_provider.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))

DAG_FILE = """
import sys
import airflow.sdk
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Asset, task

Asset("s3://b/k")  # for the first asset with a scheme, Airflow asks all providers
task.python, task.landfast
with DAG("other", schedule=[Asset("s3://b/k")]):
    PythonOperator(task_id="t", python_callable=print)
before = set(sys.modules)

from landfast_provider import artifact_asset, log_reference, use_artifact
from landfast_provider.operators import LandfastSnapshotOperator, sharded_snapshot

with DAG("d", schedule=[artifact_asset("nlp/words")]):
    snapshot = LandfastSnapshotOperator(task_id="s", artifact="nlp/corpus", uri="s3://b/c/")
    sharded_snapshot("shards", artifact="nlp/big", uri="s3://b/big/", shards=4)

    @task.landfast(inputs={"corpus": "nlp/corpus"}, outputs="nlp/features")
    def features(corpus):
        return "s3://b/features/"

    features(snapshot.output)

new = sorted(set(sys.modules) - before)
roots = {name.partition(".")[0] for name in new}
print(" ".join(sorted(roots - set(sys.stdlib_module_names))))
"""


def test_reading_a_dag_file_loads_little_beyond_airflow(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DAG_FILE],
        check=False,
        capture_output=True,
        text=True,
        env={"AIRFLOW_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded <= {
        "landfast",
        "landfast_provider",
        "platformdirs",
        "airflow",
        "wcmatch",
        "bracex",
    }
    assert not (tmp_path / ".local").exists()


def imports_of(path: Path) -> set[str]:
    """Name what a module imports: modules, and names of them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_reaches_for_airflows_database_or_private_modules(path: Path) -> None:
    airflow = {name for name in imports_of(path) if name.partition(".")[0] == "airflow"}
    forbidden = ("airflow.models", "airflow.settings", "airflow.utils.session", "airflow.jobs")
    assert not {name for name in airflow if name.startswith(forbidden)}
    if path.name != "version_compat.py":
        public = (
            *("airflow.sdk.", "airflow.providers.", "airflow.triggers.base."),
            "airflow.plugins_manager.AirflowPlugin",
        )
        assert all(name.startswith(public) for name in airflow)
        inner = {n for n in airflow if n.startswith("airflow.sdk.") and n.count(".") > 2}
        assert inner <= {"airflow.sdk.types.TaskInstanceKey"}
