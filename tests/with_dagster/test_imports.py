"""Importing the package adds little to the import of Dagster: nothing heavy, and nothing that Dagster has not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import dagster_landfast

# What Dagster itself loads is no cost of ours.
HEAVY = {
    *("alembic", "boto3", "botocore", "dagster_aws", "dagster_gcp", "fsspec", "google", "moto"),
    *("numpy", "pandas", "polars", "psycopg", "pyarrow", "requests", "upath", "wcmatch"),
}
PACKAGE = Path(dagster_landfast.__file__).parent


def added_by(statement: str) -> list[str]:
    """Run a statement behind `import dagster` in a fresh interpreter; return the modules that it adds."""
    probe = (
        "import json, sys, dagster\nbefore = set(sys.modules)\n"
        f"{statement}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", probe], check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    found: list[str] = json.loads(done.stdout)
    return found


def test_importing_loads_nothing_heavy_and_prints_nothing() -> None:
    modules = added_by("import dagster_landfast")
    assert "dagster_landfast" in modules
    assert HEAVY.isdisjoint(name.partition(".")[0] for name in modules)


def test_importing_adds_few_modules_of_others() -> None:
    modules = added_by("import dagster_landfast")
    foreign = {m.partition(".")[0] for m in modules} - {"dagster_landfast", "landfast", "dagster"}
    assert foreign <= {"tomllib", "_sha2", "ipaddress"} | set(sys.stdlib_module_names), foreign


def test_the_probe_notices_a_heavy_module() -> None:
    assert "pyarrow" in added_by("import dagster_landfast, pyarrow")


def test_private_names_of_dagster_are_imported_in_one_module_only() -> None:
    private = re.compile(r"^\s*(?:from|import)\s+dagster\w*(?:\.\w+)*\._", re.MULTILINE)
    found = [p.name for p in PACKAGE.rglob("*.py") if private.search(p.read_text(encoding="utf-8"))]
    assert found in ([], ["compat.py"])


def test_every_exported_name_is_there_and_sorted() -> None:
    assert list(dagster_landfast.__all__) == sorted(set(dagster_landfast.__all__))
    assert all(getattr(dagster_landfast, name) is not None for name in dagster_landfast.__all__)
