"""What tells an Airflow from others that share its registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import landfast
import pytest
from airflow.models import Variable
from airflow.utils.session import create_session
from landfast_provider import artifact_asset
from landfast_provider.run_key import VARIABLE, base_url, deployment

BASE_URL = "AIRFLOW__API__BASE_URL"
NOT_A_NAME = [
    None,
    "",
    "http://localhost:8080",
    "http://airflow.localhost",
    "http://127.0.0.1:8080/",
    "http://[::1]:8080",
    "http://0.0.0.0:8080",
    "/airflow",
]
DAGS = """
    from airflow.sdk import DAG, task
    from landfast_provider.operators import LandfastSnapshotOperator

    with DAG("d", schedule=None) as d:
        LandfastSnapshotOperator(task_id="s", artifact="nlp/corpus", uri={data!r})
"""


def set_base_url(patch: pytest.MonkeyPatch, url: str | None) -> None:
    if url is None:
        patch.delenv(BASE_URL, raising=False)
    else:
        patch.setenv(BASE_URL, url)


def kept() -> str | None:
    with create_session() as session:
        found = session.query(Variable).filter(Variable.key == VARIABLE).one_or_none()
        return None if found is None else str(found.val)


def forget() -> None:
    """Make another Airflow of this one: its database is a new one."""
    with create_session() as session:
        session.query(Variable).delete()


@pytest.fixture
def snapshot(airflow: Any, tmp_path: Path) -> Any:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("A")
    airflow.add(DAGS.format(data=str(tmp_path / "data")))
    return airflow


def deployments(airflow: Any) -> list[str]:
    return [record.key.deployment for record in airflow.client.runs()][::-1]


@pytest.mark.parametrize("url", NOT_A_NAME)
def test_mend_34_a_base_url_of_one_machine_names_no_airflow(
    url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_base_url(monkeypatch, url)
    assert base_url() == ""


def test_mend_34_two_airflows_without_a_base_url_are_two(
    snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_base_url(monkeypatch, None)
    snapshot.run("d")
    first = kept()
    assert first is not None
    snapshot.run("d")
    assert deployments(snapshot) == [first, first]

    forget()
    snapshot.run("d")
    assert deployments(snapshot) == [first, first, kept()]
    assert kept() != first
    # Each was told of the change, in its own name.
    events = snapshot.events(artifact_asset("nlp/corpus"))
    assert [event["version"] for event in events] == ["v0", "v0"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("AIRFLOW__LANDFAST__DEPLOYMENT", "production"), (BASE_URL, "https://airflow.internal")],
)
def test_mend_34_a_name_that_is_set_is_taken_and_none_is_kept(
    name: str, value: str, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_base_url(monkeypatch, None)
    monkeypatch.setenv(name, value)
    snapshot.run("d")
    assert deployments(snapshot) == [value]
    assert kept() is None


def test_mend_34_where_nothing_can_be_kept_the_setting_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_base_url(monkeypatch, None)
    with pytest.raises(landfast.InvalidInput, match="AIRFLOW__LANDFAST__DEPLOYMENT"):
        deployment()


def test_mend_34_a_variable_of_the_environment_names_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_base_url(monkeypatch, None)
    monkeypatch.setenv("AIRFLOW_VAR_LANDFAST_DEPLOYMENT", "staging")
    assert deployment() == "staging"
