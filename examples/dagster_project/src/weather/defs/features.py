"""Two steps for each station: readings without what is broken, and features to learn from."""

import io
from pathlib import Path

import boto3
import dagster as dg
import pandas as pd
from dagster_landfast import ArtifactVersion, Reference, on_content_change

from weather.defs.readings import stations
from weather.vendor import BUCKET


@dg.asset(
    partitions_def=stations,
    io_manager_key="references",
    automation_condition=on_content_change(),
    group_name="features",
    kinds={"s3", "csv"},
)
def cleaned(context: dg.AssetExecutionContext, readings: ArtifactVersion) -> Reference:
    """Write what can be read to our own prefix, and return where: it is recorded, not copied."""
    prefix = f"cleaned/station={context.partition_key}/"
    for entry in readings.entries():
        with readings.open(entry.path) as file:
            table = pd.read_csv(io.BytesIO(file.read()))
        table["celsius"] = pd.to_numeric(table["celsius"], errors="coerce")
        body = table.dropna().to_csv(index=False)
        boto3.client("s3").put_object(Bucket=BUCKET, Key=prefix + entry.path, Body=body.encode())
    return Reference(f"s3://{BUCKET}/{prefix}")


@dg.asset(
    partitions_def=stations,
    automation_condition=on_content_change(),
    group_name="features",
    kinds={"pandas"},
)
def features(cleaned: Path) -> pd.DataFrame:
    """Pair each day with the next; `cleaned` is a folder of the recorded bytes."""
    table = pd.concat(pd.read_csv(file) for file in sorted(cleaned.glob("*.csv")))
    return pd.DataFrame(
        {"today": table["celsius"], "tomorrow": table["celsius"].shift(-1)}
    ).dropna()
