"""The Prefect run that asks: its key in lineage, the same for every retry, and where to look at it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import landfast
from prefect import Flow, Task
from prefect.client.schemas.objects import TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.utilities.urls import url_for

from prefect_landfast import api
from prefect_landfast.fingerprint import fingerprint

SYSTEM = "prefect"

_MAX_TASK_RUNS = 10_000
_lock = threading.Lock()
_parts: OrderedDict[UUID, str] = OrderedDict()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefectRun:
    """What lineage records of a flow run or a task run.

    Args:
        key: The same for each retry of the task and of its flow, though Prefect draws new task run ids
            when a flow is retried: flow run, task name, and a fingerprint of the task's inputs.
        name: Flow run and task run, as Prefect names them.
        job_type: The flow's name, or the task's outside a flow.
        attempt: From 1; counts retries of task and flow together.
        link: Its page; None where Prefect has no user interface.
        config: Ids of flow run, task run, flow and deployment; never a parameter.
        id: Of the task run or flow run.
        what: The task or the flow that runs.
    """

    key: landfast.RunKey
    name: str
    job_type: str
    attempt: int
    link: str | None
    config: dict[str, Any] = field(default_factory=dict)
    id: UUID
    what: Task[Any, Any] | Flow[Any, Any] = field(repr=False)

    def begin(self, client: landfast.Client) -> None:
        """Record the run, or meet it again."""
        client.begin_run(
            name=self.name,
            job_type=self.job_type,
            attempt=self.attempt,
            link=self.link,
            config=self.config,
        )


def current_run() -> PrefectRun | None:
    """Return the innermost run that the caller is in, or None outside of any.

    Example:
        >>> current_run() is None
        True
    """
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    flow_run = None if flow is None else flow.flow_run
    # A subflow that a task called still sees that task.
    if task is not None and (flow_run is None or task.task_run.flow_run_id == flow_run.id):
        return _of_task(task, flow)
    return None if flow is None or flow_run is None or flow.flow is None else _of_flow(flow)


def flow_run_id() -> str | None:
    """Return the id of the flow run that the caller is in; None outside of any."""
    flow = FlowRunContext.get()
    return None if flow is None or flow.flow_run is None else str(flow.flow_run.id)


def _of_task(task: TaskRunContext, flow: FlowRunContext | None) -> PrefectRun:
    run = task.task_run
    flow_facts = {} if flow is None else _flow_facts(flow)
    return PrefectRun(
        key=landfast.RunKey(
            system=SYSTEM,
            deployment=api.deployment(),
            run_id=str(run.flow_run_id or run.id),
            node=task.task.name,
            part=_part_of(task) if run.flow_run_id else "",
        ),
        name="/".join(filter(None, [flow_facts.get("flow_run"), run.name])),
        job_type=flow_facts.get("flow") or task.task.name,
        attempt=_attempt(run, task.task.retries),
        link=url_for("task-run", obj_id=run.id) or None,
        config={**flow_facts, "task": task.task.name, "task_run_id": str(run.id)},
        id=run.id,
        what=task.task,
    )


def _part_of(task: TaskRunContext) -> str:
    """Tell a task's run from others of it in the flow run: by its inputs as they were when first asked.

    Remembered for the retries, which find the inputs as the body has left them.
    """
    run_id = task.task_run.id
    with _lock:
        part = _parts.setdefault(run_id, fingerprint(task.parameters) or str(run_id))
        _parts.move_to_end(run_id)
        while len(_parts) > _MAX_TASK_RUNS:
            _parts.popitem(last=False)
        return part


def _attempt(run: TaskRun, retries: int) -> int:
    # Each retry of the flow begins the task's own count anew.
    before = max(0, run.flow_run_run_count - 1) * (retries + 1)
    return before + max(1, run.run_count)


def _of_flow(flow: FlowRunContext) -> PrefectRun:
    run, facts = flow.flow_run, _flow_facts(flow)
    assert run is not None
    assert flow.flow is not None
    return PrefectRun(
        key=landfast.RunKey(system=SYSTEM, deployment=api.deployment(), run_id=str(run.id)),
        name=run.name,
        job_type=facts.get("flow", ""),
        attempt=max(1, run.run_count),
        link=url_for("flow-run", obj_id=run.id) or None,
        config=facts,
        id=run.id,
        what=flow.flow,
    )


def _flow_facts(flow: FlowRunContext) -> dict[str, str]:
    run = flow.flow_run
    facts = {
        "flow": None if flow.flow is None else flow.flow.name,
        "flow_run": None if run is None else run.name,
        "flow_run_id": None if run is None else run.id,
        "deployment_id": None if run is None else run.deployment_id,
        "parent_task_run_id": None if run is None else run.parent_task_run_id,
    }
    return {name: str(value) for name, value in facts.items() if value}
