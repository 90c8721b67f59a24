"""Landfast: `client.log`, `client.download`, as docs/python.md has them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import boto3.s3.inject  # noqa: F401 - imported late by landfast, once for all calls here
import landfast

from conformance.drivers.serve import serve


def _client() -> landfast.Client:
    return landfast.Client(f"sqlite:///{os.environ['RECORDS']}/registry.db", project="torture")


def log(name: str, uris: list[str], limit: int | None, single: bool) -> str:  # noqa: ARG001
    """Record places as the next version."""
    client = _client()
    draft = landfast.Artifact(name, type="dataset", client=client)
    for uri in uris:
        draft.add_reference(uri, max_objects=limit)
    return client.log_artifact(draft).version


def download(name: str, version: str, target: str) -> None:
    """Bring the recorded bytes to a folder."""
    _client().download(f"{name}:{version}", target)


def paths(name: str, version: str) -> list[str]:
    """List what a version holds."""
    return [entry.path for entry in _client().get(f"{name}:{version}").entries()]


def left_out(name: str, version: str) -> list[str]:
    """List what a version says that it is without."""
    skipped = _client().get(f"{name}:{version}").skipped
    return [example for row in skipped for example in row.examples]


def warm_up() -> None:
    """Import what landfast imports late, by using it once."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "data").mkdir()
        Path(folder, "data", "a.txt").touch()
        settings = landfast.load_settings(
            registry_url=f"sqlite:///{folder}/registry.db", cache_dir=f"{folder}/cache"
        )
        client = landfast.Client(settings=settings)
        client.log("data", f"{folder}/data").download(f"{folder}/target")
        client.close()


if __name__ == "__main__":
    warm_up()
    serve(log=log, download=download, paths=paths, left_out=left_out)
