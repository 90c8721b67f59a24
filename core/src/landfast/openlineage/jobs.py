"""Jobs: what a run is called among others of its kind, and under which run of its orchestrator it is."""

from __future__ import annotations

import os
import re
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from openlineage.client.facet_v2 import parent_run
from openlineage.client.uuid import generate_static_uuid

from landfast.openlineage.facets import PRODUCER

if TYPE_CHECKING:
    from landfast.model.lineage import RunEvent
    from landfast.model.run import RunKey

_NAMESPACE = "OPENLINEAGE_NAMESPACE"
# Where it is not set, by the integrations of OpenLineage for each of them.
_DEFAULT_NAMESPACES = {"airflow": "default", "dagster": "dagster", "prefect": "default"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def run_id(started: RunEvent) -> str:
    """Return the id of an attempt of a run: the same, whenever and by whomever it is told."""
    key = started.run
    words = (key.system, key.deployment, key.run_id, key.node, key.part, str(started.attempt or 1))
    return str(generate_static_uuid(started.at, "\0".join(words).encode()))


def job_name(started: RunEvent) -> str:
    """Return the name of a run's job: ``project/job``, and the step of an orchestrator's job.

    A script's job is its type of job, else its name; a retry that is called otherwise has another one.
    """
    return f"{started.project}/{_job(started)}"


def _job(started: RunEvent) -> str:
    key, above = started.run, _above(started)
    if above is None:
        if key.system == "watch":
            return key.node
        return started.job_type or started.name or key.system
    if key.system == "airflow" or key.node in {"", above}:
        return above
    return f"{above}.{key.node}"


def parent(started: RunEvent) -> parent_run.ParentRunFacet | None:
    """Return the run of the orchestrator that a run was part of; None of a script.

    Named as the OpenLineage integrations of Airflow, Dagster and Prefect name it. The id is Dagster's and Prefect's
    own; Airflow's is derived from the logical date as its provider does, where the run id tells it.
    """
    key, name = started.run, _above(started)
    if name is None:
        return None
    namespace = os.environ.get(_NAMESPACE) or _DEFAULT_NAMESPACES[key.system]
    return parent_run.ParentRunFacet(
        run=parent_run.Run(runId=_id_above(started, namespace, name)),
        job=parent_run.Job(namespace=namespace, name=name),
        producer=PRODUCER,
    )


def _above(started: RunEvent) -> str | None:
    key = started.run
    if key.system == "airflow":
        return f"{key.run_id.partition('/')[0]}.{key.node}"
    if key.system in _DEFAULT_NAMESPACES:
        return started.job_type or started.name or key.node or key.system
    return None


def _id_above(started: RunEvent, namespace: str, name: str) -> str:
    key = started.run
    if key.system == "airflow":
        moment = _MOMENT.search(key.run_id)
        if moment is not None:
            words = f"{namespace}.{name}.{started.attempt or 1}.{key.part or -1}"
            return str(generate_static_uuid(datetime.fromisoformat(moment[0]), words.encode()))
    try:
        return str(uuid.UUID(key.run_id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, _address(key)))


def _address(key: RunKey) -> str:
    return f"{key.system}/{key.deployment}/{key.run_id}"
