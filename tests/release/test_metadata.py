"""What the packages say of themselves: one address everywhere, a valid citation, a changelog to release."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from kit.scripts import load_script

ROOT = Path(__file__).parents[2]
PROJECTS = ["core", "integrations/dagster", "integrations/prefect", "integrations/airflow"]
_ADDRESS = re.compile(
    r"https://(?:raw\.githubusercontent|github)\.com/([\w-]+/landfast)(?![\w-])(?:/(?:blob|raw)?/?main/([\w./-]*[\w]))?"
)


def urls(folder: str) -> dict[str, str]:
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    return dict(project["urls"])


HOME = urls("core")["Repository"]
TRACKED = [
    ROOT / name for name in ("CITATION.cff", "zensical.toml", "README.md", "CONTRIBUTING.md")
] + [
    file
    for folder in ("core", "docs", "integrations", "packaging", "scripts")
    for file in sorted((ROOT / folder).rglob("*"))
    if file.is_file()
    and "__pycache__" not in file.parts
    and file.suffix not in {".png", ".svg", ".gif"}
]


def addresses() -> list[tuple[str, str, str]]:
    """Every file, repository and path of an address of this project."""
    return [
        (str(file.relative_to(ROOT)), found[1], found[2] or "")
        for file in TRACKED
        for found in _ADDRESS.finditer(file.read_text(encoding="utf-8"))
    ]


def test_every_address_is_that_of_the_core_s_metadata() -> None:
    found = addresses()
    assert len(found) > 20
    strangers = {(file, name) for file, name, _ in found if f"https://github.com/{name}" != HOME}
    assert not strangers


def test_every_address_of_a_file_names_a_file_that_is_there() -> None:
    lost = {(file, path) for file, _, path in addresses() if path and not (ROOT / path).exists()}
    assert not lost


@pytest.mark.parametrize("folder", PROJECTS)
def test_every_package_names_its_addresses(folder: str) -> None:
    found = urls(folder)
    assert {**found, "Documentation": ""} == {**urls("core"), "Documentation": ""}
    assert found["Documentation"].startswith(f"{HOME}/blob/main/docs/")


def test_the_citation_is_valid() -> None:
    pytest.importorskip("check_jsonschema")
    words = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.citation-file-format",
    ]
    done = subprocess.run(
        [*words, "CITATION.cff"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


# Changelog


@pytest.fixture(scope="module")
def changelog() -> ModuleType:
    return load_script("changelog")


TEXT = """# Changelog

## [Unreleased]

### Added

- New.

## [0.1.0] - 2026-01-02

### Fixed

- Old.

[Unreleased]: https://example.com/compare/v0.1.0...HEAD
[0.1.0]: https://example.com/releases/tag/v0.1.0
"""


def test_a_release_moves_what_is_unreleased_under_its_version(changelog: ModuleType) -> None:
    text = changelog.moved(TEXT, "0.2.0", "2026-03-04", "https://example.com")
    assert changelog.released(text) == ["0.2.0", "0.1.0"]
    assert "## [Unreleased]\n\n## [0.2.0] - 2026-03-04\n\n### Added\n" in text
    assert changelog.section(text, "0.2.0") == "### Added\n\n- New.\n"
    assert changelog.section(text, "0.1.0") == "### Fixed\n\n- Old.\n"
    assert text.endswith(
        """
[Unreleased]: https://example.com/compare/v0.2.0...HEAD
[0.2.0]: https://example.com/compare/v0.1.0...v0.2.0
[0.1.0]: https://example.com/releases/tag/v0.1.0
"""
    )


def test_a_release_without_changes_is_refused(changelog: ModuleType) -> None:
    text = changelog.moved(TEXT, "0.2.0", "2026-03-04", "https://example.com")
    with pytest.raises(changelog.NotThere, match="nothing under Unreleased"):
        changelog.moved(text, "0.3.0", "2026-03-05", "https://example.com")
    with pytest.raises(changelog.NotThere, match=r"no section for 9\.9\.9"):
        changelog.section(text, "9.9.9")


def test_our_own_changelog_can_be_released_twice(changelog: ModuleType) -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    notes = changelog.section(text, "Unreleased")
    once = changelog.moved(text, "7.0.0", "2030-01-01", HOME)
    assert changelog.section(once, "7.0.0") == notes
    twice = changelog.moved(
        once.replace("## [Unreleased]\n", "## [Unreleased]\n\n- More.\n"),
        "7.1.0",
        "2030-01-02",
        HOME,
    )
    assert changelog.released(twice)[:2] == ["7.1.0", "7.0.0"]
    assert changelog.section(twice, "7.0.0") == notes
