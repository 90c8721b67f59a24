"""The four distributions carry one version number and lean on each other's."""

import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import landfast
import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECTS = ["core", "integrations/dagster", "integrations/prefect", "integrations/airflow"]
EXTRAS = ["s3", "gcs", "postgres"]


def project(folder: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]


def test_all_distributions_have_the_version_that_is_installed() -> None:
    assert {project(folder)["version"] for folder in PROJECTS} == {version("landfast")}
    assert landfast.__version__ == version("landfast")


def test_the_citation_has_the_version_that_is_installed() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == version("landfast")


def test_the_changelog_has_a_section_for_the_version_or_unreleased() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{version('landfast')}]" in text or "## [Unreleased]" in text


@pytest.mark.parametrize("folder", PROJECTS[1:])
def test_an_integration_needs_the_core_of_its_own_minor_version(folder: str) -> None:
    major, minor, _ = (int(part) for part in version("landfast").split("."))
    wanted = f"landfast>={major}.{minor},<{major}.{minor + 1}"
    assert wanted in project(folder)["dependencies"]


@pytest.mark.parametrize("folder", PROJECTS)
def test_every_distribution_takes_the_same_extras(folder: str) -> None:
    extras = project(folder)["optional-dependencies"]
    assert set(EXTRAS) <= set(extras)
    if folder != "core":
        assert {name: extras[name] for name in EXTRAS} == {n: [f"landfast[{n}]"] for n in EXTRAS}


@pytest.mark.parametrize("folder", PROJECTS)
def test_every_distribution_supports_the_same_pythons_and_carries_its_licence(folder: str) -> None:
    assert project(folder)["requires-python"] == project("core")["requires-python"]
    assert project(folder)["license"] == "Apache-2.0"
    assert (ROOT / folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
