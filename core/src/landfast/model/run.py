"""RunKey and RunRecord: one execution, by whatever system it was started."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from landfast.errors import InvalidInput
from landfast.model.times import format_time


class RunStatus(StrEnum):
    """Status of a run."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """The identity of an execution.

    Args:
        system: ``script``, ``cli``, ``dagster``, ``prefect``, ``airflow``, ...
        deployment: Airflow base URL, Dagster instance and code location, Prefect API URL, or the host.
        run_id: The system's id of the run.
        node: Step, task or operator of the run; ``""`` for the whole run.
        part: Map index or partition of the node; ``""`` for none.

    A retry is the same run, because the attempt is not part of the key.
    """

    system: str
    deployment: str
    run_id: str
    node: str = ""
    part: str = ""

    def encode(self) -> str:
        """Return the key as opaque text; `JoinedRun.encode` also includes the registry."""
        return JoinedRun(key=self).encode()

    @classmethod
    def decode(cls, text: str) -> RunKey:
        """Decode the output of `encode`, or the key in the value of `LANDFAST_RUN`.

        Raises:
            InvalidInput: If the text is something else.
        """
        return JoinedRun.decode(text).key

    def __str__(self) -> str:
        return "/".join(part for part in (self.system, self.run_id, self.node, self.part) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedRun:
    """What `LANDFAST_RUN` carries into subprocesses: a run, and the registry that knows it.

    Who joins the run has to find a registry of this id, ``""`` if nobody said it; its URL is for messages.
    """

    key: RunKey
    registry_id: str = ""
    registry_url: str = ""

    def encode(self) -> str:
        """Return it as opaque text."""
        values = [*asdict(self.key).values()]
        head = "r1."
        if self.registry_id:
            head, values = "r2.", [*values, self.registry_id, self.registry_url]
        text = json.dumps(values, separators=(",", ":"))
        return head + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> JoinedRun:
        """Read what `encode` wrote; `InvalidInput` if it is something else."""
        try:
            head, _, body = text.partition(".")
            values = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            count = {"r1": 5, "r2": 7}.get(head)
            is_run = isinstance(values, list) and len(values) == count
            is_run = is_run and all(type(value) is str for value in values)
        except (ValueError, TypeError, RecursionError):
            is_run = False
        if not is_run:
            raise InvalidInput(
                "LANDFAST_RUN does not name a run",
                subject="LANDFAST_RUN",
                hint="Pass the value of the parent run, or unset it.",
            )
        system, deployment, run_id, node, part, *registry = values
        key = RunKey(system=system, deployment=deployment, run_id=run_id, node=node, part=part)
        return cls(key=key, **dict(zip(("registry_id", "registry_url"), registry, strict=False)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The registry's record of a run.

    Args:
        id: Short id that the registry assigns, unique in the registry; users type it.
        key: Identity of the run.
        entity: Namespace of the project.
        project: Project of the run.
        name: Display name; ``""`` if none was given.
        job_type: Kind of work, such as ``train``; ``""`` if none was given.
        status: Status of the run.
        attempt: The highest attempt seen, from 1.
        link: URL of the run's page in another system (orchestrator, wandb), without secrets.
        config: Parameters of the run.
        started_at: Time of the start, UTC, by the registry's clock.
        finished_at: Time of the end, UTC, by the registry's clock; None while the run is running.
    """

    id: str
    key: RunKey
    entity: str
    project: str
    name: str = ""
    job_type: str = ""
    status: RunStatus = RunStatus.RUNNING
    attempt: int = 1
    link: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    started_at: datetime
    finished_at: datetime | None = None

    def page(self, ui_url: str) -> str:
        """Return the URL of its web page.

        Args:
            ui_url: Base URL of Landfast's web pages.
        """
        return run_page(ui_url, self.id)

    def to_dict(self) -> dict[str, Any]:
        """Describe the run."""
        return {
            "id": self.id,
            "key": str(self.key),
            "system": self.key.system,
            "deployment": self.key.deployment,
            "project": f"{self.entity}/{self.project}",
            "name": self.name,
            "job_type": self.job_type,
            "status": str(self.status),
            "attempt": self.attempt,
            "link": self.link,
            "config": self.config,
            "started_at": format_time(self.started_at),
            "finished_at": None if self.finished_at is None else format_time(self.finished_at),
        }


def run_page(ui_url: str, short_id: str) -> str:
    """Return the address of a run's page among Landfast's web pages."""
    return f"{ui_url.rstrip('/')}/-/run/{short_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOverview:
    """A run and how much it touched.

    Args:
        run: The run.
        edges: How many versions it used, declared and logged, by `Direction`; none is left out.
    """

    run: RunRecord
    edges: Mapping[str, int] = field(default_factory=dict)
