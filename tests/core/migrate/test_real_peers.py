"""The tools themselves, in environments of their own, record; what they recorded comes over, is intact, and is read.

`scripts/peer-environments` makes the environments; without them these tests are skipped, or fail in a complete run.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from kit.servers.moto import Moto
from kit.servers.process import ServerMissing
from kit.servers.scripted import Scripted
from landfast import Client

from tests.conftest import skipping_if_missing
from tests.core.migrate.conftest import files
from tests.core.migrate.making import ENVIRONMENTS, SCRIPTS, STEPS, run_peer, take_step

pytestmark = pytest.mark.nightly

# Where what a tool recorded is read from, the artifact of it that all record, and the names of the files in it.
PLACES = {
    "wandb": ("exported", "vision/mnist", ""),
    "dagster-wandb": ("dagster", "vision/mnist~2026-05-01", ""),
    "quilt": ("data/Quilt/packages", "team/mnist", ""),
    "dvc": ("mnist.dvc", "mnist", ""),
    "datachain": ("root", "mnist", "mnist/"),
}


def python_of(environment: str) -> Path:
    """Return an environment's Python; skip where it was not made, unless the run has to be complete."""
    python = ENVIRONMENTS / environment / "bin" / "python"
    with skipping_if_missing():
        if not python.exists():
            raise ServerMissing(f"{python} is not there: scripts/peer-environments makes it")
    return python


@pytest.mark.parametrize("peer", SCRIPTS)
def test_what_a_tool_records_comes_over_after_every_step(
    peer: str, client: Client, s3: Moto, tmp_path: Path
) -> None:
    python_of(SCRIPTS[peer][1])
    place, name, above = PLACES[peer]
    folder = tmp_path / "theirs"
    folder.mkdir()
    there: dict[str, bytes] = {}
    for step, changes in enumerate(STEPS):
        take_step(s3, step)
        run_peer(peer, s3, folder, step)
        for path, body in changes.items():
            there.pop(above + path, None)
            if body is not None:
                there[above + path] = body.encode()
        report = client.import_from(peer, folder / place, allow_missing=peer == "dagster-wandb")
        assert report.exit_code == 0
        latest = client.get(name)
        assert latest.version == f"v{step % 2}"
        assert client.verify(latest).summary.startswith(f"{len(there)} intact")
        client.download(latest, tmp_path / f"there-{step}")
        assert files(tmp_path / f"there-{step}") == there
    assert [version.version for version in client.versions(name)] == ["v1", "v0"]


def test_references_of_wandb_to_files_and_urls_come_over(
    client: Client, tmp_path: Path, http_script: Scripted
) -> None:
    python = python_of("wandb")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a b#1.txt").write_text("of a file")
    http_script.put("/page.txt", b"of a page")
    script = f"""
import wandb
import wandb.sdk.interface.interface as interface
with wandb.init(mode="offline", project="vision", entity="acme", settings=dict(silent=True)) as run:
    artifact = wandb.Artifact("places", type="dataset")
    artifact.add_reference("file://{tmp_path}/data")
    artifact.add_reference("{http_script.url}/page.txt")
    run.log_artifact(artifact)
    interface.MANIFEST_FILE_SIZE_THRESHOLD = 0  # of 100,000, beyond which entries lie in a file of their own
    many = wandb.Artifact("many", type="dataset")
    many.add_reference("file://{tmp_path}/data")
    run.log_artifact(many)
"""
    subprocess.run([python, "-c", script], cwd=tmp_path, check=True, timeout=300)
    report = client.import_from("wandb", tmp_path / "wandb")
    assert [each.verified for each in report.versions] == ["2 intact", "1 intact"]
    client.download("vision/places", tmp_path / "there")
    assert files(tmp_path / "there") == {"a b#1.txt": b"of a file", "page.txt": b"of a page"}
