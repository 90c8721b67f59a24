"""The systems of the example, each as processes of its own Python environment, home and working folder.

They share what a team would share: the registry's URL, the bucket's endpoint and keys, nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import landfast
import psutil
from kit.servers.moto import moto
from kit.servers.postgres import postgres
from kit.servers.process import LOOPBACK, clean_environment, free_port, running, tail
from kit.servers.s3 import S3Server

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUCKET, STORE = "weather", "manifests"
START_S = 420.0
"""Seconds that all systems together may take to answer, on a slow and busy machine."""

WATCH = (
    "watch",
    "weather/model",
    "--consumer",
    "release",
    "--interval",
    "1",
    "--exec",
    "./release.sh",
)

DAGSTER = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {max_concurrent_runs: 2, dequeue_interval_seconds: 1}
# A run that was killed with the machine says nothing more: after so long it is tried again.
run_monitoring: {enabled: true, max_runtime_seconds: 120, poll_interval_seconds: 5}
run_retries: {enabled: true, max_retries: 2}
"""


@dataclass(kw_only=True)
class System:
    """One orchestrator, or a part of it: its processes, where they run, and what they are given.

    Args:
        name: Such as `airflow`.
        python: The folder of its environment's programs.
        folder: Its home, with the working folder in it.
        env: Its whole environment.
        commands: Arguments by the name of the process; the program is one of `python`.
        prepare: Arguments of what has to be done once before.
        health: Where it answers once it works; None if nobody can ask.
        is_well: What the answer has to be.
    """

    name: str
    python: Path
    folder: Path
    env: dict[str, str]
    commands: dict[str, Sequence[str]]
    prepare: Sequence[str] | None = None
    health: str | None = None
    is_well: Callable[[Any], bool] = bool
    _running: dict[str, tuple[int, ExitStack]] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """Its working folder."""
        return self.folder / "work"

    def start(self) -> None:
        """Start its processes that do not run; they are not waited for."""
        for process, arguments in self.commands.items():
            if process in self._running:
                continue
            stack = ExitStack()
            program = running(
                [str(self.python / arguments[0]), *arguments[1:]],
                name=process,
                folder=self.work,
                env=self.env,
                ready=lambda: True,
                stop_signal=signal.SIGINT,
            )
            self._running[process] = (stack.enter_context(program).pid, stack)

    def call(self, program: str, *arguments: str) -> str:
        """Run a program of its environment to its end, and return what it printed."""
        done = subprocess.run(  # noqa: S603
            [str(self.python / program), *arguments],
            cwd=self.work,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} {arguments[0]} failed\n{done.stderr}")
        return done.stdout

    def pid(self, process: str) -> int:
        """Return the id of one of its processes that run."""
        return self._running[process][0]

    def kill(self, process: str) -> None:
        """End a process and all that it has started, without a warning, as a machine that loses power."""
        pid, stack = self._running.pop(process)
        for each in [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        stack.close()

    def interrupt(self) -> None:
        """Ask its processes to end, as Ctrl-C does; they are not waited for."""
        for pid, _ in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)

    def stop(self) -> None:
        """End everything in an orderly way."""
        for _, stack in self._running.values():
            stack.close()
        self._running.clear()

    def wait(self, timeout_s: float = START_S) -> None:
        """Wait until it answers.

        Raises:
            TimeoutError: If it does not in time; ends with its logs.
        """
        deadline = time.monotonic() + timeout_s
        while self.health is not None:
            with contextlib.suppress(OSError, ValueError):
                if self.is_well(ask(self.health)):
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} is not well after {timeout_s:g} s\n{self.logs()}")
            time.sleep(0.5)

    def logs(self, lines: int = 40) -> str:
        """Return the ends of its logs."""
        files = sorted(self.work.glob("*.log"))
        return "\n".join(f"== {file.name}\n{tail(file, lines)}" for file in files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Everything that runs: the bucket, the registry, and the systems by name."""

    folder: Path
    s3: S3Server
    registry_url: str
    ui_url: str
    systems: dict[str, System]
    urls: dict[str, str]

    def client(self) -> landfast.Client:
        """Return a client on the registry that all share, for who looks from outside."""
        settings = landfast.load_settings(registry_url=self.registry_url, project="weather")
        return landfast.Client(settings=settings, clients={"s3": lambda: self.s3.client})

    def deliver(self, month: str, *celsius: float) -> None:
        """Be the vendor: write the readings of a month."""
        rows = [f"{month}-{day:02},{degrees}" for day, degrees in enumerate(celsius, start=1)]
        self.s3.put(BUCKET, f"readings/{month}.csv", "\n".join(rows).encode())

    def snapshot(self) -> str:
        """Start Airflow's DAG, as its button does, and return the id of the run."""
        url, body = self.urls["airflow"], {"logical_date": None}
        run = ask(f"{url}/api/v2/dags/readings/dagRuns", body, token=airflow_token(url))
        return str(run["dag_run_id"])

    def lineage(self, name: str, *options: str) -> str:
        """Return what `landfast lineage` prints in the shell."""
        return self.systems["shell"].call("landfast", "lineage", name, *options)


@contextlib.contextmanager
def together(folder: Path, s3: S3Server | None = None) -> Iterator[Together]:
    """Run everything until the block ends; what is started is waited for.

    Args:
        folder: An empty folder for homes, working folders and logs.
        s3: An empty S3 server; None starts one.
    """
    with ExitStack() as stack:
        s3 = s3 or stack.enter_context(moto())
        for bucket in (BUCKET, STORE):
            s3.client.create_bucket(Bucket=bucket)
            s3.set_versioning(bucket, "Enabled")
        database = stack.enter_context(postgres()).create()
        # Any password will do there; with one, nobody may show the URL.
        registry_url = database.replace("postgres@", f"postgres:{secrets.token_hex(8)}@")
        urls = {
            name: f"http://{LOOPBACK}:{free_port()}"
            for name in ("airflow", "dagster", "prefect", "landfast")
        }
        shared = {
            **s3.environment(),
            "LANDFAST_REGISTRY_URL": registry_url,
            "LANDFAST_PROJECT": "weather",
            "LANDFAST_UI_URL": urls["landfast"],
            "NO_PROXY": LOOPBACK,
        }
        systems = {each.name: each for each in _systems(folder, urls, shared)}
        systems["shell"].call(
            "landfast", "registry", "init", registry_url, "--store", f"s3://{STORE}/landfast"
        )
        preparing = {each.name: _prepare(each) for each in systems.values() if each.prepare}
        for each in systems.values():
            stack.callback(each.stop)
        for each in systems.values():
            stack.callback(each.interrupt)  # all at once, before any is waited for
        # The quick ones first; Airflow makes its tables meanwhile.
        for name in ("landfast", "shell", "prefect", "dagster"):
            systems[name].start()
        for name, preparation in preparing.items():
            _finish(systems[name], preparation)
        systems["airflow"].start()
        systems["prefect"].wait()
        systems["trainer"].start()
        for each in systems.values():
            each.wait()
        yield Together(
            folder=folder,
            s3=s3,
            registry_url=registry_url,
            ui_url=urls["landfast"],
            systems=systems,
            urls=urls,
        )


def _systems(folder: Path, urls: Mapping[str, str], shared: Mapping[str, str]) -> Iterator[System]:
    ports = {name: url.rpartition(":")[2] for name, url in urls.items()}
    at = {name: ("--host", LOOPBACK, "--port", port) for name, port in ports.items()}

    airflow = _placed(folder / "airflow", "airflow_dags")
    yield System(
        name="airflow",
        python=_programs("airflow"),
        folder=airflow,
        env=_environment(airflow, "airflow", shared, _airflow(airflow, urls["airflow"])),
        prepare=("airflow", "db", "migrate"),
        commands={
            "api-server": ("airflow", "api-server"),
            "scheduler": ("airflow", "scheduler", "--skip-serve-logs"),
            "dag-processor": ("airflow", "dag-processor"),
        },
        health=f"{urls['airflow']}/api/v2/monitor/health",
        is_well=lambda said: all(
            said[part]["status"] == "healthy"
            for part in ("metadatabase", "scheduler", "dag_processor")
        ),
    )
    dagster = _placed(folder / "dagster", "dagster_defs.py")
    (dagster / "instance").mkdir()
    (dagster / "instance" / "dagster.yaml").write_text(DAGSTER)
    yield System(
        name="dagster",
        python=_programs("dagster"),
        folder=dagster,
        env=_environment(
            dagster,
            "dagster",
            shared,
            {"DAGSTER_HOME": str(dagster / "instance"), "DAGSTER_URL": urls["dagster"]},
        ),
        commands={"dagster": ("dagster", "dev", "-f", "dagster_defs.py", *at["dagster"])},
        health=f"{urls['dagster']}/graphql?query={{repositoriesOrError{{__typename}}}}",
        is_well=lambda said: (
            said["data"]["repositoriesOrError"]["__typename"] == "RepositoryConnection"
        ),
    )
    prefect = _placed(folder / "prefect")
    quiet = {
        "PREFECT_HOME": str(prefect / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_SERVER_UI_API_URL": f"{urls['prefect']}/api",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
    }
    yield System(
        name="prefect",
        python=_programs("prefect"),
        folder=prefect,
        env=_environment(prefect, "prefect", {"NO_PROXY": LOOPBACK}, quiet),
        commands={"prefect-server": ("prefect", "server", "start", *at["prefect"])},
        health=f"{urls['prefect']}/api/health",
    )
    trainer = _placed(folder / "trainer", "prefect_flows.py")
    asked = {
        **quiet,
        "PREFECT_HOME": str(trainer / "prefect"),
        "PREFECT_API_URL": f"{urls['prefect']}/api",
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
    }
    yield System(
        name="trainer",
        python=_programs("prefect"),
        folder=trainer,
        env=_environment(trainer, "prefect", shared, asked),
        commands={"trainer": ("python", "prefect_flows.py")},
    )
    shell = _placed(folder / "shell", "release.sh")
    yield System(
        name="shell",
        python=_programs(None),
        folder=shell,
        env=_environment(shell, None, shared, {}),
        commands={"watch": ("landfast", *WATCH)},
    )
    pages = _placed(folder / "landfast")
    yield System(
        name="landfast",
        python=_programs(None),
        folder=pages,
        env=_environment(pages, None, shared, {}),
        commands={"landfast-ui": ("landfast", "ui", "--no-open", "--port", ports["landfast"])},
        health=f"{urls['landfast']}/index.json",
    )


def _airflow(home: Path, url: str) -> dict[str, str]:
    """Return the settings of an Airflow that stays on loopback, and is small."""
    return {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": url.rpartition(":")[2],
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "work" / "airflow_dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        # A task that was killed with its scheduler is tried again after so many seconds: the next scheduler takes
        # it over once the one before counts as dead, and looks for such tasks at this interval.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _placed(folder: Path, *definitions: str) -> Path:
    """Make a system's home, with its definitions in the working folder, and return it."""
    work = folder / "work"
    work.mkdir(parents=True)
    for name in definitions:
        source = HERE / name
        if source.is_dir():
            shutil.copytree(source, work / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, work)
    return folder


def _programs(environment: str | None) -> Path:
    folder = ".venv" if environment is None else f".venvs/{environment}"
    return ROOT / folder / "bin"


def _environment(
    home: Path, environment: str | None, *variables: Mapping[str, str]
) -> dict[str, str]:
    given = {name: value for each in variables for name, value in each.items()}
    cleaned = clean_environment(home, given)
    cleaned.pop("PYTHONPATH")  # nothing but what is installed there
    programs = _programs(environment)
    return {
        **{k: v for k, v in cleaned.items() if not k.startswith("XDG_")},
        "VIRTUAL_ENV": str(programs.parent),
        "PATH": f"{programs}{os.pathsep}{cleaned['PATH']}",
    }


def _prepare(system: System) -> subprocess.Popen[bytes]:
    assert system.prepare is not None
    program, *arguments = system.prepare
    with (system.work / "prepare.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603
            [str(system.python / program), *arguments],
            cwd=system.work,
            env=system.env,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _finish(system: System, preparation: subprocess.Popen[bytes]) -> None:
    if preparation.wait(START_S):
        raise RuntimeError(f"{system.name} could not be prepared\n{system.logs()}")


def airflow_token(url: str) -> str:
    """Return what Airflow's API asks for."""
    return str(ask(f"{url}/auth/token")["access_token"])


def ask(url: str, body: object = None, *, token: str | None = None) -> Any:
    """Ask a system's HTTP interface, by POST if there is a body, and return its JSON.

    Raises:
        OSError: If it does not answer, or with an error; what it said is a note.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            return json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as error:
        error.add_note(f"{url}: {error.read().decode(errors='replace')[:2000]}")
        raise
