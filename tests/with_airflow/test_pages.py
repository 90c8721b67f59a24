"""Links from Airflow lead to the right page; the snippet does what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from kit.pages import serving

from tests.with_airflow.test_operators import add_snapshot
from tests.with_airflow.test_plugin import views


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one file."""
    made = tmp_path / "data"
    made.mkdir()
    (made / "a").write_text("a")
    return made


@pytest.mark.parametrize("said_by", ["connection", "environment"])
def test_the_button_of_a_task_is_the_page_of_its_version(
    airflow: Any, data: Path, monkeypatch: pytest.MonkeyPatch, said_by: str
) -> None:
    with serving(airflow.client) as pages:
        if said_by == "connection":
            said = {"conn_type": "landfast", "extra": {"ui_url": pages.url}}
            monkeypatch.setenv("AIRFLOW_CONN_LANDFAST_DEFAULT", json.dumps(said))
        else:
            monkeypatch.setenv("LANDFAST_UI_URL", pages.url)
        add_snapshot(airflow, str(data), more='partition="de/at"')
        link = urlsplit(airflow.xcom(airflow.run("d"), "snapshot", "_link_LandfastLink"))
        assert f"http://{link.netloc}" == pages.url
        page = pages.get(f"{link.path}?{link.query}&format=json").data
    assert page["partition"] == "de/at"
    assert page["made_by"]["system"] == "airflow"


def test_the_snippet_for_airflow_uses_the_version(airflow: Any, data: Path) -> None:
    version = airflow.client.log("nlp/corpus", data)
    with serving(airflow.client) as pages:
        said = pages.get(version.page("") + "&format=json").data["use_it"]
    code = next(each["code"] for each in said if each["where"] == "Airflow")
    airflow.add("from airflow.sdk import dag\n" + code + "\n\n@dag\ndef d():\n    train()\n\nd()\n")
    assert airflow.states(airflow.run("d")) == {"train": "success"}
    (run,) = version.used_by()
    assert (run.key.system, run.key.node) == ("airflow", "train")


def test_the_view_of_a_task_instance_is_the_page_of_its_run(
    airflow: Any, data: Path, tmp_path: Path
) -> None:
    add_snapshot(airflow, str(data))
    run = airflow.run("d")
    with serving(airflow.client) as pages:
        (view,) = views(
            tmp_path,
            AIRFLOW__LANDFAST__UI_URL=pages.url,
            AIRFLOW__API__BASE_URL="https://airflow.example/",
        )
        # As Airflow fills it in for a task that is not mapped.
        filled = {"DAG_ID": "d", "RUN_ID": run.run_id, "TASK_ID": "snapshot", "MAP_INDEX": "-1"}
        link = view["href"]
        for name, value in filled.items():
            link = link.replace("{" + name + "}", value)
        found = pages.get(link.removeprefix(pages.url) + "&format=json").data["runs"]
    assert [each["key"] for each in found] == [f"airflow/d/{run.run_id}/snapshot"]
