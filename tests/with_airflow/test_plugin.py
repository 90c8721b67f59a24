"""The plugin: found by its entry point, and a page for each task instance where a web UI is named."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

PROBE = """
import json
from landfast_provider.plugin import LandfastPlugin
print(json.dumps(LandfastPlugin.external_views))
"""


def views(home: Path, **environment: str) -> list[dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        check=True,
        capture_output=True,
        text=True,
        env={"AIRFLOW_HOME": str(home), "PATH": "/usr/bin:/bin", **environment},
    )
    return list(json.loads(done.stdout.splitlines()[-1]))


def test_airflow_finds_the_plugin() -> None:
    [point] = [each for each in entry_points(group="airflow.plugins") if each.name == "landfast"]
    plugin = point.load()
    assert plugin.name == "landfast"
    assert [macro.__name__ for macro in plugin.macros] == ["env", "registry_url", "use"]


def test_a_task_instance_leads_to_its_run_in_the_web_ui(tmp_path: Path) -> None:
    [view] = views(
        tmp_path,
        AIRFLOW__LANDFAST__UI_URL="https://landfast.example/",
        AIRFLOW__API__BASE_URL="https://airflow.example/",
    )
    assert view["destination"] == "task_instance"
    assert view["href"] == (
        "https://landfast.example/runs?system=airflow&deployment=https%3A%2F%2Fairflow.example"
        "&run={DAG_ID}/{RUN_ID}&node={TASK_ID}&part={MAP_INDEX}"
    )


def test_without_a_web_ui_there_is_no_page(tmp_path: Path) -> None:
    assert views(tmp_path) == []
