"""The DAGs of the live tests: producers, consumers, a watcher, sensors, and tasks that are killed."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

from airflow import sdk
from airflow.sdk import DAG, chain, dag, task
from landfast_provider import (
    artifact_asset,
    artifact_verdict,
    log_reference,
    use_artifact,
    use_artifacts,
)
from landfast_provider.operators import LandfastSnapshotOperator
from landfast_provider.sensors import LandfastArtifactSensor, LandfastPrefixSensor

AT_ONCE = {"retries": 1, "retry_delay": timedelta(seconds=1)}


def consumer(dag_id: str, artifact: str, **asset) -> None:
    """Make a DAG that runs when an artifact changed, and reads the file `a.txt` of it."""

    @dag(dag_id=dag_id, schedule=[artifact_asset(artifact, **asset)], default_args=AT_ONCE)
    def consume():
        @task
        def read():
            version = use_artifact(artifact)
            with version.open("a.txt") as file:
                return {"version": version.version, "text": file.read().decode()}

        read()

    consume()


class Killed(LandfastSnapshotOperator):
    """Kill the process of the first try with SIGKILL: once the version is committed, or after `execute`."""

    def __init__(self, *, when: str, **kwargs):
        super().__init__(**kwargs)
        self.when = when

    def record(self, client):
        version = super().record(client)
        self.die("committed")
        return version

    def execute(self, context):
        self.first = context["ti"].try_number == 1
        answer = super().execute(context)
        self.die("executed")
        return answer

    def die(self, when):
        if self.first and self.when == when:
            os.kill(os.getpid(), signal.SIGKILL)


with DAG("produce", default_args=AT_ONCE):
    LandfastSnapshotOperator(
        task_id="snapshot", artifact="nlp/corpus", uri="s3://data/corpus/", aws_conn_id="minio"
    )
consumer("consume", "nlp/corpus")

with DAG("pictured", default_args=AT_ONCE):
    LandfastSnapshotOperator(
        task_id="snapshot", artifact="nlp/pictured", uri="s3://data/pictured/", tags=["nightly"]
    )
consumer("train", "nlp/pictured")

for moment in ("committed", "executed"):
    with DAG(f"killed_{moment}", default_args=AT_ONCE):
        Killed(
            task_id="snapshot",
            artifact=f"nlp/killed-{moment}",
            uri=f"s3://data/killed-{moment}/",
            when=moment,
        )
    consumer(f"after_{moment}", f"nlp/killed-{moment}")

orders = artifact_asset("sales/orders")

with DAG("produce_orders", params={"keys": ["a"]}, default_args=AT_ONCE):

    @task(outlets=[orders.on_change])
    def record(**context):
        for key in context["params"]["keys"]:
            log_reference(orders, f"s3://data/orders/{key}/", partition=key)

    record()

with DAG("consume_orders", schedule=[orders], max_active_runs=1, default_args=AT_ONCE):

    @task
    def changed():
        return [version.uri for version in use_artifacts(orders, declared=True)]

    @task
    def read_one(uri):
        return use_artifact(uri).qualified_name

    read_one.expand(uri=changed())

if hasattr(sdk, "PartitionedAssetTimetable"):  # since Airflow 3.2
    routed = artifact_asset("sales/routed")

    with DAG("produce_routed", default_args=AT_ONCE):

        @task(outlets=[routed.on_change])
        def record_routed():
            for key in "ab":
                log_reference(routed, f"s3://data/routed/{key}/", partition=key)

        record_routed()

    with DAG(
        "by_partition",
        schedule=sdk.PartitionedAssetTimetable(assets=routed),
        default_args=AT_ONCE,
    ):

        @task
        def read_routed(dag_run=None):
            version = use_artifact(routed)
            with version.open("a.txt") as file:
                return [dag_run.partition_key, version.partition, file.read().decode()]

        read_routed()

consumer("watch", "vendor/prices", watch=True, poll_interval=1)

with DAG(
    "alarm", schedule=[artifact_verdict("vendor/watched", poll_interval=1)], default_args=AT_ONCE
):

    @task
    def hear(triggering_asset_events=None):
        [[event]] = triggering_asset_events.values()
        return event.extra["payload"]

    hear()

with DAG("wait_for_version", default_args=AT_ONCE):
    wait = LandfastArtifactSensor(
        task_id="wait", artifact="nlp/awaited", deferrable=True, poke_interval=1
    )

    @task
    def read(uri):
        with use_artifact(uri).open("a.txt") as file:
            return file.read().decode()

    read(wait.output)

with DAG("wait_for_place", default_args=AT_ONCE):
    chain(
        LandfastPrefixSensor(
            task_id="wait",
            uri="s3://data/place/",
            against="nlp/place",
            aws_conn_id="minio",
            deferrable=True,
            poke_interval=1,
        ),
        LandfastSnapshotOperator(task_id="snapshot", artifact="nlp/place", uri="s3://data/place/"),
    )
