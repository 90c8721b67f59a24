"""The report on a change: what it says, and what happens when Prefect does not take it."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import landfast
import pytest
from kit.servers.scripted import Scripted
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_landfast import log_reference
from prefect_landfast.report import facts, publish, report_key
from prefect_landfast.run import PrefectRun


@pytest.fixture
def client(registry_url: str) -> landfast.Client:
    return landfast.Client(registry_url, project="vision")


def log(client: landfast.Client, folder: Path, *names: str) -> landfast.ArtifactVersion:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
    return client.log("flowers", folder)


@pytest.fixture
def in_run(monkeypatch: pytest.MonkeyPatch) -> PrefectRun:
    key = landfast.RunKey(system="prefect", deployment="here", run_id="1")
    ids = {"flow_run_id": str(uuid4()), "task_run_id": str(uuid4())}
    run = PrefectRun(
        key=key,
        name="train",
        job_type="train",
        attempt=1,
        link=None,
        config=ids,
        id=uuid4(),
        what=log_reference,
    )
    monkeypatch.setattr("prefect_landfast.report.current_run", lambda: run)
    return run


def test_a_report_goes_to_the_run_once(
    client: landfast.Client, tmp_path: Path, in_run: PrefectRun, http_script: Scripted
) -> None:
    version = log(client, tmp_path / "data", "a")
    taken = {"id": str(uuid4()), "created": None, "updated": None}
    http_script.put("/api/artifacts/", json.dumps(taken).encode(), etag=None)
    with temporary_settings({PREFECT_API_URL: f"{http_script.url}/api"}):
        assert publish(client, version.full_name.bare()) == version.change
        assert publish(client, version.full_name.bare()) is None
    (sent,) = [json.loads(r.body) for r in http_script.requests if r.path == "/api/artifacts/"]
    assert sent["key"] == report_key(version.full_name)
    assert (sent["type"], sent["description"]) == ("markdown", "default/vision/flowers:v0, created")
    assert {name: sent[name] for name in in_run.config} == in_run.config
    assert "# vision/flowers:v0" in sent["data"]


def test_a_report_that_prefect_does_not_take_is_still_pending(
    client: landfast.Client, tmp_path: Path, in_run: PrefectRun
) -> None:
    assert in_run
    version = log(client, tmp_path / "data", "a")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        for _ in range(2):
            with pytest.raises(landfast.Unavailable, match="flowers:v0"):
                publish(client, version.full_name.bare())


def test_outside_a_run_there_is_no_report(
    client: landfast.Client, tmp_path: Path, no_server_starts: None
) -> None:
    version = log(client, tmp_path / "data", "a")
    assert publish(client, version.full_name.bare()) is None


def test_a_report_stays_a_table_whatever_the_names_of_the_files(
    client: landfast.Client, tmp_path: Path
) -> None:
    log(client, tmp_path / "a|b", "a")
    change = log(client, tmp_path / "a|b", "c|d").change
    assert change is not None
    rows = [line for line in client.report(change).splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {3}
    assert "- added `c\\|d`" in client.report(change)


def test_the_facts_of_a_version_are_small_and_name_what_changed(
    client: landfast.Client, tmp_path: Path
) -> None:
    first = facts(client, log(client, tmp_path / "data", "a"))
    assert (first["version"], first["changed"], first["files"]) == ("v0", True, 1)
    assert "added" not in first
    second = facts(client, log(client, tmp_path / "data", *"bcd"))
    assert (second["previous"], second["added"]) == ("default/vision/flowers:v0", 3)
    third = facts(client, log(client, tmp_path / "data"))
    assert (third["version"], third["changed"]) == ("v1", False)
