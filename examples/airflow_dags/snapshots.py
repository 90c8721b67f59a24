"""A DAG for each entry of snapshots.yaml; Airflow looks only into files that say "airflow" and "dag"."""

from landfast_provider import snapshot_dags

snapshot_dags("snapshots.yaml", aws_conn_id="aws_default")
