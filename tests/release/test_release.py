"""A release, made for real in a clone: what it refuses, what it makes, and that a dry run changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("cyclonedx")
pytest.importorskip("hatchling")
pytest.importorskip("twine")

ROOT = Path(__file__).parents[2]
VERSION = "7.8.9"
DISTRIBUTIONS = ["airflow-provider-landfast", "dagster-landfast", "landfast", "prefect-landfast"]


class Checkout:
    """A clone of this repository, with its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
        for name in (".venv", ".tools"):
            (folder / name).symlink_to(ROOT / name)
        with (folder / ".git/info/exclude").open("a") as file:
            file.write("/.venv\n/.tools\n")
        self.git("switch", "--quiet", "--force-create", "main")
        self.git("config", "user.name", "A Tester")
        self.git("config", "user.email", "tester@example.com")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def state(self) -> list[str]:
        asked = ["rev-parse HEAD", "tag --list", "status --porcelain", "worktree list", "branch"]
        return [self.git(*words.split()) for words in asked]

    def release(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "scripts/release", *words, "--without-wheels-check"],
            check=False,
            cwd=self.folder,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("needs a checkout by git")
    if not (ROOT / ".venv").exists():
        pytest.skip("needs the development environment in .venv")
    return Checkout(tmp_path / "clone")


@pytest.mark.system
def test_a_release_is_refused_before_anything_is_changed(checkout: Checkout) -> None:
    def refused(*words: str) -> str:
        before = checkout.state()
        done = checkout.release(*words)
        assert done.returncode == 1
        assert checkout.state() == before
        return done.stderr

    assert "is not a version" in refused("1.2")
    assert "0.0.1 is older than" in refused("0.0.1")
    checkout.git("tag", f"v{VERSION}")
    assert "is there already" in refused(VERSION)
    checkout.git("switch", "--quiet", "--create", "other")
    assert "the branch is other, expected main" in refused("7.9.0")
    checkout.git("switch", "--quiet", "main")
    (checkout.folder / "new.txt").write_text("new")
    assert "changes that are in no commit" in refused("7.9.0")
    (checkout.folder / "new.txt").unlink()

    # What fails late, in the second checkout, leaves the first as it was, too.
    changelog = checkout.folder / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## [Unreleased]\n")
    checkout.git("commit", "--quiet", "--all", "--no-verify", "--message", "Forget the changelog")
    assert "nothing under Unreleased" in refused("7.9.0")


@pytest.mark.system
def test_a_release_that_is_stopped_leaves_the_checkout_as_it_was(checkout: Checkout) -> None:
    before = checkout.state()
    words = [sys.executable, "scripts/release", VERSION]
    with subprocess.Popen(
        words, cwd=checkout.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as release:
        assert release.stdout is not None
        assert any(line.startswith("== building") for line in release.stdout)
        release.terminate()
        release.communicate()
    assert release.returncode != 0
    assert checkout.state() == before


@pytest.mark.system
def test_a_release_is_all_there_and_a_dry_run_changes_nothing(checkout: Checkout) -> None:
    before = checkout.state()
    dry = checkout.release(VERSION, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert checkout.state() == before
    assert not (checkout.folder / "dist/release").exists()

    done = checkout.release(VERSION)
    assert done.returncode == 0, done.stderr
    out = checkout.folder / "dist/release"
    assert f"git push origin main v{VERSION}" in done.stdout
    assert "twine upload dist/release/*.whl dist/release/*.tar.gz" in done.stdout
    check_commit(checkout, before[0])
    check_files(out)
    check_sums(out)
    check_bills(out)
    check_recipes(out)

    # Whoever checks out the tag gets the same bytes.
    built = checkout.folder / "dist/again"
    subprocess.run([ROOT / "scripts/build", checkout.folder, built], check=True)
    for file in (*built.glob("*.whl"), *built.glob("*.tar.gz")):
        assert file.read_bytes() == (out / file.name).read_bytes(), file.name


def check_commit(checkout: Checkout, before: str) -> None:
    assert checkout.git("rev-parse", "HEAD~1") == before
    assert checkout.git("log", "-1", "--format=%s %an") == f"Release {VERSION} A Tester"
    assert checkout.git("rev-parse", f"v{VERSION}^{{commit}}") == checkout.git("rev-parse", "HEAD")
    assert checkout.git("status", "--porcelain") == ""
    changed = checkout.git("diff", "--name-only", "HEAD~1").splitlines()
    projects = ["core", "integrations/airflow", "integrations/dagster", "integrations/prefect"]
    files = [f"{folder}/pyproject.toml" for folder in projects]
    assert changed == sorted(["CHANGELOG.md", "CITATION.cff", *files, "uv.lock"])
    lock = tomllib.loads((checkout.folder / "uv.lock").read_text())
    found = {one["name"]: one["version"] for one in lock["package"] if one["name"] in DISTRIBUTIONS}
    assert found == dict.fromkeys(DISTRIBUTIONS, VERSION)
    text = checkout.git("diff", "--text", "--unified=0", "HEAD~1", "--", "uv.lock")
    added = [line for line in text.splitlines() if line.startswith("+") and line[:3] != "+++"]
    assert len(added) <= 12, "the lock changed more than the versions"


def check_files(out: Path) -> None:
    names = {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()}
    stems = [f"{name.replace('-', '_')}-{VERSION}" for name in DISTRIBUTIONS]
    assert names == {
        "RELEASE_NOTES.md",
        "SHA256SUMS",
        *(f"{stem}.tar.gz" for stem in stems),
        *(f"{stem}-py3-none-any.whl" for stem in stems),
        *(f"{name}-{VERSION}.cdx.json" for name in DISTRIBUTIONS),
        *(f"conda/{name}/recipe.yaml" for name in DISTRIBUTIONS),
        "container/Dockerfile",
        "container/requirements.txt",
        f"container/landfast-{VERSION}-py3-none-any.whl",
    }
    notes = (out / "RELEASE_NOTES.md").read_text()
    assert notes.startswith("### ")
    assert "[Unreleased]" not in notes


def check_sums(out: Path) -> None:
    lines = (out / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == sum(file.is_file() for file in out.rglob("*")) - 1
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


def check_bills(out: Path) -> None:
    for name in DISTRIBUTIONS:
        text = (out / f"{name}-{VERSION}.cdx.json").read_text()
        assert "file://" not in text
        assert os.fspath(ROOT) not in text
        bill = json.loads(text)
        assert bill["metadata"]["component"]["purl"] == f"pkg:pypi/{name}@{VERSION}"
        scopes = {one["name"]: one["scope"] for one in bill["components"]}
        assert scopes["pyarrow"] == "required"
        assert scopes["boto3"] == "optional"
        assert all(one["purl"].startswith("pkg:pypi/") for one in bill["components"])
        files = bill["metadata"]["component"]["externalReferences"]
        for one in (one for one in files if one["type"] == "distribution"):
            wanted = hashlib.sha256((out / one["url"]).read_bytes()).hexdigest()
            assert one["hashes"] == [{"alg": "SHA-256", "content": wanted}]


def check_recipes(out: Path) -> None:
    rattler_build = pytest.importorskip("rattler_build")
    for name in DISTRIBUTIONS:
        file = out / "conda" / name / "recipe.yaml"
        rendered = rattler_build.Stage0Recipe.from_file(file).render(
            rattler_build.VariantConfig({"python": ["3.11.*"]})
        )
        assert len(rendered) == 1
        recipe: dict[str, Any] = rendered[0].recipe.to_dict()
        assert recipe["package"] == {"name": name, "version": VERSION}
        sdist = out / f"{name.replace('-', '_')}-{VERSION}.tar.gz"
        said = yaml.safe_load(file.read_text())
        assert said["source"]["sha256"] == hashlib.sha256(sdist.read_bytes()).hexdigest()
        needs = recipe["requirements"]["run"]
        assert needs[0] == "python >=3.11,<3.14"
        if name == "landfast":
            assert {"pyarrow >=21", "sqlalchemy >=2.0.40,<2.2"} <= set(needs)
            optional = set(said["requirements"]["run_constraints"])
            assert {"python-duckdb >=2", "prometheus_client >=0.22", "psycopg >=3.2"} <= optional
            assert not {one.split()[0] for one in needs} & {one.split()[0] for one in optional}
            assert said["build"]["python"]["entry_points"] == ["landfast = landfast.cli:main"]
        else:
            assert "landfast >=7.8,<7.9" in needs
