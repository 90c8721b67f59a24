"""A large prefix, scanned by eight mapped tasks into one version."""

import os

import landfast
from airflow.sdk import DAG
from landfast_provider.operators import sharded_snapshot

DATA = os.environ.get("EXAMPLE_DATA", "s3://my-bucket")

with DAG("logs", schedule=None):
    sharded_snapshot(
        "logs",
        artifact="web/logs",
        uri=f"{DATA}/logs/",
        shards=8,
        scan={"max_objects": landfast.UNLIMITED},
    )
