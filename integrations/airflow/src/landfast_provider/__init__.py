"""Landfast for Airflow: reference artifacts as operators, sensors, assets and triggers.

    from landfast_provider import artifact_asset, use_artifact

Every name is loaded when it is first used: Airflow imports this package in each of its components.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landfast_provider.assets import artifact_asset, artifact_verdict
    from landfast_provider.hooks.landfast import LandfastHook
    from landfast_provider.snapshots import snapshot_dags
    from landfast_provider.taskflow import log_reference, use_artifact, use_artifacts

_HOMES = {
    "LandfastHook": "hooks.landfast",
    "artifact_asset": "assets",
    "artifact_verdict": "assets",
    "log_reference": "taskflow",
    "snapshot_dags": "snapshots",
    "use_artifact": "taskflow",
    "use_artifacts": "taskflow",
}

__all__ = [
    "LandfastHook",
    "__version__",
    "artifact_asset",
    "artifact_verdict",
    "log_reference",
    "snapshot_dags",
    "use_artifact",
    "use_artifacts",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("airflow-provider-landfast")
    if name not in _HOMES:
        raise AttributeError(f"module 'landfast_provider' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"landfast_provider.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
