"""Airflow: record what the vendor has delivered; the asset changes only if the content did."""

from datetime import timedelta

from airflow.sdk import DAG
from landfast_provider.operators import LandfastSnapshotOperator

RETRY = {"retries": 3, "retry_delay": timedelta(seconds=1)}

with DAG("readings", schedule=None, default_args=RETRY):  # started by hand here, elsewhere @daily
    LandfastSnapshotOperator(
        task_id="snapshot", artifact="weather/readings", uri="s3://weather/readings/"
    )
