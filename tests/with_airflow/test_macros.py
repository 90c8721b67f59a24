"""Macros: a step in another language joins the run of its task, and reads what the task would."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import landfast
import pytest
from landfast.model.run import JoinedRun
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
    assert made_by.key == JoinedRun.decode(airflow.xcom(run, "train")).key
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


SECRET = "hush-hush"


@pytest.fixture
def shared(airflow: Any, postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A registry whose URL holds a password, which only the connection knows."""
    from landfast.registry.opener import init_registry

    url = postgres_url.replace("postgres@", f"postgres:{SECRET}@")
    init_registry(url, store_url=str(tmp_path / "store"))
    monkeypatch.delenv("LANDFAST_REGISTRY_URL")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "private"))
    said = json.dumps({"conn_type": "landfast", "password": url})
    monkeypatch.setenv("AIRFLOW_CONN_LANDFAST_DEFAULT", said)
    airflow.registry = url
    return airflow


def with_url(dag: str) -> str:
    return dag.replace(
        "append_env",
        'env={"LANDFAST_REGISTRY_URL": "{{ macros.landfast.registry_url(task_instance) }}"}, append_env',
    )


def stored(run: Any) -> str:
    """Return everything that Airflow keeps of the rendered templates of a run."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.query(RenderedTaskInstanceFields).filter_by(run_id=run.run_id)
        return str([each.rendered_fields for each in found])


def test_a_registry_url_with_a_password_stays_out_of_templates(shared: Any) -> None:
    shared.add(
        SHELL.format(command="echo {{ macros.landfast.env(task_instance) | list | join(',') }}")
    )
    run = shared.run("shell")
    assert shared.xcom(run, "train") == "LANDFAST_RUN,LANDFAST_ENTITY,LANDFAST_PROJECT"


def test_mend_32_a_shell_step_without_the_url_fails_and_writes_nowhere_else(
    shared: Any, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("A")
    shared.client.log("nlp/corpus", tmp_path / "a.txt")
    shared.add(SHELL.format(command=COMMAND))
    assert shared.run("shell").state == "failed"
    assert not list((tmp_path / "private").rglob("*.db"))
    with pytest.raises(landfast.NotFound):
        shared.client.get("nlp/model")


def test_mend_32_a_shell_step_with_the_url_writes_to_the_shared_registry_and_shows_no_password(
    shared: Any, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("A")
    shared.client.log("nlp/corpus", tmp_path / "a.txt")
    shared.add(with_url(SHELL.format(command=COMMAND)))
    run = shared.run("shell")
    assert run.state == "success"
    upstream = shared.client.lineage("nlp/model").upstream
    assert [str(name) for name in upstream] == ["default/nlp/corpus:v0"]
    assert "LANDFAST_REGISTRY_URL" in stored(run)
    assert SECRET not in stored(run)


@pytest.mark.parametrize(
    "key", ["side-b", "a & b; rm -rf x", "it's $HOME", "2026/11", "~*?(x)|<y>"]
)
def test_mend_32_what_a_template_renders_of_a_version_is_one_word_of_a_shell(
    key: str, airflow: Any, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("A")
    for partition in (None, key):
        airflow.client.log("nlp/corpus", tmp_path / "a.txt", partition=partition)
    (tmp_path / "a.txt").write_text("B")
    version = airflow.client.log("nlp/corpus", tmp_path / "a.txt", partition=key)
    asked = f"nlp/corpus~{quote(key, safe='')}:latest"
    command = f"""
export {{{{ macros.landfast.env(task_instance) }}}}
landfast show {{{{ macros.landfast.use(task_instance, {asked!r}) }}}} --json > "$OUT/shown.json"
"""
    airflow.add(SHELL.format(command=command))
    assert airflow.run("shell").state == "success"
    shown = json.loads((out / "shown.json").read_text())
    assert (shown["version"], shown["partition"]) == ("v1", key)
    assert [each.key.node for each in version.used_by()] == ["train"]
