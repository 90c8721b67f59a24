"""Prefect: train on the features that Dagster made, whenever their content changed.

python prefect_flows.py serves both deployments.
"""

import json

import boto3
import landfast
from prefect import flow, get_client, serve
from prefect.client.schemas.filters import FlowRunFilter
from prefect.states import AwaitingRetry, Crashed
from prefect.types.entrypoint import EntrypointType
from prefect_landfast import (
    materialize_artifact,
    mirror_changes,
    on_artifact_change,
    use_artifact,
)
from prefect_landfast.serving import ONE_AT_A_TIME


@materialize_artifact("weather/model", "s3://weather/models/", type="model")
def fit(data: landfast.ArtifactVersion) -> None:
    """Say by how much tomorrow is warmer than today."""
    with data.open("pairs.csv") as file:
        pairs = [[*map(float, line.split(","))] for line in file.read().decode().split()]
    warmer_by = sum(tomorrow - today for today, tomorrow in pairs) / len(pairs)
    body = json.dumps({"warmer_by": round(warmer_by, 3), "rows": len(pairs)}).encode()
    boto3.client("s3").put_object(Bucket="weather", Key="models/tomorrow.json", Body=body)


@flow(retries=1)
def train(ref: str) -> str:
    """Train on the version that started this run."""
    return fit(use_artifact(ref)).qualified_name


def try_again_what_was_killed() -> None:
    """Schedule the runs once more that an earlier process of this program had begun when it was killed."""
    left = FlowRunFilter.model_validate(
        {"state": {"type": {"any_": ["PENDING", "RUNNING", "CRASHED"]}}}
    )
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=left):
            client.set_flow_run_state(run.id, Crashed(message="its process was killed"), force=True)
            client.set_flow_run_state(run.id, AwaitingRetry(), force=True)


if __name__ == "__main__":
    try_again_what_was_killed()
    serve(
        train.to_deployment(
            "on-features", triggers=[on_artifact_change("weather/features", parameter="ref")]
        ),
        # Prefect hears of what Airflow, Dagster and scripts logged.
        mirror_changes.to_deployment(
            "changes",
            interval=15,
            concurrency_limit=ONE_AT_A_TIME,
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
    )
