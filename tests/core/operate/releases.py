"""Earlier releases of landfast, built from this repository's history, each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.servers.process import ServerMissing
from landfast.registry.schema.tables import REVISIONS

ROOT = Path(__file__).parents[3]
MIGRATIONS = "core/src/landfast/registry/schema/migrations/versions"
UV = ROOT / ".tools/bin/uv"


@dataclass(frozen=True, kw_only=True)
class Release:
    """An installed landfast, as a shell knows it."""

    bin: Path

    def run(self, *words: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a command of it in a folder."""
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "LANDFAST_REGISTRY_URL": url,
            "LANDFAST_CACHE_DIR": str(folder / "cache"),
            "LANDFAST_PROJECT": "p",
        }
        return subprocess.run(
            [str(self.bin / "landfast"), *words],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, *words: str, url: str, folder: Path) -> Any:
        """Run a command that has to succeed; return its JSON."""
        done = self.run(*words, "--json", url=url, folder=folder)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)


def previous() -> str:
    """Name the newest tag whose schema is older; without one the commit before the schema's last revision."""
    for tag in _git("tag", "--list", "v*", "--sort=-version:refname").split():
        if REVISIONS[-1] not in _git("ls-tree", "--name-only", f"{tag}:{MIGRATIONS}"):
            return tag
    return _before("--diff-filter=A", "--", f"{MIGRATIONS}/{REVISIONS[-1]}_*.py")


def before_deltas() -> str:
    """Name the last commit that called itself 0.1.0."""
    return _before('-Sversion = "0.1.1"', "--", "core/pyproject.toml")


def install(commit: str, folder: Path) -> Release:
    """Build the wheel of a commit, and install it with what it needs for PostgreSQL."""
    source, place = folder / "source", folder / "environment"
    source.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "archive", commit, "core", "LICENSE"], cwd=ROOT, check=True, capture_output=True
    )
    subprocess.run(["tar", "-x"], cwd=source, input=archive.stdout, check=True)
    _uv("build", "--quiet", "--wheel", "--out-dir", str(folder / "dist"), str(source / "core"))
    (wheel,) = (folder / "dist").glob("landfast-*.whl")
    pinned = folder / "pinned.txt"
    pinned.write_text(_frozen())
    _uv("venv", "--quiet", str(place))
    extras = f"landfast[postgres] @ file://{wheel}"
    _uv(
        *("pip", "install", "--quiet", "--python", str(place), "--constraints", str(pinned)),
        extras,
    )
    return Release(bin=place / "bin")


def _frozen() -> str:
    """Pin dependencies as they are here, so that a release elsewhere does not break the test."""
    exported = (
        *("export", "--frozen", "--quiet", "--no-hashes", "--no-emit-workspace"),
        *("--package", "landfast", "--extra", "postgres", "--no-dev"),
    )
    return _uv(*exported)


def _before(*search: str) -> str:
    found = _git("log", "--reverse", "--format=%H", *search).split()
    if not found:
        raise ServerMissing("the history of this checkout does not reach to an earlier release")
    return f"{found[0]}^"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerMissing(f"no history of an earlier release: {done.stderr}")
    return done.stdout


def _uv(*words: str) -> str:
    program = str(UV) if UV.exists() else "uv"
    done = subprocess.run([program, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"uv {words[0]}: {done.stderr}"
    return done.stdout
