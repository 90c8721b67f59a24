"""Parse DAG files as the DAG processor does: only those that look like one, all their DAGs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

try:  # 3.2 and later
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization
except ImportError:
    from airflow.models.dagbag import DagBag
    from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization


def parse(folder: Path) -> Any:
    """Return what Airflow finds in a folder."""
    return DagBag(dag_folder=str(folder), safe_mode=True)


def stored(dag: Any) -> Any:
    """Return a DAG as the scheduler reads it back."""
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))
