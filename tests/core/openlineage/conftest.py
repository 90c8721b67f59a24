"""A registry with something to tell, and a server of OpenLineage that takes it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import landfast
import pytest
from kit.servers.scripted import Scripted
from landfast.openlineage import inline


@pytest.fixture(autouse=True)
def fresh_state(monkeypatch) -> None:
    monkeypatch.setattr(inline, "_state", inline._State())


@pytest.fixture
def url(tmp_path: Path, monkeypatch) -> str:
    # An older pytest gives a removed folder to the next test, and this process keeps the environment's client.
    url = f"sqlite:///{tmp_path}/{uuid.uuid4().hex}.db"
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", url)
    return url


@pytest.fixture
def server(http_script: Scripted) -> Scripted:
    http_script.put("/api/v1/lineage")
    return http_script


@pytest.fixture
def received(server: Scripted) -> Callable[[], list[dict[str, Any]]]:
    """Return what the server was told, and forget it."""

    def take() -> list[dict[str, Any]]:
        found = [json.loads(request.body) for request in server.requests]
        server.requests.clear()
        return found

    return take


@pytest.fixture
def work(tmp_path: Path, url: str) -> Callable[[str], None]:
    """Clean data from a bucket's copy, train on it: two runs, the second with a second attempt."""
    (tmp_path / "raw").mkdir()

    def work(content: str) -> None:
        (tmp_path / "raw/a.csv").write_text(content)
        with landfast.init(project="vision", job_type="clean", name="clean it") as run:
            raw = landfast.Artifact("raw", type="dataset")
            raw.add_reference(str(tmp_path / "raw"))
            run.use_artifact(raw)
            clean = landfast.Artifact("clean", type="dataset", partition="2026/05")
            with clean.new_file("points.csv") as file:
                file.write(content)
            run.log_artifact(clean, aliases=["prod"])
        key = landfast.RunKey(system="script", deployment="here", run_id=f"train-{content}")
        for attempt, status in ((1, landfast.RunStatus.FAILED), (2, landfast.RunStatus.FINISHED)):
            client = landfast.Client(project="vision", run=key)
            client.begin_run(
                job_type="train", attempt=attempt, link="https://h/run?token=s3cret-token"
            )
            client.use("clean~2026%2F05:latest")
            if attempt == 2:
                model = landfast.Artifact("model", "model")
                with model.new_file("weights.txt") as file:
                    file.write(content)
                client.log_artifact(model)
            client.finish_run(status)

    return work
