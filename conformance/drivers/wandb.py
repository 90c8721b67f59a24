"""W&B: `add_reference` and `log_artifact` in an offline run, and the download of its client.

What W&B's server would keep is a file here: the manifest that the client made, under its digest.  Equal digests are
one version, as the server has it.  The names of a version's files, of which the client asks the server before a
download, are told from the manifest; the rest of the download is W&B's own code.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3  # noqa: F401 - imported by wandb when it meets S3
import wandb
from wandb.sdk.artifacts.artifact_manifest import ArtifactManifest

from conformance.drivers.serve import serve


def _records(name: str) -> Path:
    folder = Path(os.environ["RECORDS"], name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _environment() -> None:
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "false"}
    if "AWS_ENDPOINT_URL_S3" in os.environ:
        os.environ["AWS_S3_ENDPOINT_URL"] = os.environ["AWS_ENDPOINT_URL_S3"]


def log(name: str, uris: list[str], limit: int | None, single: bool) -> str:  # noqa: ARG001
    """Record places as the next version."""
    _environment()
    with wandb.init(entity="torture", project="torture", job_type="log") as run:
        artifact = wandb.Artifact(name, type="dataset")
        for uri in uris:
            artifact.add_reference(uri, max_objects=limit)
        run.log_artifact(artifact)
    file = _records(name) / f"{artifact.digest}.json"
    if not file.exists():
        file.write_text(json.dumps(artifact.manifest.to_manifest_json()))
    return str(artifact.digest)


def _logged(name: str, version: str) -> wandb.Artifact:
    """Make the artifact of a manifest on record."""
    _environment()
    artifact = wandb.Artifact(name, type="dataset")
    known = json.loads((_records(name) / f"{version}.json").read_text())
    artifact._manifest = ArtifactManifest.from_manifest_json(known)
    for entry in artifact.manifest.entries.values():
        entry._parent_artifact = artifact
    return artifact


def download(name: str, version: str, target: str) -> None:
    """Bring the recorded bytes to a folder."""
    artifact = _logged(name, version)
    nodes = [SimpleNamespace(name=path, direct_url="") for path in artifact.manifest.entries]
    page = SimpleNamespace(
        page_info=SimpleNamespace(has_next_page=False, end_cursor=None),
        edges=[SimpleNamespace(node=node) for node in nodes],
    )
    artifact._fetch_file_urls = lambda **_: page
    artifact.get_entry = lambda path: artifact.manifest.entries[path]
    artifact._download(target)


def paths(name: str, version: str) -> Any:
    """List what a version holds."""
    return list(_logged(name, version).manifest.entries)


if __name__ == "__main__":
    serve(log=log, download=download, paths=paths)
