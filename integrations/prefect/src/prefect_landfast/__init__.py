"""Landfast for Prefect: reference artifacts as blocks, tasks, assets and events.

Example:
    >>> from prefect import flow
    >>> from prefect_landfast import log_reference, use_artifact
    >>> @flow
    ... def pipeline():
    ...     log_reference("flowers", "s3://raw-images/flowers/")
    ...     data = use_artifact("flowers:prod")
"""

from importlib.metadata import version
from typing import Any

from prefect_landfast.assets import artifact_asset
from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.cache import ARTIFACT_DIGEST
from prefect_landfast.client import landfast_client, run_env
from prefect_landfast.flows import snapshot_artifact, verify_aliases
from prefect_landfast.materialize import materialize_artifact
from prefect_landfast.mirror import mirror_changes
from prefect_landfast.output import load_object
from prefect_landfast.serving import serve_snapshots, snapshot_deployments
from prefect_landfast.tasks.download import adownload_artifact, download_artifact
from prefect_landfast.tasks.log import alog_reference, log_reference
from prefect_landfast.tasks.promote import apromote_artifact, promote_artifact
from prefect_landfast.tasks.retention import acheck_retention, check_retention
from prefect_landfast.tasks.use import ause_artifact, use_artifact
from prefect_landfast.tasks.verify import averify_artifact, verify_artifact
from prefect_landfast.triggers import on_artifact_change, on_no_artifact_change, on_verdict_change

__all__ = [
    "ARTIFACT_DIGEST",
    "LandfastRegistry",
    "__version__",
    "acheck_retention",
    "adownload_artifact",
    "alog_reference",
    "apromote_artifact",
    "artifact_asset",
    "ause_artifact",
    "averify_artifact",
    "check_retention",
    "download_artifact",
    "landfast_client",
    "load_object",
    "log_reference",
    "materialize_artifact",
    "mirror_changes",
    "on_artifact_change",
    "on_no_artifact_change",
    "on_verdict_change",
    "promote_artifact",
    "run_env",
    "serve_snapshots",
    "snapshot_artifact",
    "snapshot_deployments",
    "use_artifact",
    "verify_aliases",
    "verify_artifact",
]

__version__ = version("prefect-landfast")


def __getattr__(name: str) -> Any:
    if name == "run_environment":
        raise AttributeError(
            "prefect_landfast has no run_environment() any more: it is run_env() now"
        )
    raise AttributeError(f"module 'prefect_landfast' has no attribute {name!r}")
