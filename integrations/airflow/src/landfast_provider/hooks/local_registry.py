"""Refuse a registry that each worker would have for itself."""

from __future__ import annotations

import os
import re

import landfast

from landfast_provider.version_compat import conf

# Executors that run every task on the machine of the scheduler.
_LOCAL = frozenset({"LocalExecutor", "SequentialExecutor", "DebugExecutor", "InProcessExecutor"})
ALLOW = "LANDFAST_ALLOW_LOCAL"


def refuse_implicit_registry(registry_url: str | None) -> None:
    """Let the embedded SQLite registry serve only tasks that share a machine.

    Args:
        registry_url: What the connection or the environment says; None is the embedded registry.

    Raises:
        InvalidInput: If nothing is said, and the executor may run tasks elsewhere.
    """
    if registry_url or os.environ.get(ALLOW) == "1":
        return
    remote = [name for name in configured_executors() if name not in _LOCAL]
    if remote:
        raise landfast.InvalidInput(
            f"no registry is named, and {remote[0]} runs tasks on several machines",
            subject="LANDFAST_REGISTRY_URL",
            expected="a registry that every worker reaches, such as postgresql://...",
            found="the embedded SQLite registry, which each worker would have for itself",
            hint="Make the connection landfast_default or set LANDFAST_REGISTRY_URL; if all workers"
            f" share this disk, set {ALLOW}=1.",
        )


def configured_executors() -> list[str]:
    """Return the class names of the executors in force.

    ``team=CeleryExecutor;LocalExecutor`` and ``alias:my.module.Executor`` are both written there.
    """
    text = conf.get("core", "executor", fallback="LocalExecutor")
    parts = [part.strip() for part in re.split(r"[,;]", text) if part.strip()]
    return [re.split(r"[=:.]", part)[-1] for part in parts]
