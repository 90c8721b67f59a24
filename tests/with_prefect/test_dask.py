"""Shards on Dask: worker processes elsewhere, which share only the registry and the storage."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import landfast
import pytest
from kit.servers.process import LOOPBACK, answers, free_port, running

from tests.with_prefect.server import PrefectServer, wait_for

pytestmark = pytest.mark.system


@pytest.fixture
def dask_address(
    prefect_server: PrefectServer, registry_url: str, s3, tmp_path: Path
) -> Iterator[str]:
    """A scheduler and two worker processes, each in a working folder of its own."""
    dask = [sys.executable, "-m", "distributed.cli"]
    port = free_port()
    address = f"tcp://{LOOPBACK}:{port}"
    commands = {
        "dask_scheduler": ["--host", LOOPBACK, "--port", str(port), "--no-dashboard"],
        "dask_worker": [address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"],
    }
    with ExitStack() as stack:
        for name, arguments in commands.items():
            folder = tmp_path / name
            folder.mkdir()
            stack.enter_context(
                running(
                    [*dask[:2], f"distributed.cli.{name}", *arguments],
                    name=name,
                    folder=folder,
                    ready=lambda: answers(port),
                    env=dict(os.environ),
                    timeout_s=120,
                )
            )
        yield address


def test_shards_on_dask_workers_in_another_folder_are_one_version(
    dask_address: str, prefect_server: PrefectServer, s3, registry_url: str
) -> None:
    from prefect_dask import DaskTaskRunner
    from prefect_landfast import snapshot_artifact

    bucket = s3.bucket(versioning="Enabled")
    for number in range(60):
        s3.put(bucket, f"many/{number:02}.txt", str(number).encode())
    on_dask = snapshot_artifact.with_options(task_runner=DaskTaskRunner(address=dask_address))
    state = on_dask("vision/many", f"s3://{bucket}/many/", shards=3, return_state=True)
    assert state.message == "new version v0, 60 files, 110 B"
    version = state.result()
    client = landfast.Client()
    assert version.digest == client.probe(f"s3://{bucket}/many/")
    # The runs of the shards leave no edge; the one that logged does, once.
    edges = client.registry.edges(versions=[version.record.id])
    assert [edge.run.run_id for edge in edges] == [str(state.state_details.flow_run_id)]
    for shards in (1, 2, 7, 64):
        again = on_dask("vision/many", f"s3://{bucket}/many/", shards=shards)
        assert (again, again.changed) == (version, False)


def test_a_registry_that_only_this_machine_has_is_refused_on_dask(
    dask_address: str, prefect_server: PrefectServer, s3, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect_dask import DaskTaskRunner
    from prefect_landfast import snapshot_artifact

    monkeypatch.delenv("LANDFAST_REGISTRY_URL")
    bucket = s3.bucket(versioning="Enabled")
    s3.put(bucket, "many/a.txt", b"a")
    on_dask = snapshot_artifact.with_options(task_runner=DaskTaskRunner(address=dask_address))
    state = on_dask("vision/many", f"s3://{bucket}/many/", shards=2, return_state=True)
    assert state.is_failed()
    with pytest.raises(landfast.InvalidInput, match=r"DaskTaskRunner.*LANDFAST_REGISTRY_URL"):
        state.result()


def test_mend_31_on_workers_elsewhere_it_is_said_that_results_stay_where_they_are(
    dask_address: str, prefect_server: PrefectServer
) -> None:
    from prefect import flow, task
    from prefect_dask import DaskTaskRunner
    from prefect_landfast import ARTIFACT_DIGEST

    @task(cache_policy=ARTIFACT_DIGEST, persist_result=True)
    def train(lr: float) -> float:
        return lr

    @flow(name="cached-on-dask", task_runner=DaskTaskRunner(address=dask_address))
    def pipeline() -> float:
        return train.submit(0.1).result()

    assert pipeline() == 0.1
    wait_for(
        "the word on results",
        lambda: [
            line
            for line in prefect_server.post("/logs/filter", {"sort": "TIMESTAMP_DESC"})
            if "results are kept on this machine's disk" in line["message"]
        ],
    )
