"""Record a prefix every night, check and promote it; train when its content changed; follow a vendor's data.

pip install "airflow-provider-landfast[amazon,postgres]"
Put this file into the DAGs folder, and make the connections landfast_default and aws_default.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, dag, task
from landfast_provider import artifact_asset, log_reference, use_artifact
from landfast_provider.operators import (
    LandfastPromoteOperator,
    LandfastSnapshotOperator,
    LandfastVerifyOperator,
)

DATA = os.environ.get("EXAMPLE_DATA", "s3://my-bucket")
MODELS = Path(os.environ.get("EXAMPLE_MODELS", "/mnt/models"))  # a disk that all workers share
corpus = artifact_asset("nlp/corpus")
model = artifact_asset("nlp/model")
prices = artifact_asset("vendor/prices", watch=True)  # somebody else logs it, outside of Airflow
RETRY = {"retries": 2, "retry_delay": timedelta(minutes=1)}

with DAG(
    "nightly", schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args=RETRY
):
    snapshot = LandfastSnapshotOperator(
        task_id="snapshot",
        artifact=corpus,
        uri=f"{DATA}/corpus/",
        exclude=["**/*.tmp"],
        metadata={"day": "{{ ds }}"},
    )
    verify = LandfastVerifyOperator(task_id="verify", artifact=snapshot.output)
    LandfastPromoteOperator(task_id="promote", artifact=verify.output, alias="prod")


@dag(schedule=[corpus], default_args=RETRY)
def train():
    """Run once for each change of the corpus, on exactly the version that started it."""

    @task(outlets=[model.on_change])
    def fit() -> str:
        data = use_artifact(corpus)
        words = sum(
            len(path.read_text().split()) for path in Path(data.download()).glob("**/*.txt")
        )
        target = MODELS / "model.txt"
        target.write_text(f"{words} words\n")
        return log_reference(model, target, type="model").uri

    fit()


@dag(schedule=[prices], default_args=RETRY)
def reprice():
    """Wake when the vendor's prices change in the registry."""

    @task
    def read() -> str:
        return use_artifact(prices).qualified_name

    read()


train()
reprice()
