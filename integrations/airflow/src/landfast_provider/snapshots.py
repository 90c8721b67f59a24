"""snapshot_dags: a DAG for each entry of snapshots.yaml."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import landfast
from airflow.sdk import DAG, Param

from landfast_provider.hooks.landfast import DEFAULT_CONN_ID
from landfast_provider.operators.config import PARTITION_KEY, LandfastConfigOperator
from landfast_provider.operators.verify_aliases import LandfastVerifyAliasesOperator

_RETRIES = 2


def snapshot_dags(
    path: str | Path = "snapshots.yaml",
    *,
    prefix: str = "snapshot.",
    verify_prefix: str = "verify.",
    partition_key: str = PARTITION_KEY,
    landfast_conn_id: str = DEFAULT_CONN_ID,
    aws_conn_id: str | None = None,
    gcp_conn_id: str | None = None,
    **dag: Any,
) -> dict[str, DAG]:
    """Make a DAG for each snapshot and each verification of a file; Airflow finds them in the file that calls this.

    Each runs on its ``schedule`` (without one by hand), records what is at its place, and emits an event of
    its ``artifact_asset(NAME)`` if the content changed; or verifies, and fails as its ``fail_on`` says.  A file of
    DAGs has to contain the words "airflow" and "dag", or Airflow does not look into it.

    Args:
        path: The file; relative to the file that calls this.
        prefix: Of the ids of the DAGs: ``vision/flowers`` becomes ``snapshot.vision.flowers``.
        verify_prefix: Of those that verify: ``prod`` of ``vision/flowers`` is ``verify.vision.flowers.prod``, of the
            whole project ``verify.prod``.
        partition_key: What ``{partition_key}`` is, templated.  By default the parameter ``partition_key`` of a
            run that was started by hand, the partition of a partitioned run, else the day of the run.
        landfast_conn_id: The registry.
        aws_conn_id: Credentials of ``s3://``; None is the connection's.
        gcp_conn_id: Credentials of ``gs://``; None is the connection's.
        dag: More arguments of every DAG: start_date, default_args, tags, ...

    Returns:
        The DAGs by id.

    Raises:
        NotFound: If there is no such file.
        InvalidInput: Naming file, line, what is wrong and what is allowed.

    Example:
        >>> snapshot_dags("snapshots.yaml", aws_conn_id="aws_default")  # doctest: +SKIP
    """
    calling = sys._getframe(1).f_globals.get("__file__")
    file = Path(calling or "").parent / path
    connections = {
        "landfast_conn_id": landfast_conn_id,
        "aws_conn_id": aws_conn_id,
        "gcp_conn_id": gcp_conn_id,
    }
    made = [
        _dag(config, prefix, partition_key, connections, dag)
        for config in landfast.load_snapshots(file)
    ]
    made += [
        _verification(rule, verify_prefix, connections, dag) for rule in landfast.load_verify(file)
    ]
    return {each.dag_id: each for each in made}


def _dag(
    config: landfast.SnapshotConfig,
    prefix: str,
    partition_key: str,
    connections: dict[str, Any],
    more: dict[str, Any],
) -> DAG:
    description = config.description or f"Record {config.name}"
    arguments = _arguments(config.schedule, description, more, retries=_RETRIES)
    if config.needs_partition_key:
        day = Param("", type="string", description="Partition to record; empty: the day of the run")
        arguments["params"] = {"partition_key": day, **(more.get("params") or {})}
    with DAG(prefix + config.name.replace("/", "."), **arguments) as made:
        LandfastConfigOperator(
            task_id="snapshot",
            config=config,
            partition_key=partition_key if config.needs_partition_key else None,
            **connections,
        )
    return made


def _verification(
    rule: landfast.VerifyRule, prefix: str, connections: dict[str, Any], more: dict[str, Any]
) -> DAG:
    words = [(rule.name or "").replace("/", "."), "-".join(rule.aliases)]
    dag_id = prefix + re.sub(r"[^A-Za-z0-9_.-]", "_", ".".join(filter(None, words)))
    # What was found does not become another by looking again, and is to be told at once.
    arguments = _arguments(rule.schedule, f"Verify {rule.label}", more, retries=0)
    with DAG(dag_id, **arguments) as made:
        LandfastVerifyAliasesOperator(
            task_id="verify",
            artifact=rule.name,
            aliases=rule.aliases,
            fail_on=rule.fail_on,
            **connections,
        )
    return made


def _arguments(
    schedule: str | None, description: str, more: dict[str, Any], *, retries: int
) -> dict[str, Any]:
    return {
        "schedule": schedule,
        "catchup": False,
        "max_active_runs": 1,
        "description": description,
        "default_args": {"retries": retries},
        "tags": ["landfast"],
        **more,
    }
