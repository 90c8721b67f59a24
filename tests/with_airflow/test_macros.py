"""Macros: a step in another language joins the run of its task, and reads what the task would."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import landfast
import pytest
from landfast_provider.macros import Variables

SHELL = """
    from airflow.sdk import DAG
    from airflow.providers.standard.operators.bash import BashOperator
    from landfast_provider import artifact_asset

    with DAG("shell", schedule=None, default_args={{"retries": 0}}) as shell:
        BashOperator(
            task_id="train",
            bash_command={command!r},
            append_env=True,
            inlets=[artifact_asset("nlp/corpus")],
        )
"""
COMMAND = """
export {{ macros.landfast.env(task_instance) }}
landfast get {{ macros.landfast.use(task_instance, 'nlp/corpus') }} --root "$OUT/in" &&
cp "$OUT/in/a.txt" "$OUT/model.txt" &&
landfast put "$OUT/model.txt" --name nlp/model --type model &&
echo "$LANDFAST_RUN"
"""


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setenv("OUT", str(folder))
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    return folder


def test_a_shell_step_joins_the_run_of_its_task(airflow: Any, out: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A")
    corpus = airflow.client.log("nlp/corpus", tmp_path / "a.txt")
    airflow.add(SHELL.format(command=COMMAND))

    run = airflow.run("shell")
    assert run.state == "success"

    model = airflow.client.get("nlp/model")
    made_by = model.logged_by()
    assert made_by is not None
    assert made_by.key == landfast.RunKey.decode(airflow.xcom(run, "train"))
    assert (made_by.key.system, made_by.key.node) == ("airflow", "train")
    assert made_by.key.run_id == f"shell/{run.run_id}"
    assert made_by.status is landfast.RunStatus.FINISHED
    assert made_by.link is not None
    assert [each.key for each in corpus.used_by()] == [made_by.key]
    lineage = airflow.client.lineage(model)
    assert [str(name) for name in lineage.upstream] == ["default/nlp/corpus:v0"]


def test_a_shell_step_that_fails_leaves_a_failed_run(airflow: Any, out: Path) -> None:
    airflow.add(SHELL.format(command="export {{ macros.landfast.env(task_instance) }}; exit 1"))
    assert airflow.run("shell").state == "failed"
    [record] = airflow.client.runs()
    assert record.status is landfast.RunStatus.FAILED


def test_variables_are_assignments_that_a_shell_reads_back() -> None:
    variables = Variables(A="plain", B="it's $HOME; `rm`")
    script = f'export {variables}; printf \'%s\\n\' "$A" "$B"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["plain", "it's $HOME; `rm`"]
    assert shlex.split(str(variables)) == ["A=plain", "B=it's $HOME; `rm`"]


def test_a_registry_url_with_a_password_stays_out_of_templates(
    airflow: Any, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landfast.registry.opening import init_registry

    url = postgres_url.replace("postgres@", "postgres:hush@")
    init_registry(url, store_url=str(airflow.dags.parent / "store"))
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    airflow.add(
        SHELL.format(command="echo {{ macros.landfast.env(task_instance) | list | join(',') }}")
    )
    run = airflow.run("shell")
    shown = airflow.xcom(run, "train")
    assert shown == "LANDFAST_RUN,LANDFAST_ENTITY,LANDFAST_PROJECT"
