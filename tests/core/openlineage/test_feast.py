"""A lineage server that others made keeps which version a run read and wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import landfast
import pytest
from click.testing import CliRunner
from kit.servers.feast import Feast, lineage_server
from landfast.cli import main

from tests.conftest import skipping_if_missing

pytestmark = [pytest.mark.system, pytest.mark.nightly]


@pytest.fixture
def feast() -> Iterator[Feast]:
    with skipping_if_missing(), lineage_server() as server:
        yield server


def tell() -> int:
    result = CliRunner().invoke(
        main, ["openlineage", "--once", "--from", "start", "--retries", "0"]
    )
    assert result.exit_code == 0, result.output
    return len(result.stdout.splitlines())


def versions(side: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["name"], one["facets"]["version"]["datasetVersion"]) for one in side]


def test_feast_keeps_the_versions_of_each_run(work, feast, monkeypatch) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", feast.url)
    work("1")
    work("2")
    old = landfast.Client(
        project="vision", run=landfast.RunKey(system="script", deployment="d", run_id="old")
    )
    old.begin_run(job_type="audit")
    old.use("clean~2026%2F05:v0")  # although v1 is the newest
    old.finish_run(landfast.RunStatus.FINISHED)
    count = tell()
    assert tell() == count  # told twice, it is the same
    runs = {}
    for run in feast.ask("runs")["runs"]:
        runs.setdefault(run["job_name"], []).append(run)
    assert {name: len(found) for name, found in runs.items()} == {
        "vision/clean": 2,
        "vision/train": 4,
        "vision/audit": 1,
    }
    assert {run["state"] for run in runs["vision/train"]} == {"COMPLETE", "FAIL"}
    (audit,) = runs["vision/audit"]
    kept = feast.ask("runs", audit["run_id"])
    assert versions(kept["inputs"]) == [("vision/clean~2026%2F05", "v0")]
    (done, *_) = [run for run in runs["vision/train"] if run["state"] == "COMPLETE"]
    trained = feast.ask("runs", done["run_id"])
    (data,), (model,) = versions(trained["inputs"]), versions(trained["outputs"])
    assert (data[0], model[0]) == ("vision/clean~2026%2F05", "vision/model")
    assert data[1] == model[1]  # each model was made of the data of its own round
