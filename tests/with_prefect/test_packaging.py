"""Prefect finds the package, in the environment that has only this integration."""

import subprocess
import sys
from importlib.metadata import entry_points, version

import prefect_landfast


def test_the_collection_entry_point_loads_the_package() -> None:
    group = entry_points(group="prefect.collections")
    assert group["prefect_landfast"].load() is prefect_landfast
    assert prefect_landfast.__version__ == version("prefect-landfast")


def test_prefect_loads_the_collection_without_an_import_error() -> None:
    # Prefect swallows the import error of a collection and answers the exception in its place.
    from prefect.plugins import load_prefect_collections

    assert load_prefect_collections()["prefect_landfast"] is prefect_landfast


def test_importing_the_package_prints_nothing_and_loads_no_cloud_client() -> None:
    probe = "import sys, prefect_landfast; assert not {'boto3', 'google.cloud'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
