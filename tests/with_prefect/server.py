"""A real Prefect server on loopback, with its database and home in a folder that goes away with it."""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from kit.servers.process import (
    LOOPBACK,
    Process,
    clean_environment,
    free_port,
    running,
    scratch,
)

START_TIMEOUT_S = 240
"""A cold start compiles Prefect and migrates an empty database."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefectServer:
    """A running server, and what a test wants to know of it."""

    url: str
    home: str

    @property
    def api(self) -> str:
        """What `PREFECT_API_URL` names."""
        return f"{self.url}/api"

    def environment(self) -> dict[str, str]:
        """Variables for a process that is to use it."""
        return {"PREFECT_API_URL": self.api}

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the server's HTTP API."""
        return self._ask("POST", path, json=dict(body or {}))

    def get(self, path: str) -> Any:
        """Read from the server's HTTP API."""
        return self._ask("GET", path)

    def delete(self, path: str) -> None:
        """Delete something by the server's HTTP API."""
        self._ask("DELETE", path)

    def events(self, name: str, resource: str | None = None) -> list[dict[str, Any]]:
        """Return the events of a name, oldest first, of one resource if given."""
        chosen: dict[str, Any] = {"event": {"name": [name]}, "order": "ASC"}
        if resource is not None:
            chosen["resource"] = {"id": [resource]}
        page = self.post("/events/filter", {"filter": chosen, "limit": 50})
        assert not page.get("next_page"), "more events than one page: ask for less"
        return list(page["events"])

    def runs_of(self, deployment: str) -> list[dict[str, Any]]:
        """Return the flow runs of a deployment by its name, oldest first."""
        chosen = {
            "deployments": {"name": {"any_": [deployment]}},
            "sort": "EXPECTED_START_TIME_ASC",
        }
        return list(self.post("/flow_runs/filter", chosen))

    def task_run(self, task_run_id: str) -> dict[str, Any]:
        """Return a task run, once the server has it: it is told by an event, some time after the run."""

        def asked() -> dict[str, Any] | None:
            found = self.post("/task_runs/filter", {"task_runs": {"id": {"any_": [task_run_id]}}})
            return dict(found[0]) if found else None

        return wait_for(f"task run {task_run_id}", asked)

    def _ask(self, method: str, path: str, **what: Any) -> Any:
        for pause_s in (1, 2, 4, 8, 0):
            reply = httpx.request(method, f"{self.api}{path}", timeout=120, **what)
            # A database that others write to; Prefect's own client asks again too.
            if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(pause_s)
        reply.raise_for_status()
        return reply.json() if reply.content else None


def quiet(home: str) -> dict[str, str]:
    """Return the settings of a Prefect that keeps to itself: own home, nobody told."""
    return {
        "PREFECT_HOME": home,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_COLORS": "false",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }


@contextmanager
def prefect_server() -> Iterator[PrefectServer]:
    """Run `prefect server start` until the block ends.

    Raises:
        ServerFailed: It did not start.
    """
    port = free_port()
    with scratch("prefect") as folder:
        server = PrefectServer(url=f"http://{LOOPBACK}:{port}", home=str(folder / "home"))
        command = [*prefect(), "server", "start", "--host", LOOPBACK, "--port", str(port)]
        env = clean_environment(
            folder,
            {
                **quiet(server.home),
                "PREFECT_SERVER_UI_API_URL": server.api,
                "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
            },
        )
        with running(
            command,
            name="prefect-server",
            folder=folder,
            ready=lambda: _is_healthy(server),
            env={name: value for name, value in env.items() if name != "PREFECT_API_URL"},
            timeout_s=START_TIMEOUT_S,
        ):
            yield server


@contextmanager
def background(
    *command: str, server: PrefectServer, folder: Path, says: str, env: Mapping[str, str]
) -> Iterator[Process]:
    """Run a process beside the server (a worker, a served flow) once its log says something."""
    name = Path(command[-1]).stem
    log = folder / f"{name}.log"
    log.unlink(missing_ok=True)
    with running(
        command,
        name=name,
        folder=folder,
        ready=lambda: says in log.read_text(errors="replace"),
        env={**os.environ, **server.environment(), **env},
        timeout_s=START_TIMEOUT_S,
    ) as process:
        yield process


def prefect() -> list[str]:
    """Return the command line of this environment's Prefect."""
    return [sys.executable, "-m", "prefect"]


def wait_for(what: str, found: Callable[[], T | None], timeout_s: float = 180) -> T:
    """Poll until `found` answers something, and return it.

    Raises:
        AssertionError: If it does not in time; says what was waited for.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        if answer := found():
            return answer
        assert time.monotonic() < deadline, f"no {what} in {timeout_s} s"
        time.sleep(0.5)


def _is_healthy(server: PrefectServer) -> bool:
    try:
        with urllib.request.urlopen(f"{server.api}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
