"""Refuse a registry that each worker would have for itself."""

from __future__ import annotations

import re

import landfast

from landfast_provider.version_compat import conf

# Executors that run every task on the machine of the scheduler.
_LOCAL = frozenset({"LocalExecutor", "SequentialExecutor", "DebugExecutor", "InProcessExecutor"})


_HOW = "Make the connection landfast_default or set LANDFAST_REGISTRY_URL"


def refuse_implicit_registry(settings: landfast.Settings, *, in_trigger: bool = False) -> None:
    """Let the embedded SQLite registry serve only tasks that share a machine.

    Args:
        settings: What the connection and the environment say.
        in_trigger: Whether a triggerer asks, which may be on any machine and begin before there is a connection.

    Raises:
        InvalidInput: If they name no registry, and the executor may run tasks elsewhere.
    """
    if in_trigger:
        settings.require_shared("the triggerer", _HOW)
    for name in configured_executors():
        if name not in _LOCAL:
            settings.require_shared(name, _HOW)


def configured_executors() -> list[str]:
    """Return the class names of the executors in force.

    ``team=CeleryExecutor;LocalExecutor`` and ``alias:my.module.Executor`` are both written there.
    """
    text = conf.get("core", "executor", fallback="LocalExecutor")
    parts = [part.strip() for part in re.split(r"[,;]", text) if part.strip()]
    return [re.split(r"[=:.]", part)[-1] for part in parts]
