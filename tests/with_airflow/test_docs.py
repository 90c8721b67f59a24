"""The pages for Airflow: their DAGs run, and they name everything that a user can name."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import landfast_provider
import pytest
from landfast_provider import operators, sensors, triggers
from landfast_provider.get_provider_info import CONNECTION_FIELDS, get_provider_info

from tests.docs.pages import ROOT, blocks, integration_pages, name_of
from tests.with_airflow.parsing import parse

PAGES = integration_pages("airflow")
PAGE = ROOT / "docs" / "airflow.md"
FILES = {
    "corpus/a.txt": b"one two",
    "models/run1/weights": b"1",
    "features/f.csv": b"1,2",
    "flowers/a.jpg": b"a",
    "orders/dt=2026-05-01/a.csv": b"1",
    "logs/1.log": b"1",
    "prices/a.txt": b"1",
}


@pytest.fixture
def bucket(airflow: Any, s3: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    s3.client.create_bucket(Bucket="my-bucket")
    s3.set_versioning("my-bucket", "Enabled")
    for key, body in FILES.items():
        s3.put("my-bucket", key, body)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    return airflow


def write(airflow: Any, page: Path) -> None:
    """Write a page's files, and its Python as one file of DAGs."""
    for block in blocks(page):
        if block.file_name:
            (airflow.dags / block.file_name).write_text(block.text)
    text = "\n\n".join(block.text for block in blocks(page) if block.language == "python")
    airflow.add(text, "page")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_airflow_finds_the_dags_of_a_page(airflow: Any, page: Path) -> None:
    write(airflow, page)
    bag = parse(airflow.dags)
    assert not bag.import_errors
    assert bag.dags


def test_the_dags_of_the_page_do_what_it_says(bucket: Any) -> None:
    write(bucket, PAGE)
    assert bucket.run("nightly").state == "success"
    [trained] = bucket.triggered("train")
    assert trained.state == "success"
    assert bucket.xcom(trained, "fit").startswith("s3://my-bucket/corpus/a.txt?versionId=")
    fitted = go_on(bucket, "fit_model")  # started by the same event
    assert fitted.state == "success"
    model, features = bucket.client.get("nlp/model"), bucket.client.get("nlp/features")
    for made in (model, features):
        upstream = bucket.client.lineage(made).upstream
        assert [str(name) for name in upstream] == ["default/nlp/corpus:v0"]

    assert bucket.run("release").state == "success"
    assert bucket.client.get("nlp/corpus:prod").version == "v0"
    assert Path("corpus/v0/a.txt").read_bytes() == FILES["corpus/a.txt"]

    assert bucket.run("logs").state == "success"
    assert bucket.client.get("web/logs").file_count == 1
    shell = bucket.run("shell")
    assert shell.state == "success"
    assert bucket.xcom(shell, "count") == "a.txt"
    assert bucket.run("nightly").state == "success"
    assert bucket.triggered("train") == []


def go_on(airflow: Any, dag_id: str) -> Any:
    """Run what the scheduler has started of a DAG."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        [run_id] = session.scalars(select(DagRun.run_id).where(DagRun.dag_id == dag_id))
    return airflow.go_on(dag_id, run_id)


def words(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            *landfast_provider.__all__,
            *operators.__all__,
            *sensors.__all__,
            *triggers.__all__,
        }
        - {"__version__"}
    ),
)
def test_every_public_name_is_in_the_page(name: str) -> None:
    # Parts of `sharded_snapshot` and of sensors, for those who put them together themselves.
    parts = {"LandfastPlanOperator", "LandfastScanOperator", "LandfastCommitOperator"}
    parts |= {"LandfastVersionTrigger", "LandfastPrefixTrigger"}
    if name not in parts:
        assert re.search(rf"\b{name}\b", words(PAGE)), name


def test_every_field_and_setting_is_in_the_page() -> None:
    options = get_provider_info()["config"]["landfast"]["options"]
    for name in (*CONNECTION_FIELDS, *options):
        assert re.search(rf"\b{name}\b", words(PAGE)), name


def test_every_picture_of_the_page_is_there() -> None:
    for name in re.findall(r"\]\((images/[\w-]+\.png)\)", words(PAGE)):
        assert (PAGE.parent / name).is_file(), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_say_what_they_are(page: Path) -> None:
    for block in blocks(page):
        assert block.language in {"python", "sh", "yaml"}, f"{name_of(page)}:{block.line}"
