"""A DAG on a clock that works only on a version that its last successful run did not use."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from landfast_provider.operators import LandfastDownloadOperator
from landfast_provider.sensors import LandfastArtifactSensor

with DAG(
    "hourly", schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=UTC), max_active_runs=1
):
    news = LandfastArtifactSensor(
        task_id="news",
        artifact="nlp/corpus",
        deferrable=True,
        poke_interval=60,
        timeout=timedelta(minutes=50),
        soft_fail=True,
    )
    LandfastDownloadOperator(task_id="download", artifact=news.output, root="/mnt/corpus/{version}")
