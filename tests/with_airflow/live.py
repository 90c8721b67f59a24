"""A whole Airflow on loopback: `airflow standalone`, one process group.

Its log servers would listen on every address, and no setting stops them but an argument of the components
that `standalone` gives none: the `airflow` that it finds on its path adds it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
from kit.servers.process import (
    LOOPBACK,
    Process,
    ServerFailed,
    clean_environment,
    free_port,
    running,
    tail,
)

T = TypeVar("T")

START_S = 300.0
"""Seconds that all components together may take to report that they are healthy."""
WAIT_S = 240.0
"""Seconds that anything in a running Airflow may take on a slow machine."""
# What `airflow standalone` calls for each component; each has a log of its own.
_AIRFLOW = """#!/bin/sh
case $1 in
  scheduler | triggerer) exec {python} -m airflow "$@" --skip-serve-logs >> "$AIRFLOW_HOME/$1.log" 2>&1 ;;
  api-server | dag-processor) exec {python} -m airflow "$@" >> "$AIRFLOW_HOME/$1.log" 2>&1 ;;
  *) exec {python} -m airflow "$@" ;;
esac
"""
# Known from the start: components that draw one each could not read each other's triggers.
_KEY = b"for-tests-only-thirty-two-bytes!"
_ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}


class NeverHappened(AssertionError):
    """Airflow did not come to a state in time; the message ends with what it was in."""


@dataclass(slots=True, kw_only=True)
class Live:
    """A running Airflow; its REST interface in a few words."""

    url: str
    home: Path
    env: dict[str, str]
    token: str = field(default="", repr=False)
    processes: dict[str, tuple[Process, ExitStack]] = field(default_factory=dict)

    @property
    def dags(self) -> Path:
        """The DAGs folder."""
        return self.home / "dags"

    def get(self, path: str, **query: Any) -> Any:
        """Return what the public API answers."""
        return self._ask("GET", f"/api/v2/{path}", query=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send something to the public API."""
        return self._ask("POST", f"/api/v2/{path}", body=body)

    def patch(self, path: str, body: Mapping[str, Any], **query: Any) -> Any:
        """Change something by the public API."""
        return self._ask("PATCH", f"/api/v2/{path}", body=body, query=query)

    def wait(self, what: str, ask: Callable[[], T | None], *, timeout_s: float = WAIT_S) -> T:
        """Ask until there is an answer that is true, and return it.

        Raises:
            NeverHappened: If there is none in time; says what all runs were doing, and the ends of the logs.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if answer := ask():
                return answer
            time.sleep(0.5)
        raise NeverHappened(f"{what}: not within {timeout_s:g} s\n{self.state()}")

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a DAG run by hand and return its id."""
        run = self.post(f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return str(run["dag_run_id"])

    def run(self, dag_id: str, **conf: Any) -> str:
        """Start a DAG run by hand, wait for its success, and return its id."""
        run_id = self.trigger(dag_id, **conf)
        self.succeeded(dag_id, run_id)
        return run_id

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the runs of a DAG, oldest first."""
        found = self.get(f"dags/{dag_id}/dagRuns", order_by="id", limit=100)
        return list(found["dag_runs"])

    def succeeded(self, dag_id: str, run_id: str) -> None:
        """Wait until a DAG run has ended, and expect success."""

        def ended() -> str | None:
            state = self.get(f"dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id)}")["state"]
            return state if state in _ENDED else None

        state = self.wait(f"{dag_id} {run_id} ends", ended)
        if state != "success":
            raise NeverHappened(f"{dag_id} {run_id} is {state}\n{self.state()}\n{self.logs()}")

    def nth_run(self, dag_id: str, number: int) -> dict[str, Any]:
        """Wait until a DAG has `number` runs and the last of them succeeded; return that one."""
        self.wait(f"{dag_id} has run {number}", lambda: len(self.runs(dag_id)) >= number)
        run = self.runs(dag_id)[number - 1]
        self.succeeded(dag_id, run["dag_run_id"])
        return run

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return a task instance."""
        run = urllib.parse.quote(run_id)
        return dict(self.get(f"dags/{dag_id}/dagRuns/{run}/taskInstances/{task_id}"))

    def task_is(self, dag_id: str, run_id: str, task_id: str, *states: str) -> dict[str, Any]:
        """Wait until a task instance is in one of these states."""

        def there() -> dict[str, Any] | None:
            found = self.task(dag_id, run_id, task_id)
            return found if found["state"] in states else None

        return self.wait(f"{dag_id}.{task_id} of {run_id} is {' or '.join(states)}", there)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return what a task handed on."""
        run = urllib.parse.quote(run_id)
        path = f"dags/{dag_id}/dagRuns/{run}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(path, deserialize="true")["value"]

    def events(self, asset: str) -> list[dict[str, Any]]:
        """Return the events of an asset by its name, oldest first."""
        found = self.get("assets", name_pattern=asset)["assets"]
        ids = [each["id"] for each in found if each["name"] == asset]
        if not ids:
            return []
        return list(
            self.get("assets/events", asset_id=ids[0], order_by="timestamp")["asset_events"]
        )

    def start(self, name: str) -> None:
        """Start `standalone`, or one component beside it."""
        stack = ExitStack()
        process = stack.enter_context(
            running(
                [str(self.home / "bin" / "airflow"), name],
                name=name,
                folder=self.home,
                env=self.env,
                ready=lambda: True,
                stop_signal=signal.SIGINT,
            )
        )
        self.processes[name] = (process, stack)

    def stop(self) -> None:
        """Stop everything, the last that was started first."""
        while self.processes:
            _, (_, stack) = self.processes.popitem()
            stack.close()

    def stop_component(self, name: str) -> None:
        """Stop one component of `standalone`, which does not start it again."""
        standalone, _ = self.processes["standalone"]
        started = psutil.Process(standalone.pid).children()
        [component] = [each for each in started if each.cmdline()[1:4] == ["-m", "airflow", name]]
        component.terminate()
        self.wait(f"{name} ends", lambda: _has_ended(component))

    def state(self) -> str:
        """Tell what every DAG run and task instance is doing, for an error message."""
        with contextlib.suppress(Exception):
            runs = self.get("dags/~/dagRuns", limit=100)["dag_runs"]
            lines = [f"{run['dag_id']} {run['dag_run_id']}: {run['state']}" for run in runs]
            for run in runs:
                path = f"dags/{run['dag_id']}/dagRuns/{urllib.parse.quote(run['dag_run_id'])}"
                tasks = self.get(f"{path}/taskInstances")["task_instances"]
                lines += [f"  {task['task_id']}: {task['state']}" for task in tasks]
            errors = self.get("importErrors")["import_errors"]
            return "\n".join([*lines, *(error["stack_trace"] for error in errors)])
        return "the API does not answer"

    def logs(self, lines: int = 60) -> str:
        """Return the ends of the newest task logs and of the components' logs."""
        files = sorted((self.home / "logs").rglob("attempt=*.log*"), key=os.path.getmtime)[-3:]
        files += sorted(self.home.glob("*.log"))
        return "\n".join(f"== {file.name}\n{tail(file, lines)}" for file in files)

    def task_logs(self) -> str:
        """Return everything that tasks, triggers and components have logged so far."""
        files = [*(self.home / "logs").rglob("*.log*"), *self.home.glob("*.log")]
        return "\n".join(file.read_text(errors="replace") for file in files if file.is_file())

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        asked = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(asked, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            error.add_note(f"{method} {asked}: {error.read().decode(errors='replace')[:2000]}")
            raise


def _has_ended(process: psutil.Process) -> bool:
    """Tell whether a process ended; `standalone` does not ask after those that it started."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def settings(home: Path, port: int) -> dict[str, str]:
    """Return the environment of an Airflow that stays on loopback, is small, and looks often."""
    url = f"http://{LOOPBACK}:{port}"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": "for-tests-only",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-tests-only-but-long-enough-to-sign-with",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(_KEY).decode(),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "NO_PROXY": LOOPBACK,
    }


def migrate(template: Path) -> None:
    """Make a SQLite file with Airflow's tables, to be copied."""
    home = template.with_suffix(".home")
    home.mkdir(parents=True, exist_ok=True)
    variables = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=clean_environment(home, variables),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"airflow db migrate failed:\n{done.stderr[-4000:]}")
    with contextlib.closing(sqlite3.connect(home / "airflow.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (home / "airflow.db").rename(template)


@contextlib.contextmanager
def live(home: Path, database: Path, dags: Path, env: Mapping[str, str]) -> Iterator[Live]:
    """Run Airflow until the block ends.

    Args:
        home: An empty folder for it.
        database: What `migrate` made.
        dags: A folder of DAG files; copied, with the test's own as the only ones.
        env: More of its environment: connections, registry.
    """
    port = free_port()
    shutil.copytree(dags, home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(database, home / "airflow.db")
    variables = clean_environment(home, {**settings(home, port), **env})
    variables["PATH"] = f"{home / 'bin'}{os.pathsep}{variables['PATH']}"
    airflow = Live(url=f"http://{LOOPBACK}:{port}", home=home, env=variables)
    (home / "bin").mkdir()
    program = home / "bin" / "airflow"
    program.write_text(_AIRFLOW.format(python=shlex.quote(sys.executable)))
    program.chmod(0o755)
    try:
        airflow.start("standalone")
        _wait_until_healthy(airflow)
        yield airflow
    finally:
        airflow.stop()


def _wait_until_healthy(airflow: Live) -> None:
    deadline = time.monotonic() + START_S
    asked: Any = None
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            asked = airflow.get("monitor/health")
            parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
            if all(asked[part]["status"] == "healthy" for part in parts):
                airflow.token = airflow._ask("GET", "/auth/token")["access_token"]
                return
        time.sleep(0.5)
    raise ServerFailed(f"Airflow is not healthy after {START_S:g} s: {asked}\n{airflow.logs()}")
