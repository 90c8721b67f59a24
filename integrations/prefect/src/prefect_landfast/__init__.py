"""Landfast for Prefect: reference artifacts as blocks, tasks, assets and events.

from prefect import flow
from prefect_landfast import log_reference, use_artifact

@flow
def pipeline():
    log_reference("flowers", "s3://raw-images/flowers/")
    data = use_artifact("flowers:prod")
"""

from importlib.metadata import version

from prefect_landfast.assets import artifact_asset
from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.client import get_client
from prefect_landfast.run import run_environment
from prefect_landfast.tasks.log import alog_reference, log_reference
from prefect_landfast.tasks.use import ause_artifact, use_artifact

__all__ = [
    "LandfastRegistry",
    "__version__",
    "alog_reference",
    "artifact_asset",
    "ause_artifact",
    "get_client",
    "log_reference",
    "run_environment",
    "use_artifact",
]

__version__ = version("prefect-landfast")
