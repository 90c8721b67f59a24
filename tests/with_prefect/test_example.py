"""The example runs as its first lines say, and does what it says."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import landfast
import pytest
from kit.visitor import every_page

from tests.with_prefect.server import PrefectServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "prefect_flow.py"


def test_the_example_says_how_it_is_run() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert "python prefect_flow.py" in (ast.get_docstring(ast.parse(text)) or "")
    assert len(text.splitlines()) <= 120


@pytest.mark.system
def test_the_example_trains_on_each_change_and_not_twice_on_the_same_data(
    prefect_server: PrefectServer,
) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLE], capture_output=True, text=True, timeout=580, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "flowers:v0: Completed",
        "flowers:v1: Completed",
        "flowers:v0: Cached",
    ]


@pytest.mark.system
def test_every_page_of_what_its_flows_recorded(
    prefect_server: PrefectServer, registry_url: str, tmp_path: Path
) -> None:
    flows = runpy.run_path(str(EXAMPLE), run_name="example")
    (tmp_path / "flowers").mkdir()
    (tmp_path / "flowers" / "rose.txt").write_text("red")
    flows["snapshot_artifact"](name="demo/flowers", uri=(tmp_path / "flowers").as_uri() + "/")
    flows["train"]("demo/flowers:v0")
    visited = every_page(landfast.Client(registry_url))
    assert "/default/demo/flowers?version=v0" in visited
    assert sum(path.startswith("/-/run/") for path in visited) >= 2
