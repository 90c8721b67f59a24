"""`import landfast` is cheap and silent: heavy libraries load on first use."""

import subprocess
import sys

HEAVY = [
    "alembic",
    "boto3",
    "botocore",
    "click",
    "duckdb",
    "fsspec",
    "google",
    "jinja2",
    "numpy",
    "pandas",
    "polars",
    "prometheus_client",
    "psycopg",
    "pyarrow",
    "pyiceberg",
    "requests",
    "rich",
    "sqlalchemy",
    "starlette",
    "urllib3",
    "wcmatch",
    "yaml",
]


def loaded_by(statement: str) -> set[str]:
    """Run a statement in a fresh interpreter; answer the heavy modules that it loaded."""
    probe = (
        f"import sys\n{statement}\nfor name in {HEAVY}:\n    if name in sys.modules: print(name)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", probe], check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_importing_landfast_loads_nothing_heavy_and_prints_nothing() -> None:
    assert loaded_by("import landfast") == set()


def test_a_class_of_it_loads_nothing_heavy_before_it_is_used() -> None:
    assert loaded_by("import landfast; landfast.Client, landfast.Artifact, landfast.Run") == set()


def test_the_probe_notices_a_heavy_module() -> None:
    assert "urllib3" in loaded_by("import landfast, urllib3")
