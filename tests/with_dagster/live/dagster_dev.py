"""A live `dg dev` on loopback, asked and driven through its GraphQL."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kit.servers.process import (
    LOOPBACK,
    clean_environment,
    free_port,
    running,
    tail,
)

T = TypeVar("T")

START_S = 600
STEP_S = 900
"""The most that one run, tick or page may take on a slow and busy machine."""

INSTANCE = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {max_concurrent_runs: 2, dequeue_interval_seconds: 1}
"""
READY = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus\
 locationOrLoadError { __typename ... on PythonError { message stack }\
 ... on RepositoryLocation { repositories { name } } } } } } }"
RUNS = "{ runsOrError { __typename ... on Runs { results { runId status jobName\
 assetSelection { path } tags { key value } } } } }"
LAUNCH = "mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename\
 ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }\
 ... on RunConfigValidationInvalid { errors { message } } } }"
BACKFILL = "mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {\
 __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"
STALE = "query($k: [AssetKeyInput!]) { assetNodes(assetKeys: $k) { assetKey { path }\
 partitionKeys staleStatus staleCauses { reason } } }"
STALE_PARTITIONS = "query($k: [AssetKeyInput!], $p: [String!]) { assetNodes(assetKeys: $k) {\
 staleStatusByPartition(partitions: $p) } }"
EVENTS = "query($r: ID!) { logsForRun(runId: $r) { ... on EventConnection { events {\
 __typename ... on MessageEvent { message stepKey }\
 ... on ExecutionStepFailureEvent { error { message stack cause { message stack } } } } } } }"
SENSOR = "query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { __typename\
 ... on Sensor { sensorState { id selectorId status ticks(limit: 10) { tickId status timestamp endTimestamp\
 requestedAssetMaterializationCount error { message } } } } } }"
START = "mutation($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename } }"
STOP = "mutation($i: String!, $j: String!) { stopSensor(jobOriginId: $i, jobSelectorId: $j) {\
 __typename } }"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRun:
    """A run, as the server tells it."""

    id: str
    status: str
    job: str
    assets: tuple[str, ...]
    partition: str | None
    tags: Mapping[str, str]

    @property
    def is_over(self) -> bool:
        return self.status in {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DagsterDev:
    """A running server with one code location."""

    url: str
    home: Path
    location: str = ""
    repository: str = ""

    def ask(self, query: str, **variables: Any) -> Any:
        """Send one GraphQL document and return its data."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=STEP_S) as reply:
            answer = json.load(reply)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, *keys: str, partition: str | None = None, job: str = "__ASSET_JOB") -> str:
        """Materialize or observe assets, as the buttons of the page do; return the run's id."""
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        selector = {
            "repositoryLocationName": self.location,
            "repositoryName": self.repository,
            "pipelineName": job,
            **({"assetSelection": [as_key(key) for key in keys]} if keys else {}),
        }
        parameters = {
            "selector": selector,
            "runConfigData": {},
            "executionMetadata": {"tags": tags},
        }
        answer = self.ask(LAUNCH, p=parameters)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        run_id: str = answer["run"]["runId"]
        return run_id

    def backfill(self, *keys: str, partitions: Sequence[str]) -> str:
        """Materialize partitions, one run for each; return the backfill's id."""
        parameters = {
            "assetSelection": [as_key(key) for key in keys],
            "partitionNames": [*partitions],
        }
        answer = self.ask(BACKFILL, p=parameters)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        backfill_id: str = answer["backfillId"]
        return backfill_id

    def runs(self) -> list[LiveRun]:
        """List all runs, newest first."""
        return [as_run(found) for found in self.ask(RUNS)["runsOrError"]["results"]]

    def nth_run(self, job: str, number: int) -> LiveRun:
        """Wait until a job has so many runs, all of them good ones, and return the last of these."""

        def begun() -> LiveRun | None:
            found = [run for run in reversed(self.runs()) if run.job == job]
            return found[number - 1] if len(found) >= number else None

        return self.finish(until(begun, f"run {number} of {job}").id)

    def finish(self, run_id: str) -> LiveRun:
        """Wait for the end of a run, which has to be a good one."""

        def over() -> LiveRun | None:
            return next((run for run in self.runs() if run.id == run_id and run.is_over), None)

        run = until(over, f"the end of run {run_id}")
        assert run.status == "SUCCESS", self.why(run_id)
        return run

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """Return what happened in a run."""
        found: list[dict[str, Any]] = self.ask(EVENTS, r=run_id)["logsForRun"]["events"]
        return found

    def why(self, run_id: str) -> str:
        """Return what a run says about its failure."""
        events = self.events(run_id)
        return "\n".join(str(event) for event in events if "error" in event) or str(events[-5:])

    def stale(self, *keys: str) -> dict[str, Any]:
        """Return per asset its staleness, or that of each of its partitions."""
        found: dict[str, Any] = {}
        for node in self.ask(STALE, k=[as_key(key) for key in keys])["assetNodes"]:
            key, partitions = "/".join(node["assetKey"]["path"]), node["partitionKeys"]
            found[key] = node["staleStatus"]
            if partitions:
                (each,) = self.ask(STALE_PARTITIONS, k=[as_key(key)], p=partitions)["assetNodes"]
                statuses = each["staleStatusByPartition"]
                found[key] = dict(zip(partitions, statuses, strict=True))
        return found

    def _sensor(self, name: str) -> dict[str, str]:
        return {
            "repositoryLocationName": self.location,
            "repositoryName": self.repository,
            "sensorName": name,
        }

    def _state(self, sensor: str) -> dict[str, Any]:
        answer = self.ask(SENSOR, s=self._sensor(sensor))["sensorOrError"]
        assert answer["__typename"] == "Sensor", answer
        state: dict[str, Any] = answer["sensorState"]
        return state

    def ticks(self, sensor: str) -> list[dict[str, Any]]:
        """Return the newest ticks of a sensor; none may have failed."""
        ticks: list[dict[str, Any]] = self._state(sensor)["ticks"]
        assert all(tick["status"] != "FAILURE" for tick in ticks), ticks
        return ticks

    def stop(self, sensor: str) -> None:
        """Turn a sensor off, as its switch on the page does."""
        state = self._state(sensor)
        self.ask(STOP, i=state["id"], j=state["selectorId"])
        assert self._state(sensor)["status"] == "STOPPED"

    def start(self, sensor: str) -> None:
        """Turn it on again."""
        self.ask(START, s=self._sensor(sensor))
        assert self._state(sensor)["status"] == "RUNNING"

    def next_tick(self, sensor: str) -> dict[str, Any]:
        """Wait until a sensor has looked, from a moment after this call on; return that tick."""
        since = time.time()

        def looked() -> dict[str, Any] | None:
            later = [tick for tick in self.ticks(sensor) if tick["timestamp"] > since]
            return next((tick for tick in reversed(later) if tick["endTimestamp"]), None)

        return until(looked, f"tick of {sensor}")

    def wait_for_quiet(self, sensor: str) -> list[LiveRun]:
        """Wait until all runs are over and the sensor asks for no more; return all runs."""
        while True:
            runs = until(self._all_over, lambda: f"the end of all of {self.runs()}")
            tick = self.next_tick(sensor)
            if not tick["requestedAssetMaterializationCount"] and len(self.runs()) == len(runs):
                return runs

    def _all_over(self) -> list[LiveRun] | None:
        runs = self.runs()
        return runs if all(run.is_over for run in runs) else None


def as_key(key: str) -> dict[str, list[str]]:
    return {"path": key.split("/")}


def as_run(found: Mapping[str, Any]) -> LiveRun:
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    return LiveRun(
        id=found["runId"],
        status=found["status"],
        job=found["jobName"],
        assets=tuple(sorted("/".join(key["path"]) for key in found["assetSelection"] or ())),
        partition=tags.get("dagster/partition"),
        tags=tags,
    )


def until(
    answer: Callable[[], T | None], what: str | Callable[[], str], timeout_s: float = STEP_S
) -> T:
    """Poll until something true is answered."""
    deadline = time.monotonic() + timeout_s
    while not (found := answer()):
        if time.monotonic() > deadline:
            missed = what if isinstance(what, str) else what()
            raise AssertionError(f"no {missed} in {timeout_s:g} s")
        time.sleep(0.5)
    return found


@contextmanager
def dagster_dev(
    project: Path, folder: Path, environment: Mapping[str, str]
) -> Iterator[DagsterDev]:
    """Run `dg dev` for a project, in its own process group and with a home of its own.

    Args:
        project: The folder of its pyproject.toml.
        folder: Where the instance and the log go.
        environment: Variables that its code needs.
    """
    home = folder / "dagster_home"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(INSTANCE, encoding="utf-8")
    programs = Path(sys.executable).parent
    env = clean_environment(folder, {"DAGSTER_HOME": str(home), **environment})
    env["PATH"] = f"{programs}:{env['PATH']}"
    port = free_port()
    # A shell may have us ignore SIGINT, and Dagster does with SIGTERM what it does with SIGINT.
    command = ["env", "--default-signal=INT,TERM", str(programs / "dg"), "dev"]
    command += ["--host", LOOPBACK, "--port", str(port), "--target-path", str(project)]
    server = DagsterDev(url=f"http://{LOOPBACK}:{port}", home=home)
    with running(
        command,
        name="dg-dev",
        folder=folder,
        ready=lambda: is_loaded(server),
        env=env,
        timeout_s=START_S,
    ) as process:
        (entry,) = locations(server)
        loaded = entry["locationOrLoadError"]
        assert loaded["__typename"] == "RepositoryLocation", (loaded, tail(process.log))
        yield DagsterDev(
            url=server.url,
            home=home,
            location=entry["name"],
            repository=loaded["repositories"][0]["name"],
        )


def locations(server: DagsterDev) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask(READY)["workspaceOrError"]["locationEntries"]
    return found


def is_loaded(server: DagsterDev) -> bool:
    try:
        return all(entry["loadStatus"] == "LOADED" for entry in locations(server))
    except OSError:
        time.sleep(0.5)
        return False
