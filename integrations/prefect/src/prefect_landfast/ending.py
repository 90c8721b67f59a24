"""Ending: a run that a body began in lineage ends when its flow or task does, and as that does.

Prefect tells by hooks, which are added while the body runs.  Where none is called, because the process
ends before (a crashed task, a cancelled flow), the run has failed.
"""

from __future__ import annotations

import atexit
import threading
from typing import Any
from uuid import UUID

import landfast
from prefect import Flow
from prefect.client.schemas.objects import State

from prefect_landfast.run import PrefectRun

_lock = threading.Lock()
# By task run or flow run: who is to say how it ended.
_open: dict[UUID, landfast.Client] = {}


def end_with(run: PrefectRun, client: landfast.Client) -> None:
    """Let the client's run end when the Prefect run that it is recorded for ends.

    Args:
        run: The current one.
        client: In whose name the run has begun.
    """
    with _lock:
        is_known = run.id in _open
        _open[run.id] = client
        if not is_known:
            _watch(run)


def finish_landfast_run(flow: Any, flow_run: Any, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's
    """Say in lineage how a flow run, or a task run, ended."""
    with _lock:
        client = _open.pop(flow_run.id, None)
    if client is not None:
        done = landfast.RunStatus.FINISHED if state.is_completed() else landfast.RunStatus.FAILED
        client.finish_run(done)


def _watch(run: PrefectRun) -> None:
    what = run.what
    if finish_landfast_run in what.on_failure_hooks:
        return
    what.on_completion(finish_landfast_run)
    what.on_failure(finish_landfast_run)
    if isinstance(what, Flow):
        what.on_crashed(finish_landfast_run)
        what.on_cancellation(finish_landfast_run)


@atexit.register
def _finish_rest() -> None:
    with _lock:
        left = [*_open.values()]
        _open.clear()
    for client in left:
        client.finish_run(landfast.RunStatus.FAILED)
