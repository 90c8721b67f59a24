"""run_key: which run of the registry a task instance is."""

from __future__ import annotations

from typing import Any

import landfast

from landfast_provider.version_compat import conf

SYSTEM = "airflow"


def run_key(ti: Any) -> landfast.RunKey:
    """Return the registry's key of a task instance; every try of it has the same.

    Args:
        ti: The task instance, as ``context["ti"]`` or ``{{ task_instance }}`` have it.

    Example:
        >>> run_key(context["ti"]).encode()  # doctest: +SKIP
        'r1.WyJhaXJmbG93...'
    """
    return landfast.RunKey(
        system=SYSTEM,
        deployment=deployment(),
        run_id=f"{ti.dag_id}/{ti.run_id}",
        node=ti.task_id,
        part=str(ti.map_index) if is_mapped(ti) else "",
    )


def is_mapped(ti: Any) -> bool:
    """Whether a task instance is one of several of a mapped task."""
    return ti.map_index is not None and ti.map_index >= 0


def deployment() -> str:
    """Return what tells this Airflow from others: ``[landfast] deployment``, else the base URL."""
    return conf.get("landfast", "deployment", fallback="") or base_url()


def base_url() -> str:
    """Return where this Airflow's pages are, without a final slash."""
    return str(conf.get("api", "base_url", fallback="http://localhost:8080/")).rstrip("/")
