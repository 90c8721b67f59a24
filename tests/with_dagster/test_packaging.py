"""Dagster finds the package, in the environment that has only this integration."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import dagster_landfast
import pytest
from dagster_shared.libraries import DagsterLibraryRegistry

COMPONENT = "dagster_landfast.components.LandfastSnapshotsComponent"


def run(program: str, *arguments: str, cwd: Path) -> str:
    """Run a program of this environment as in a shell; return what it prints."""
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def items(printed: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(printed)["items"]
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as `create-dagster` makes it, in this environment."""
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("DAGSTER_DG_UPDATE_CHECK_ENABLED", "0")  # it would ask the internet
    run("create-dagster", "project", "shop", "--no-uv-sync", cwd=tmp_path)
    return tmp_path / "shop"


def test_the_library_registers_itself_under_its_own_version() -> None:
    assert DagsterLibraryRegistry.get()["dagster-landfast"] == version("dagster-landfast")
    assert dagster_landfast.__version__ == version("dagster-landfast")


def test_the_component_registry_entry_point_loads() -> None:
    group = entry_points(group="dagster_dg_cli.registry_modules")
    module = group["dagster_landfast"].load()
    assert module.__name__ == "dagster_landfast.components"


def test_a_new_project_has_the_component_and_scaffolds_it(project: Path) -> None:
    listed = items(
        run("dg", "list", "components", "--package", "dagster_landfast", "--json", cwd=project)
    )
    assert [item["key"] for item in listed] == [COMPONENT]
    assert listed[0]["summary"]
    run("dg", "scaffold", "defs", COMPONENT, "external", cwd=project)
    external = project / "src/shop/defs/external"
    assert COMPONENT in (external / "defs.yaml").read_text(encoding="utf-8")
    assert (external / "snapshots.yaml").exists()
