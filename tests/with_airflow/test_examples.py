"""The example DAGs: Airflow finds them, and they do what they say."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import landfast
import pytest
from kit.visitor import every_page
from landfast_provider import artifact_asset

from tests.with_airflow.parsing import parse

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDER = EXAMPLES / "airflow_dags"
MAX_LINES = 70


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in {
        "corpus/a.txt": "one two three",
        "corpus/b.tmp": "left out",
        "logs/1/a.log": "1",
        "logs/2/b.log": "2",
    }.items():
        file = tmp_path / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setenv("EXAMPLE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EXAMPLE_MODELS", str(tmp_path))
    return tmp_path / "data"


def read(version: landfast.ArtifactVersion, path: str) -> bytes:
    with version.open(path) as file:
        return file.read()


def test_airflow_finds_every_example(airflow: Any) -> None:
    shutil.copy(EXAMPLES / "airflow_dag.py", airflow.dags)
    shutil.copytree(FOLDER, airflow.dags, dirs_exist_ok=True)
    bag = parse(airflow.dags)
    assert not bag.import_errors
    assert set(bag.dags) == {
        *("nightly", "train", "reprice"),
        *("snapshot.vision.flowers", "snapshot.sales.orders"),
        *("count_words", "hourly", "logs"),
    }


@pytest.mark.parametrize(
    "path",
    [EXAMPLES / "airflow_dag.py", *sorted(FOLDER.glob("*.py"))],
    ids=lambda path: path.name,
)
def test_an_example_is_short_and_says_what_it_shows(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""')
    assert len(text.splitlines()) <= MAX_LINES
    if path.parent == FOLDER:
        assert f"[{path.name}]({path.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_night_records_checks_and_promotes_and_a_change_trains(
    airflow: Any, data: Path
) -> None:
    airflow.add((EXAMPLES / "airflow_dag.py").read_text(encoding="utf-8"))
    assert airflow.run("nightly").state == "success"
    corpus = airflow.client.get("nlp/corpus:prod")
    assert [entry.path for entry in corpus.entries()] == ["a.txt"]
    [trained] = airflow.triggered("train")
    assert trained.state == "success"
    model = airflow.client.get("nlp/model")
    assert read(model, "model.txt") == b"3 words\n"
    assert [str(name) for name in airflow.client.lineage(model).upstream] == [str(corpus.full_name)]

    assert airflow.run("nightly").state == "success"
    assert airflow.triggered("train") == []
    assert len(airflow.events(artifact_asset("nlp/model"))) == 1


@pytest.mark.system
def test_every_page_of_what_the_example_recorded(airflow: Any, data: Path) -> None:
    airflow.add((EXAMPLES / "airflow_dag.py").read_text(encoding="utf-8"))
    airflow.run("nightly")
    airflow.triggered("train")
    visited = every_page(airflow.client)
    assert "/default/nlp/model" in visited
    assert any(path.startswith("/default/nlp/model/lineage") for path in visited)


def test_the_watched_prices_have_a_watcher(airflow: Any) -> None:
    shutil.copy(EXAMPLES / "airflow_dag.py", airflow.dags)
    [asset] = parse(airflow.dags).dags["reprice"].timetable.asset_condition.objects
    assert [watcher.trigger.artifact for watcher in asset.watchers] == ["default/vendor/prices"]


def test_the_shell_step_counts_in_the_name_of_its_task(
    airflow: Any, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    corpus = airflow.client.log("nlp/corpus", data / "corpus", include=["*.txt"])
    text = (FOLDER / "shell.py").read_text(encoding="utf-8")
    airflow.add(text.replace("'nlp/corpus')", "'nlp/corpus:latest')"))
    assert airflow.run("count_words").state == "success"
    words = airflow.client.get("nlp/words")
    assert read(words, "words.txt").strip() == b"3"
    assert [str(name) for name in airflow.client.lineage(words).upstream] == [str(corpus.full_name)]


def test_mapped_tasks_scan_what_one_scan_finds(airflow: Any, data: Path) -> None:
    airflow.add((FOLDER / "shards.py").read_text(encoding="utf-8"))
    assert airflow.run("logs").state == "success"
    assert airflow.client.get("web/logs").digest == airflow.client.probe(data / "logs")


def test_the_hourly_run_downloads_what_is_new(airflow: Any, data: Path, tmp_path: Path) -> None:
    text = (FOLDER / "wait.py").read_text(encoding="utf-8")
    airflow.add(text.replace("/mnt/corpus", str(tmp_path / "there")))
    version = airflow.client.log("nlp/corpus", data / "corpus", include=["*.txt"])
    run = airflow.run("hourly")
    assert run.state == "success"
    assert (tmp_path / "there" / "v0" / "a.txt").read_text() == "one two three"
    assert airflow.xcom(run, "news") == version.uri
    assert landfast.ArtifactName.parse(version.uri) == version.full_name
