"""Which Prefect this process talks to, found out without starting one."""

from __future__ import annotations

import socket

import landfast
from prefect.context import FlowRunContext, TaskRunContext
from prefect.settings import PREFECT_API_URL

from prefect_landfast.settings import LandfastSettings


def in_run() -> bool:
    """Tell whether the caller runs inside a flow run or a task run."""
    return TaskRunContext.get() is not None or FlowRunContext.get() is not None


def can_reach_api() -> bool:
    """Tell whether there is an API to ask; Prefect starts a server of its own where there is none."""
    return in_run() or bool(PREFECT_API_URL.value())


def deployment() -> str:
    """Return the name of this Prefect in run keys: the setting, else the API's URL, else the host."""
    named = LandfastSettings().deployment
    url = PREFECT_API_URL.value()
    return named or (landfast.redact(str(url)).rstrip("/") if url else socket.gethostname())
