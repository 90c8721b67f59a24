"""ARTIFACT_DIGEST: unchanged content and parameters are not computed again, in any process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import landfast
import pytest
from prefect.cache_policies import INPUTS
from prefect_landfast import ARTIFACT_DIGEST

SCRIPT = Path(__file__).with_name("cached_training.py")


def run_in_a_new_process(*steps: str, folder: Path) -> tuple[list[str], str]:
    """Return the states of the trainings, and everything that was said."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *steps],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    states = [line for line in done.stdout.splitlines() if ": model of" in line]
    return states, done.stdout + done.stderr


@pytest.mark.system
@pytest.mark.usefixtures("registry_url", "prefect_server")
def test_the_same_content_and_parameters_are_cached_across_processes(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    states, said = run_in_a_new_process(
        "write=one", "lr=0.1", "lr=0.1", "lr=0.2", "write=two", "lr=0.1", folder=folder
    )
    assert states == [
        "Completed: model of v0 with 0.1",
        "Cached: model of v0 with 0.1",
        "Completed: model of v0 with 0.2",
        "Completed: model of v1 with 0.1",
    ]
    assert "results are kept on this machine's disk" not in said, (
        "mend 31: no other machine runs it"
    )
    states, _ = run_in_a_new_process("lr=0.1", "write=one", "lr=0.2", folder=folder)
    assert states == ["Cached: model of v1 with 0.1", "Cached: model of v0 with 0.2"]
    used = [
        edge
        for edge in landfast.Client().lineage("flowers:v1").edges
        if edge.run.node == "use_artifact"
    ]
    assert len(used) == 2, "a use whose training was cached leaves its edge all the same"


def test_the_policy_goes_with_others_and_without_parameters() -> None:
    assert (ARTIFACT_DIGEST - "verbose").exclude == ["verbose"]
    assert ARTIFACT_DIGEST.exclude == []
    assert len((ARTIFACT_DIGEST + INPUTS).policies) == 2  # type: ignore[attr-defined]


def test_under_prefects_own_policy_a_version_counts_by_name_and_content(
    registry_url: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    client = landfast.Client()
    versions = [client.log("flowers", tmp_path / "a"), client.promote("flowers", "prod")]
    (tmp_path / "a").write_text("b")
    versions.append(client.log("flowers", tmp_path / "a"))
    keys = [INPUTS.compute_key(None, {"data": v}, {}) for v in versions]  # type: ignore[arg-type]
    assert keys[0] == keys[1] != keys[2]
    assert registry_url
