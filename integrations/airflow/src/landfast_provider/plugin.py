"""LandfastPlugin: macros for templates, and the task's page in Landfast's web UI."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin

from landfast_provider import macros
from landfast_provider.run_key import SYSTEM, named_deployment
from landfast_provider.version_compat import conf


def task_views() -> list[dict[str, Any]]:
    """Return the view that leads from a task instance to its run; none where nobody says where pages are."""
    ui_url = conf.get("landfast", "ui_url", fallback="") or os.environ.get("LANDFAST_UI_URL", "")
    if not ui_url:
        return []
    # A page for all: what Airflow's database keeps is not known here.
    named = named_deployment()
    system = f"system={SYSTEM}" + (f"&deployment={quote(named, safe='')}" if named else "")
    run = "run={DAG_ID}/{RUN_ID}&node={TASK_ID}&part={MAP_INDEX}"
    return [
        {
            "name": "Landfast",
            "href": f"{ui_url.rstrip('/')}/runs?{system}&{run}",
            "destination": "task_instance",
            "url_route": "landfast",
        }
    ]


class LandfastPlugin(AirflowPlugin):
    """What Airflow loads of this package by the entry point `airflow.plugins`."""

    name = "landfast"
    macros = [macros.env, macros.registry_url, macros.use]  # noqa: RUF012 - Airflow's type is a list
    external_views = task_views()
