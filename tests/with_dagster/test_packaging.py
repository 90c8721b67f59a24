"""Dagster finds the package, in the environment that has only this integration."""

import json
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import dagster_landfast
from dagster_shared.libraries import DagsterLibraryRegistry


def test_the_library_registers_itself_under_its_own_version() -> None:
    assert DagsterLibraryRegistry.get()["dagster-landfast"] == version("dagster-landfast")
    assert dagster_landfast.__version__ == version("dagster-landfast")


def test_the_component_registry_entry_point_loads() -> None:
    group = entry_points(group="dagster_dg_cli.registry_modules")
    module = group["dagster_landfast"].load()
    assert module.__name__ == "dagster_landfast.components"


def test_dg_lists_the_component_module(tmp_path: Path) -> None:
    dg = Path(sys.executable).with_name("dg")
    listed = subprocess.run(
        [dg, "list", "registry-modules", "--json"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    modules = [item["module"] for item in json.loads(listed.stdout)["items"]]
    assert "dagster_landfast.components" in modules
