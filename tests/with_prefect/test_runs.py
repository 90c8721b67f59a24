"""Lineage of flows on a real server: which flow run and task run used and logged what."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import landfast
import pytest
from landfast.model.lineage import Direction
from prefect import flow, task, unmapped
from prefect.transactions import transaction
from prefect_landfast import (
    LandfastRegistry,
    alog_reference,
    ause_artifact,
    landfast_client,
    log_reference,
    promote_artifact,
    run_env,
    use_artifact,
)

from tests.with_prefect.server import PrefectServer, wait_for

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("registry_url")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("a")
    return tmp_path / "data"


def edges_of(name: str) -> list[tuple[str, str, Direction]]:
    """Return flow run, task and direction of each edge of a version."""
    edges = landfast.Client().lineage(name).edges
    return [(edge.run.run_id, edge.run.node, edge.direction) for edge in edges]


def flow_run_of(prefect_server: PrefectServer, name: str) -> dict[str, Any]:
    (run,) = prefect_server.post("/flow_runs/filter", {"flows": {"name": {"any_": [name]}}})
    return dict(run)


def test_edges_carry_flow_run_and_task_run_and_link_to_its_page(
    prefect_server: PrefectServer, folder: Path
) -> None:
    @flow(name="carries")
    def pipeline() -> None:
        log_reference("flowers", folder)
        use_artifact("flowers")

    pipeline()
    run = flow_run_of(prefect_server, "carries")
    assert edges_of("flowers:v0") == [
        (run["id"], "log_reference", Direction.LOGGED),
        (run["id"], "use_artifact", Direction.USED),
    ]
    used = landfast.Client().get("flowers").used_by()[0]
    task_run = prefect_server.task_run(used.config["task_run_id"])
    assert task_run["flow_run_id"] == run["id"]
    assert used.link == f"{prefect_server.url}/runs/task-run/{task_run['id']}"
    assert (used.key.system, used.key.deployment) == ("prefect", prefect_server.api)
    assert (used.job_type, used.name) == ("carries", f"{run['name']}/{task_run['name']}")
    assert (str(used.status), used.attempt) == ("finished", 1)


@pytest.mark.parametrize("retried", ["task", "flow"])
def test_a_retry_adds_no_edge_and_no_version(
    prefect_server: PrefectServer, folder: Path, retried: str
) -> None:
    tries: list[int] = []

    def fail_at_first() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("the network was away")

    @task(retries=1 if retried == "task" else 0)
    def train(data: landfast.ArtifactVersion) -> None:
        use_artifact.fn(data)
        log_reference.fn("model", folder)
        if retried == "task":
            fail_at_first()

    @flow(name=f"retried-{retried}", retries=1 if retried == "flow" else 0)
    def pipeline() -> None:
        log_reference("flowers", folder)
        train(use_artifact("flowers"))
        if retried == "flow":
            fail_at_first()

    pipeline()
    assert len(tries) == 2
    run = flow_run_of(prefect_server, f"retried-{retried}")
    assert edges_of("flowers:v0") == [
        (run["id"], "log_reference", Direction.LOGGED),
        (run["id"], "use_artifact", Direction.USED),
        (run["id"], "train", Direction.USED),
        (run["id"], "train", Direction.LOGGED),
    ]
    client = landfast.Client()
    assert [len(client.versions(name)) for name in ("flowers", "model")] == [1, 1]
    assert client.get("model").logged_by().attempt == 2  # type: ignore[union-attr]


def test_a_task_without_a_flow_is_a_run_of_its_own(
    prefect_server: PrefectServer, folder: Path
) -> None:
    version = log_reference("flowers", folder)
    ((run_id, node, direction),) = edges_of("flowers:v0")
    assert (node, direction) == ("log_reference", Direction.LOGGED)
    assert version.logged_by().config["task_run_id"] == str(UUID(run_id))  # type: ignore[union-attr]
    assert prefect_server.url in version.logged_by().link  # type: ignore[union-attr, operator]


def test_a_consumer_that_materializes_nothing_has_its_edge(
    prefect_server: PrefectServer, folder: Path
) -> None:
    @task
    def count(data: landfast.ArtifactVersion) -> int:
        return data.file_count

    @flow(name="consumer")
    def consumer() -> int:
        return count(use_artifact("flowers"))

    landfast.Client().log("flowers", folder)
    assert consumer() == 1
    run = flow_run_of(prefect_server, "consumer")
    assert (run["id"], "use_artifact", Direction.USED) in edges_of("flowers:v0")


def test_what_is_logged_stems_from_what_its_arguments_stem_from(
    prefect_server: PrefectServer, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").write_text("other")

    @task
    def train(data: landfast.ArtifactVersion) -> str:
        return str(folder / "a") if data.file_count else ""

    @flow
    def pipeline() -> None:
        log_reference("other", tmp_path / "other")
        data = use_artifact(log_reference("flowers", folder))
        log_reference("model", train(data))

    pipeline()
    upstream = landfast.Client().lineage("model:v0").upstream
    assert [name.collection for name in upstream] == ["flowers"]
    assert prefect_server.url


def test_a_flow_that_reads_and_writes_between_its_tasks_is_one_chain(
    prefect_server: PrefectServer, folder: Path, tmp_path: Path
) -> None:
    tries: list[int] = []

    @flow(name="natural", retries=1)
    def pipeline() -> None:
        log_reference("late", folder)
        log_reference("early", folder)
        used = use_artifact("early")
        (tmp_path / "half").write_text(used.uris()[0])
        log_reference("half", tmp_path / "half")
        log_reference("apart", folder, inputs=[])
        use_artifact("late")
        tries.append(1)
        if len(tries) == 1:
            raise OSError("the network was away")

    pipeline()
    client = landfast.Client()
    upstream = {
        name: [str(each) for each in client.lineage(name).upstream]
        for name in ("half", "apart", "early", "late")
    }
    early = "default/uncategorized/early:v0"
    # What is used after a log has no part in it, also not for the retry, which meets the same run.
    assert upstream == {"half": [early], "apart": [], "early": [], "late": []}
    run = flow_run_of(prefect_server, "natural")
    assert edges_of("half:v0") == [
        (run["id"], "log_reference", Direction.LOGGED),
        (run["id"], "log_reference", Direction.USED),
        (run["id"], "log_reference", Direction.LOGGED),
    ]
    readers = [(edge.run.run_id, edge.run.node) for edge in client.uses("early")]
    assert readers == [(run["id"], "use_artifact"), (run["id"], "log_reference")], (
        "each task is told"
    )
    half = client.get("half")
    shown = subprocess.run(
        [sys.executable, "-m", "landfast", "lineage", "half"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert half.record.run is not None
    assert re.search(rf"made from +{early}\n> {half.qualified_name}", shown), shown


def test_a_flow_that_has_its_tasks_depend_on_each_other_says_itself_what_went_into_what(
    prefect_server: PrefectServer, folder: Path
) -> None:
    @task
    def clean(data: landfast.ArtifactVersion) -> str:
        return str(data.uris()[0].removeprefix("file://"))

    @flow
    def pipeline() -> None:
        log_reference("raw", folder)
        log_reference("other", folder)
        use_artifact("other")
        log_reference("clean", clean(use_artifact("raw")))

    pipeline()
    upstream = landfast.Client().lineage("clean").upstream
    assert [str(each) for each in upstream] == ["default/uncategorized/raw:v0"]


def test_verbs_can_be_submitted_mapped_and_given_options(
    prefect_server: PrefectServer, tmp_path: Path
) -> None:
    places = [tmp_path / name for name in ("a", "b", "c")]
    for place in places:
        place.write_text(place.name)

    @flow
    def pipeline() -> list[landfast.ArtifactVersion]:
        log = log_reference.with_options(retries=2, task_run_name="log {artifact}")
        future = log.submit("first", places[0])
        mapped = log.map([p.name for p in places], places, tags=unmapped(["raw"]))
        return [use_artifact.submit(future).result(), *mapped.result()]

    versions = pipeline()
    assert [version.collection for version in versions] == ["first", "a", "b", "c"]
    assert [version.tags for version in versions[1:]] == [("raw",)] * 3
    assert versions[1].logged_by().name.endswith("/log a")  # type: ignore[union-attr]
    assert prefect_server.url


async def _async_pipeline(folder: Path) -> landfast.ArtifactVersion:
    logged = await alog_reference("flowers", folder)
    assert log_reference("flowers", folder) == logged  # a sync task in an async flow
    return await ause_artifact(logged)


def test_an_async_flow_logs_and_uses(prefect_server: PrefectServer, folder: Path) -> None:
    import asyncio

    pipeline: Callable[[Path], Any] = flow(name="async")(_async_pipeline)
    assert asyncio.run(pipeline(folder)).version == "v0"
    run = flow_run_of(prefect_server, "async")
    nodes = [(run["id"], node) for node in ("alog_reference", "log_reference", "ause_artifact")]
    assert [edge[:2] for edge in edges_of("flowers:v0")] == nodes


def test_a_subprocess_of_a_task_logs_in_its_name(
    prefect_server: PrefectServer, folder: Path
) -> None:
    script = "import landfast; landfast.init().use_artifact('flowers')"

    @task
    def shell() -> None:
        import os

        env = {**os.environ, **run_env()}
        subprocess.run([sys.executable, "-c", script], env=env, check=True)

    @flow(name="shell")
    def pipeline() -> None:
        log_reference("flowers", folder)
        shell()

    pipeline()
    run = flow_run_of(prefect_server, "shell")
    assert (run["id"], "shell", Direction.USED) in edges_of("flowers:v0")


def test_a_flow_without_tasks_is_the_run_itself(
    prefect_server: PrefectServer, folder: Path
) -> None:
    @flow(name="plain")
    def pipeline() -> None:
        landfast_client().log("flowers", folder)

    pipeline()
    run = flow_run_of(prefect_server, "plain")
    assert edges_of("flowers:v0") == [(run["id"], "", Direction.LOGGED)]


def test_a_failed_log_leaves_a_failed_run(prefect_server: PrefectServer, tmp_path: Path) -> None:
    @flow
    def pipeline() -> None:
        log_reference("flowers", tmp_path / "nothing-here")

    with pytest.raises(landfast.NotFound):
        pipeline()
    assert [str(run.status) for run in landfast.Client().runs()] == ["failed"]
    assert prefect_server.url


def statuses() -> dict[str, str]:
    """Return how each run stands, by its node; "" is the flow's own."""
    return {run.key.node: str(run.status) for run in landfast.Client().runs()}


@pytest.mark.parametrize("ending", ["finished", "failed"])
def test_mend_29_a_run_that_a_body_began_ends_as_the_task_and_the_flow_end(
    prefect_server: PrefectServer, folder: Path, ending: str
) -> None:
    @task
    def train() -> None:
        use_artifact.fn("flowers")
        landfast_client().log("model", folder)
        assert statuses()["train"] == "running"
        if ending == "failed":
            raise RuntimeError("no convergence")

    @flow
    def pipeline() -> None:
        landfast_client().log("flowers", folder)
        train()

    with suppress(RuntimeError):
        pipeline()
    assert statuses() == {"": ending, "train": ending}
    assert prefect_server.url


def test_mend_29_a_run_of_a_process_that_ends_before_prefect_says_so_has_failed(
    prefect_server: PrefectServer, folder: Path
) -> None:
    script = (
        "import sys, prefect, prefect_landfast\n"
        "@prefect.task\n"
        "def give_up():\n"
        f"    prefect_landfast.landfast_client().log('flowers', {str(folder)!r})\n"
        "    raise KeyboardInterrupt\n"
        "give_up()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode != 0
    assert statuses() == {"give_up": "failed"}
    assert prefect_server.url


def test_mend_29_a_rollback_is_of_the_run_that_promoted(
    prefect_server: PrefectServer, folder: Path
) -> None:
    @task
    def fail() -> None:
        raise RuntimeError("bad model")

    @flow
    def pipeline() -> None:
        log_reference("flowers", folder)
        with transaction():
            promote_artifact("flowers", "prod")
            fail()

    with suppress(RuntimeError):
        pipeline()
    assert statuses() == {"log_reference": "finished", "promote_artifact": "finished"}
    with pytest.raises(landfast.NotFound):
        landfast.Client().get("flowers:prod")
    assert prefect_server.url


def test_mend_29_a_retried_task_that_changes_its_arguments_is_one_run(
    prefect_server: PrefectServer, folder: Path
) -> None:
    @task(retries=2)
    def train(steps: list[int]) -> None:
        steps.append(len(steps))
        landfast_client().log("model", folder)
        log_reference.fn("copy", folder)
        if len(steps) < 3:
            raise OSError("the network was away")

    @flow
    def pipeline() -> None:
        train([])

    pipeline()
    (run,) = landfast.Client().runs()
    assert (run.key.node, run.attempt, str(run.status)) == ("train", 3, "finished")
    assert prefect_server.url


def test_mend_30_a_log_by_the_client_tells_prefect_as_that_of_a_task_does(
    prefect_server: PrefectServer, folder: Path
) -> None:
    @flow
    def pipeline() -> None:
        landfast_client().log("told-by-client", folder)
        draft = landfast.Artifact("told-by-draft", "dataset", client=landfast_client())
        draft.add_reference(folder)
        draft.save()

    pipeline()
    for name in ("told-by-client", "told-by-draft"):
        resource = f"landfast.artifact.default/uncategorized/{name}"
        (event,) = wait_for(
            name, lambda of=resource: prefect_server.events("landfast.artifact.changed", of)
        )
        assert event["payload"]["version"] == "v0"


def test_mend_31_a_block_is_loaded_once_for_a_flow_run(
    prefect_server: PrefectServer, folder: Path, tmp_path: Path
) -> None:
    LandfastRegistry(url=f"sqlite:///{tmp_path}/own.db").save("once", overwrite=True)

    @flow
    def pipeline(name: str) -> None:
        log_reference(name, folder, registry="once")
        wait_all = [use_artifact.submit(name, registry="once") for _ in range(5)]
        assert [future.result().version for future in wait_all] == ["v0"] * 5

    for name in ("first", "second"):
        pipeline(name)
    loaded = wait_for(
        "two loads",
        lambda: (
            (found := prefect_server.events("prefect.block.landfast-registry.loaded"))
            and [e for e in found if e["resource"].get("prefect.resource.name") == "once"][1:]
        ),
    )
    assert len(loaded) == 1, "one more than the first"


def test_mend_31_runs_and_their_logs_say_what_they_are_about(
    prefect_server: PrefectServer, folder: Path
) -> None:
    @flow(name="telling")
    def pipeline() -> None:
        version = log_reference("vision/flowers", folder)
        use_artifact(version)
        promote_artifact("vision/flowers:v0", "prod")

    pipeline()
    run = flow_run_of(prefect_server, "telling")
    chosen = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    named = wait_for(
        "three task runs",
        lambda: (found := prefect_server.post("/task_runs/filter", chosen))[2:] and found,
    )
    assert {each["name"] for each in named} == {
        "log vision/flowers",
        "use default/vision/flowers:v0",
        "promote vision/flowers:v0 to prod",
    }
    wanted = {
        "default/vision/flowers: new version v0, 1 files, 1 B",
        "uses default/vision/flowers:v0",
        "default/vision/flowers:v0 is default/vision/flowers:prod now",
    }
    logged = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "limit": 200}
    wait_for(
        "what they said",
        lambda: wanted <= {line["message"] for line in prefect_server.post("/logs/filter", logged)},
    )
