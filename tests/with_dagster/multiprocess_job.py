"""Jobs that other processes can import."""

import os
from pathlib import Path

import dagster as dg
from dagster_landfast import ArtifactVersion, LandfastReferenceIOManager, Reference


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
    defs = dg.Definitions(
        assets=[raw, features],
        jobs=[dg.define_asset_job("pipeline", executor_def=executor)],
        resources={"io_manager": LandfastReferenceIOManager()},
    )
    return defs.resolve_job_def("pipeline")


def multiprocess() -> dg.JobDefinition:
    return _job(dg.multiprocess_executor)


def in_process() -> dg.JobDefinition:
    return _job(dg.in_process_executor)
