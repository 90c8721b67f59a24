"""Airflow finds the provider, in the environment that has only this integration."""

import json
import subprocess
import sys
from importlib.metadata import entry_points, version
from importlib.resources import files

import jsonschema
import pytest
from landfast_provider.get_provider_info import get_provider_info


@pytest.fixture(scope="module")
def schema() -> dict[str, object]:
    # Read as a file: importing the airflow package would set up its configuration and database.
    distribution_files = files("airflow").joinpath("provider_info.schema.json")
    return json.loads(distribution_files.read_text())


def test_provider_info_validates_against_the_installed_schema(schema: dict[str, object]) -> None:
    jsonschema.validate(get_provider_info(), schema=schema)


def test_the_schema_does_refuse_a_broken_provider_info(schema: dict[str, object]) -> None:
    broken = {**get_provider_info(), "hooks": "not a list"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema=schema)


def test_the_provider_entry_point_answers_this_package() -> None:
    group = entry_points(group="apache_airflow_provider")
    mine = [point for point in group if point.value.startswith("landfast_provider.")]
    assert [point.load()()["package-name"] for point in mine] == ["airflow-provider-landfast"]


def test_the_providers_manager_lists_the_provider(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    probe = (
        "from airflow.providers_manager import ProvidersManager;"
        "print(ProvidersManager().providers['airflow-provider-landfast'].version)"
    )
    home = tmp_path_factory.mktemp("airflow")
    listed = subprocess.run(
        [sys.executable, "-c", probe],
        check=True,
        capture_output=True,
        text=True,
        env={"AIRFLOW_HOME": str(home), "PATH": "/usr/bin:/bin"},
    )
    assert listed.stdout.split()[-1] == version("airflow-provider-landfast")


def test_reading_the_provider_info_loads_neither_airflow_nor_a_cloud_client() -> None:
    probe = (
        "import sys, landfast_provider.get_provider_info as info; info.get_provider_info();"
        "loaded = {'airflow', 'landfast', 'boto3', 'google.cloud.storage', 'sqlalchemy'} & set(sys.modules);"
        "assert not loaded, loaded"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
