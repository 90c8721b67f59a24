"""Dagster: make features of the readings that Airflow recorded, whenever their content changed."""

from itertools import pairwise

import boto3
import dagster as dg
import dagster_landfast as dl

readings = dl.artifact_asset("weather/readings", key="readings")


@dg.asset(
    io_manager_key="references",
    metadata={"landfast/artifact": "weather/features"},
    automation_condition=dl.on_content_change(),
    kinds={"s3", "csv"},
)
def features(readings: dl.ArtifactVersion) -> dl.Reference:
    """Pair the temperature of each day with that of the next one."""
    days = []
    for entry in readings.entries():
        with readings.open(entry.path) as file:
            days += [line.partition(",")[2] for line in file.read().decode().split()]
    pairs = [f"{today},{tomorrow}" for today, tomorrow in pairwise(days)]
    body = "\n".join(pairs).encode()
    boto3.client("s3").put_object(Bucket="weather", Key="features/pairs.csv", Body=body)
    return dl.Reference("s3://weather/features/")


landfast = dl.LandfastResource(
    ui_url=dg.EnvVar("LANDFAST_UI_URL"), dagster_url=dg.EnvVar("DAGSTER_URL")
)
defs = dg.Definitions(
    assets=[readings, features],
    sensors=[
        dl.build_artifact_sensor(
            [readings],
            minimum_interval_seconds=5,
            default_status=dg.DefaultSensorStatus.RUNNING,
        ),
        dl.build_automation_sensor(minimum_interval_seconds=5),
    ],
    resources={
        "landfast": landfast,
        "references": dl.LandfastReferenceIOManager(landfast=landfast),
    },
)
