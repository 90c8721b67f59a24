"""A type checker sees through the tasks."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

USAGE = Path(__file__).with_name("typed_usage.py")


@pytest.mark.system
@pytest.mark.skipif(
    importlib.util.find_spec("mypy") is None,
    reason="no mypy beside the oldest Prefect, which types the call of an async task otherwise",
)
def test_parameters_and_results_of_the_verbs_are_typed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(USAGE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
