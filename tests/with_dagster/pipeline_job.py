"""Jobs that other processes can import."""

import os
from pathlib import Path

import dagster as dg
from dagster_landfast import (
    ArtifactVersion,
    LandfastReferenceIOManager,
    LandfastResource,
    Reference,
)


@dg.asset
def raw() -> Reference:
    return Reference(os.environ["LANDFAST_PIPELINE"])


@dg.asset
def features(raw: ArtifactVersion) -> Reference:
    place = Path(os.environ["LANDFAST_PIPELINE"])
    if (place.parent / "fail").exists():
        raise OSError("told to fail")
    return Reference(place)


def _job(executor: dg.ExecutorDefinition) -> dg.JobDefinition:
    url = os.environ.get("LANDFAST_PIPELINE_REGISTRY")
    resource = LandfastResource(registry_url=url) if url else None
    defs = dg.Definitions(
        assets=[raw, features],
        jobs=[dg.define_asset_job("pipeline", executor_def=executor)],
        resources={"io_manager": LandfastReferenceIOManager(landfast=resource)},
    )
    return defs.resolve_job_def("pipeline")


def multiprocess() -> dg.JobDefinition:
    # Workers that have imported everything already; each is a process of its own all the same.
    method = {"forkserver": {"preload_modules": [__name__]}}
    return _job(dg.multiprocess_executor.configured({"start_method": method}))


def in_process() -> dg.JobDefinition:
    return _job(dg.in_process_executor)


@dg.executor(name="pods")
def _pods(context: dg.InitExecutorContext) -> dg.Executor:
    """Stand for an executor of another package, whose steps run on other machines."""
    local = context._replace(executor_config={"retries": {"disabled": {}}})
    return dg.in_process_executor.executor_creation_fn(local)


def elsewhere() -> dg.JobDefinition:
    return _job(_pods)
